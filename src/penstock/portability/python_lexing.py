"""A lexer for the many Python files that hold no finding and import only at their top: spares a full parse."""

import ast
import re

_IMPORT = re.compile(rb"import\b")
_MAIN = re.compile(rb"\nif[ \t]+__name__")
_TOKEN = re.compile(
    rb"""
    \"\"\"(?:[^\\"]++|\\.|"(?!""))*+\"\"\"  | '''(?:[^\\']++|\\.|'(?!''))*+'''
  | "(?:[^"\\\n]++|\\.)*+"                  | '(?:[^'\\\n]++|\\.)*+'
  | \#[^\n]*
  | (?P<statement>^(?:import|from)\b[^\n(\#\\]*+(?:\([^)]*+\))?[^\n]*+ | ^if[ \t]+__name__[^\n:]*:)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def imports_only_at_top(data: bytes) -> bool:
    """Whether no import stands in a block; False where that is not sure."""
    for match in _IMPORT.finditer(data):
        begin = data.rfind(b"\n", 0, match.start()) + 1
        before = data[begin : match.start()]
        at_top = before == b"" or before.startswith(b"from ")
        if at_top and not data[max(0, begin - 3) : begin].rstrip(b"\r\n").endswith(b"\\"):
            continue
        if (
            at_top
            or before.isspace()
            or b":" in before
            or b";" in before
            or before.lstrip().startswith(b"from")
        ):
            return False
    return True


def top_statements(data: bytes) -> ast.Module | None:
    """The imports and the main guard at the top of a file, parsed; None where they need the whole file.

    Strings and comments are told apart from code first, so that text which looks like an import is none.
    """
    found = (m["statement"] for m in _TOKEN.finditer(data, 0, _end_of_interest(data)) if m["statement"])
    text = b"\n".join(s + b" pass" if s.startswith(b"if") else s for s in found)
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def _end_of_interest(data: bytes) -> int:
    """The end of the last line that may be an import or the main guard; what follows need not be lexed."""
    main = [m.end() for m in _MAIN.finditer(data)]
    last = max(data.rfind(b"\nimport "), data.rfind(b"\nfrom "), data.rfind(b"\nfrom."), 0, *main)
    line = data.find(b"\n", last + 1)
    if b"(" in data[last : line if line >= 0 else len(data)]:
        line = data.find(b"\n", data.find(b")", last))
    return line if line >= 0 else len(data)
