"""A lexer for what a syntax tree is not needed for: most Python files hold no finding, most lines none either."""

import ast
import re
from collections.abc import Iterator, Sequence

import msgspec

from penstock.portability.names import FUSED_NAME, PREFIXES, QUALIFIED, rule_of_name
from penstock.portability.python_imports import Names

_IMPORT = re.compile(rb"import\b")
_MAIN = re.compile(rb"\nif[ \t]+__name__")
_NO_CODE = rb"""
    \"\"\"(?:[^\\"]++|\\.|"(?!""))*+\"\"\"  | '''(?:[^\\']++|\\.|'(?!''))*+'''
  | "(?:[^"\\\n]++|\\.)*+"                  | '(?:[^'\\\n]++|\\.)*+'
  | \#[^\n]*
"""
_TOKEN = re.compile(
    _NO_CODE
    + rb"""
  | (?P<statement>^(?:import|from)\b[^\n(\#\\]*+(?:\([^)]*+\))?[^\n]*+ | ^if[ \t]+__name__[^\n:]*:)
    """,
    re.VERBOSE | re.MULTILINE | re.DOTALL,
)
_LINE = re.compile(
    _NO_CODE
    + rb"""
  | \n(?P<line>[\ \t\f]*+)(?:(?P<kind>(?:async[ \t]+)?def|class)[ \t]+(?P<name>\w+)|(?![\s\#)\]}]))
    """,
    re.VERBOSE | re.DOTALL,
)
"""Strings and comments, else a line that begins a statement or goes on inside of brackets."""
_OUTLINE_BYTES_MAX = 1_000_000
_WORDS = (
    "import", "cuda", "CUDA", "nccl", "NCCL", "bf16", "bfloat16", "flash_att", "load_in_", "nvidia", "nvcc", "gencode",
    "generate-code", "compute_", "sm_", "pin_memory", "fused", "Fused", "double", "allow_tf32", "trtexec",
)  # fmt: skip
_WORDS_IN_ANY_CASE = ("fp8", "float8", "e4m3", "e5m2")
"""Without one of these, and without a name imported from where rules look, a statement holds no finding."""
_PARENTS = {
    ".".join(parts[:count])
    for name in (*QUALIFIED, "torch.cuda.sparse.Tensor", *(prefix for prefix, _rule in PREFIXES))
    for parts in (name.split("."),)
    for count in range(1, len(parts))
}


def lines_of_interest(lines: Sequence[str], known: Names) -> list[int]:
    """Numbers, from 1, of the lines that may be part of a finding, or hold an import."""
    text = "\n".join(lines)
    aliases = {name for name, of in known.aliases.items() if _is_of_interest(of)}
    found = {number for word in {*_WORDS, *aliases} for number in _lines_with(word, text)}
    lowered = text.lower()
    found.update(number for word in _WORDS_IN_ANY_CASE for number in _lines_with(word, lowered))
    return sorted(found)


def _lines_with(word: str, text: str) -> Iterator[int]:
    number, counted, at = 1, 0, text.find(word)
    while at >= 0:
        number, counted = number + text.count("\n", counted, at), at
        yield number
        end = text.find("\n", at)
        at = text.find(word, end) if end >= 0 else -1


def _is_of_interest(qualified: str) -> bool:
    return (
        qualified in _PARENTS
        or rule_of_name(qualified) != ""
        or FUSED_NAME.fullmatch(qualified.rpartition(".")[2]) is not None
    )


class Outline(msgspec.Struct, frozen=True):
    """A module without the bodies of functions and classes that import nothing; `functions` are the sources of
    such functions at its top."""

    tree: ast.Module
    functions: dict[str, bytes]


def outline(data: bytes) -> Outline | None:
    """What a module imports and calls can be told from its outline; None where the lexer is not sure of it."""
    if len(data) > _OUTLINE_BYTES_MAX or (b"\n\t" in data and b"\n " in data):
        return None
    source = b"\n" + data
    functions: dict[str, bytes] = {}
    pieces: list[bytes] = []
    kept = 0
    for begin, end, match in _plain_blocks(source, functions):
        pieces += (source[kept:begin], match["line"], match["kind"].rpartition(b" ")[2], b" ", match["name"])
        pieces.append(b"(): 0" if match["kind"] != b"class" else b": 0")
        kept = end
    pieces.append(source[kept:])
    try:
        return Outline(ast.parse(b"".join(pieces)[1:]), functions)
    except (SyntaxError, ValueError):
        return None


def _plain_blocks(source: bytes, functions: dict[str, bytes]) -> Iterator[tuple[int, int, re.Match[bytes]]]:
    """(begin, end, head) of blocks without imports: those at the top, and functions in a class at the top."""
    heads = [m for m in _LINE.finditer(source) if m["line"] is not None]
    widths = [len(head["line"]) for head in heads]
    index, inside = 0, False
    while index < len(heads):
        head, width = heads[index], widths[index]
        index += 1
        inside = inside and width > 0
        if head["kind"] is None or (width and not (inside and head["kind"] != b"class")):
            continue
        after = index
        while after < len(heads) and widths[after] > width:
            after += 1
        begin = head.start() + 1
        end = heads[after].start() if after < len(heads) else len(source)
        plain = source.find(b"import", begin, end) < 0
        inside = inside or head["kind"] == b"class"
        if width == 0 and head["kind"] != b"class":
            functions.pop(head["name"].decode(), None)
            if plain:
                functions[head["name"].decode()] = source[begin:end]
        if plain or not inside:
            index = after
        if plain:
            yield begin, end, head


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
