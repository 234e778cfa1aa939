"""Seeds as people write them."""

from penstock.base.refusal import Refused, invalid


def seeds_of(text: str) -> range:
    """Seeds such as `42:52`, first to one past the last, or one seed; raises `Refused`."""
    first, _colon, end = text.partition(":")
    if not (first.isdecimal() and (end or first).isdecimal()):
        raise Refused(
            invalid("seeds_malformed", f"{text!r} names no seeds", "write 42:52, or one seed", "--seeds")
        )
    chosen = range(int(first), int(end) if end else int(first) + 1)
    if not 0 < len(chosen) <= 10_000:
        raise Refused(
            invalid("seeds_malformed", f"{text!r} holds {len(chosen)} seeds", "give 1 to 10000", "--seeds")
        )
    return chosen
