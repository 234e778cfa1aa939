"""What the vendors' command-line tools print, as samples. Pure functions of the text.

Each is tried on output that others recorded on real devices and published (`tests/unit/smi/`, with the source of
each). Their makers promise no format: what a line does not say is None, and what is no table gives no samples.
"""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from penstock.fleet.telemetry import Sample

MIB = 2**20
_BUS = re.compile(r"\b[0-9A-Fa-f]{4,8}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-9A-Fa-f]\b")
_MEMORY = re.compile(r"(\d+)\s*(?:MiB)?\s*[/(]\s*(\d+)\s*MiB")
_POWER = re.compile(r"(\d+(?:\.\d+)?)\s*W\b")
_TEMPERATURE = re.compile(r"(\d+(?:\.\d+)?)\s*[Cc]\b")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_FIRST = re.compile(r"^\|?\s*(\d+)\s+(?:/\s+)?(\S.*?)\s*$")


class Tool(NamedTuple):
    """A vendor's tool: how it is called, who reads it, and on what that was tried."""

    command: tuple[str, ...]
    parse: Callable[[str], Sequence[Sample]]
    tried_on: str
    """Versions whose published output the reader was tried on; '' would mean unverified."""


def parse_table(text: str, *, errors: bool = False) -> tuple[Sample, ...]:
    """Two lines a device, the first with its number, name and bus id: cnmon, ixsmi, mx-smi, mthreads-gmi, xpu-smi.

    With `errors`, the last number of the first line counts uncorrectable errors.
    """
    lines = text.splitlines()
    found = []
    for number, line in enumerate(lines):
        cells = line.strip().strip("|").split("|")
        bus, first = _BUS.search(line), _FIRST.match(cells[0])
        if bus is None or first is None or len(cells) < 3 or number + 1 == len(lines):
            continue
        below = lines[number + 1].strip().strip("|").split("|")
        right = f"{cells[2]} {below[-1] if len(below) > 2 else ''}"
        activity = _PERCENT.search(right)
        memory = _MEMORY.search(line) or _MEMORY.search(lines[number + 1])
        counted = re.search(r"(\d+)\s*$", cells[2]) if errors else None
        found.append(
            Sample(
                index=int(first[1]),
                handle=bus[0],
                name=re.split(r"\s{2,}", first[2])[0],
                activity=None if activity is None else float(activity[1]) / 100,
                memory_used_bytes=None if memory is None else int(memory[1]) * MIB,
                memory_total_bytes=None if memory is None else int(memory[2]) * MIB,
                power_w=_number(_POWER.search(below[0])),
                temperature_c=_number(_TEMPERATURE.search(lines[number + 1])),
                errors=None if counted is None else int(counted[1]),
            )
        )
    return tuple(found)


def parse_counting_errors(text: str) -> tuple[Sample, ...]:
    """The same of a tool whose first line ends with a count of memory errors: cnmon, xpu-smi of Kunlunxin."""
    return parse_table(text, errors=True)


_NPU = re.compile(r"^\|\s*(\d+)\s+(\S+)\s*\|\s*(\S+)\s*\|\s*(\S+)\s+(\S+)\s+\d+\s*/\s*\d+\s*\|")
_CHIP = re.compile(
    r"^\|\s*(\d+)(?:\s+(\d+))?\s*\|\s*(\S+)\s*\|\s*(\S+)\s+(\d+)\s*/\s*(\d+)(?:\s+(\d+)\s*/\s*(\d+))?\s*\|"
)


def parse_npu_smi(text: str) -> tuple[Sample, ...]:
    """`npu-smi info`: two lines a chip. A card of two chips says its power once, at the first.

    The number is the physical one where the tool says it, otherwise the NPU's.
    """
    found: list[Sample] = []
    above: re.Match[str] | None = None
    for line in text.splitlines():
        chip = _CHIP.match(line) if above else None
        if chip is None or above is None:
            above = _NPU.match(line)
            continue
        used, total = (chip[7], chip[8]) if chip[8] and int(chip[8]) else (chip[5], chip[6])
        activity = _plain(chip[4])
        found.append(
            Sample(
                index=int(chip[2] or above[1]),
                handle="" if chip[3] == "NA" else chip[3],
                name=above[2],
                activity=None if activity is None else activity / 100,
                memory_used_bytes=int(used) * MIB,
                memory_total_bytes=int(total) * MIB,
                power_w=_plain(above[4]),
                temperature_c=_plain(above[5]),
            )
        )
        above = None
    return tuple(found)


def parse_hy_smi(text: str) -> tuple[Sample, ...]:
    """`hy-smi`: one line a device under a line of titles. It says memory as a share of a size that it does not say."""
    titles: list[str] = []
    found = []
    for line in text.splitlines():
        words = line.split()
        if words[:1] in (["HCU"], ["DCU"]):
            titles = words
        elif titles and len(words) == len(titles) and words[0].isdecimal():
            row = dict(zip(titles, words, strict=True))
            activity = _number(_PERCENT.match(row.get("HCU%", row.get("DCU%", ""))))
            found.append(
                Sample(
                    index=int(words[0]),
                    activity=None if activity is None else activity / 100,
                    power_w=_number(_POWER.match(row.get("AvgPwr", ""))),
                    temperature_c=_number(_TEMPERATURE.match(row.get("Temp", ""))),
                )
            )
    return tuple(found)


TOOLS: dict[str, Tool] = {
    "npu-smi": Tool(("npu-smi", "info"), parse_npu_smi, "26.0.rc2 on Ascend 910C"),
    "cnmon": Tool(("cnmon",), parse_counting_errors, "5.10.13 and 5.10.22 on MLU370-X8"),
    "hy-smi": Tool(("hy-smi",), parse_hy_smi, "DTK 26.04 on BW1000, and older ones on K100"),
    "mx-smi": Tool(("mx-smi",), parse_table, "2.1.6 on C550, 2.2.4 on C500"),
    "ixsmi": Tool(("ixsmi",), parse_table, "4.1.0 on BI-V150"),
    "mthreads-gmi": Tool(("mthreads-gmi",), parse_table, "2.3.2 on MTT S5000"),
    "xpu-smi": Tool(("xpu-smi",), parse_counting_errors, "Kunlunxin 5.0.21 on P800"),
}


def _number(match: re.Match[str] | None) -> float | None:
    return None if match is None else float(match[1])


def _plain(text: str) -> float | None:
    """A number, or None for `-` and `NA`."""
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text) else None
