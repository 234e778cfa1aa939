"""The host may fail us at any call: such failures reach the app as faults that say what was being done."""

import contextlib
from collections.abc import Callable, Generator, Iterable, Sequence

import msgspec

from penstock.base.refusal import Fault
from penstock.lease.seen import Seen


@contextlib.contextmanager
def fault(doing: str) -> Generator[None]:
    """Turn an error of the operating system, or a file that is not whole, into a Fault."""
    try:
        yield
    except (OSError, msgspec.DecodeError) as error:
        raise Fault(f"{doing}: {error}") from error


def observe_each(attempts: Iterable[str], see: Callable[[str], Seen | None]) -> Sequence[Seen]:
    """What is seen of each; one that never began (None) is left out.

    One that cannot be looked at just now is left out too, and raises Fault where there is no other: nobody is
    told that nothing is there where nobody could look.
    """
    sights: list[Seen] = []
    failures: list[Fault] = []
    for attempt in attempts:
        try:
            with fault(f"observing attempt {attempt}"):
                sight = see(attempt)
        except Fault as failure:
            failures.append(failure)
        else:
            sights += [sight] if sight else []
    if failures and not sights:
        raise failures[0]
    return sights
