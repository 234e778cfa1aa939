"""Reads our labelled snippets.

A snippet begins with `=== path`, then what is expected: `RULE:line` (with `:guard` where guarded), or `!RULE`
for a near-miss of that rule. What is not listed shall not be found.
"""

import re
from pathlib import Path

import msgspec

SNIPPETS = Path(__file__).parent / "portability_snippets"


class Snippet(msgspec.Struct, frozen=True):
    """One labelled piece of source."""

    where: str
    path: str
    source: str
    expected: frozenset[tuple[str, int, str]]
    near: tuple[str, ...]


def snippets() -> list[Snippet]:
    found = []
    for file in sorted(SNIPPETS.glob("*.txt")):
        for number, part in enumerate(re.split(r"^=== ", file.read_text(), flags=re.MULTILINE)[1:]):
            head, _, source = part.partition("\n")
            path, *labels = head.split()
            marks = [label.split(":") for label in labels if not label.startswith("!")]
            expected = frozenset((m[0], int(m[1]), m[2] if len(m) > 2 else "none") for m in marks)
            near = tuple(label[1:] for label in labels if label.startswith("!"))
            found.append(Snippet(f"{file.name}#{number}", path, source, expected, near))
    return found
