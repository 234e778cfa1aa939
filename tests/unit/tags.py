"""Where in a report a number stands without its unit, its population and its status."""

from collections.abc import Iterator
from typing import Any

TAGS = {"unit", "population", "status"}
UNTAGGED = {".seed", ".futures"}
"""What was asked for, no result."""
IN_SENTENCES = ".findings[].numbers"
"""The numbers that a sentence is made of; the sentence says their units."""


def bare(
    node: Any, path: str = "", named: frozenset[str] = frozenset(), *, tagged: bool = False
) -> Iterator[str]:
    """Numbers that neither stand in a figure nor are named by the report that they are in."""
    if isinstance(node, dict):
        tagged = tagged or node.keys() >= TAGS
        tags = node.get("numbers")
        if node.get("population") and isinstance(tags, dict):
            named |= {name for name, tag in tags.items() if tag["unit"] and tag["status"]}
        for name, value in node.items():
            yield from bare(value, f"{path}.{name}", named, tagged=tagged or name in named)
    elif isinstance(node, list):
        for value in node:
            yield from bare(value, f"{path}[]", named, tagged=tagged)
    elif isinstance(node, int | float) and not isinstance(node, bool) and not tagged:
        yield path


def untagged(report: Any) -> set[str]:
    return {path for path in bare(report) if path not in UNTAGGED and not path.startswith(IN_SENTENCES)}
