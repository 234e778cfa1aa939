"""Lists of CPUs as Linux writes them (`0-1,4`): the handle of a device made of cores."""

import re

from penstock.base.refusal import Refusal, invalid

CPU_MAX = 8191
_PART = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def parse_cpu_list(text: str, where: str = "cpus") -> tuple[int, ...] | Refusal:
    """The CPUs of a list in ascending order, each once."""
    cpus: set[int] = set()
    for part in text.strip().split(","):
        match = _PART.fullmatch(part.strip())
        if match is None:
            return invalid(
                "cpu_list_malformed", f"{text[:80]!r} is no list of CPUs", "write it as 0-1,4", where
            )
        first, last = int(match.group(1)), int(match.group(2) or match.group(1))
        if last < first or last > CPU_MAX:
            return invalid(
                "cpu_list_malformed", f"{part!r} is no range of CPUs", f"give a-b, at most {CPU_MAX}", where
            )
        cpus.update(range(first, last + 1))
    return tuple(sorted(cpus))


def format_cpu_list(cpus: tuple[int, ...]) -> str:
    """The shortest list that names these CPUs, e.g. `0-1,4`."""
    ordered = sorted(set(cpus))
    starts = [c for c in ordered if c - 1 not in cpus]
    ends = [c for c in ordered if c + 1 not in cpus]
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in zip(starts, ends, strict=True))
