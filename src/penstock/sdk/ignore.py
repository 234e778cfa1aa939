"""Which files stay behind when a working directory is uploaded: the simple part of .gitignore's patterns.

`#` begins a comment, `!` takes a file back in, a trailing `/` means directories only, a `/` elsewhere ties
the pattern to the top, `*` and `?` stop at `/`, `**` does not. The last pattern that fits decides.
"""

import re
from typing import NamedTuple

ALWAYS = (".git", ".penstockignore")
FILES = (".penstockignore", ".gitignore")
"""Where patterns are read from, at the top of the directory; the first that is there counts alone."""


class Pattern(NamedTuple):
    """One line of an ignore file."""

    regex: re.Pattern[str]
    taken_back: bool
    directories_only: bool


def parse_ignore(text: str) -> tuple[Pattern, ...]:
    """The patterns of an ignore file, in order."""
    lines = (line.rstrip() for line in text.splitlines())
    return tuple(_pattern(line) for line in lines if line and not line.startswith("#"))


def ignored(patterns: tuple[Pattern, ...], path: str, *, directory: bool) -> bool:
    """Whether a path (relative, with `/`) stays behind; what lies in an ignored directory does as well."""
    for pattern in reversed(patterns):
        if (directory or not pattern.directories_only) and pattern.regex.fullmatch(path):
            return not pattern.taken_back
    return False


def _pattern(line: str) -> Pattern:
    taken_back = line.startswith("!")
    body = line.removeprefix("!").removeprefix("\\")
    directories_only = body.endswith("/")
    body = body.rstrip("/")
    tied = "/" in body
    body = body.removeprefix("/")
    return Pattern(
        re.compile(("" if tied else "(?:.*/)?") + _regex(body), re.DOTALL), taken_back, directories_only
    )


def _regex(body: str) -> str:
    parts = re.split(r"(\*\*/|/\*\*$|\*\*|\*|\?)", body)
    special = {"**/": "(?:.*/)?", "/**": "/.*", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(special.get(part, re.escape(part)) for part in parts)
