"""The fix: device-agnostic code through torch.accelerator where that is safe without a human look."""

import ast
import difflib
from collections.abc import Mapping, Sequence

from penstock.portability.check import is_wanted
from penstock.portability.edits import Edit, Places, applied
from penstock.portability.lines import decode
from penstock.portability.model import Change, Finding, Guard, Options, Patch, Skipped
from penstock.portability.python_imports import Names, names
from penstock.portability.python_source import findings, hits
from penstock.portability.rewrite import DEVICE, Rewriter
from penstock.portability.rewrite_regions import Regions, several_vendors
from penstock.portability.targets import Target

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_HELPER = (
    f'{DEVICE} = "cpu"',
    "if torch.accelerator.is_available():",
    f"    {DEVICE} = torch.accelerator.current_accelerator().type",
)
_CUDA_LIBRARIES = frozenset({"LIB-006", "LIB-007", "LIB-017", "LIB-018", "EXT-006"})
_NOTHING = Options()


def fix(files: Mapping[str, bytes], targets: Sequence[Target], options: Options = _NOTHING) -> Patch:
    """A patch for what is safely automatic. Where every target is NVIDIA nothing needs one."""
    changed: dict[str, bytes] = {}
    changes: list[Change] = []
    skipped: list[Skipped] = []
    for path in sorted(files):
        if (
            not path.endswith(".py")
            or not is_wanted(path, options)
            or all(t.stack == "cuda" for t in targets)
        ):
            continue
        try:
            contents, made = fixed(path, files[path], options)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
            skipped.append(Skipped(path, str(fault)[:120]))
            continue
        if contents != files[path]:
            changed[path] = contents
            changes += made
    diff = "".join(_diff(path, files[path], contents) for path, contents in changed.items())
    return Patch(diff=diff, files=changed, changes=tuple(changes), skipped=tuple(skipped))


def fixed(path: str, data: bytes, options: Options = _NOTHING) -> tuple[bytes, list[Change]]:
    """One file and the edits made; SyntaxError or ValueError where it cannot be read or is left to a person."""
    if b"cuda" not in data and b"nccl" not in data:
        return data, []
    mark, source = (data[:3], data[3:]) if data.startswith(_BYTE_ORDER_MARK) else (b"", data)
    lines = decode(source).split("\n")
    tree = ast.parse(source, path)
    known = names(tree)
    found = findings(path, tree, known, lines)
    if not any(q.partition(".")[0] == "torch" for q in known.aliases.values()):
        return data, []
    places = Places(source)
    edits = [e for e in _edits(places, tree, known, found, lines) if e.rule not in options.ignore]
    if edits and several_vendors(tree):
        raise ValueError("handles several vendors' devices already; left to a person")
    if edits and any(_is_cuda_alone(f) for f in found):
        raise ValueError("needs a library that is for CUDA alone; left to a person")
    helper = _helper(places, tree, edits)
    if helper is None:
        return data, []
    result = applied(source, [*edits, *helper])
    ast.parse(result, path)
    return mark + result, _changes(path, places, edits)


def _is_cuda_alone(finding: Finding) -> bool:
    return finding.rule in _CUDA_LIBRARIES and finding.variant == "import" and finding.guard is Guard.NONE


def _edits(
    places: Places, tree: ast.Module, known: Names, found: tuple[Finding, ...], lines: list[str]
) -> list[Edit]:
    strings = frozenset(node for rule, node, *_ in hits(tree, known, lines) if rule in {"DEV-002", "DST-003"})
    return list(Rewriter(places, known, Regions(tree, known, found), strings).edits(tree))


def _helper(places: Places, tree: ast.Module, edits: list[Edit]) -> list[Edit] | None:
    """The definition of the device's name, after the leading imports; None where it cannot stand there."""
    if not any("torch." in e.text or DEVICE in e.text for e in edits):
        return []
    using = [e.start for e in edits if DEVICE in e.text]
    leading = _imports_before(tree, places, min(using, default=len(places.source)))
    if not any(map(_imports_torch, leading)):
        return None
    lines = [] if any(map(_binds_torch, leading)) else ["import torch"]
    if using and not any(isinstance(n, ast.Name) and n.id == DEVICE for n in ast.walk(tree)):
        lines += ["", *_HELPER]
    if not lines:
        return []
    newline = "\r\n" if b"\r\n" in places.source[:4096] else "\n"
    at = places.after_line(leading[-1].end_lineno or 1)
    if using and places.source[at : at + 1] not in {b"", b"\n", b"\r"}:
        lines.append("")
    return [Edit(at, at, newline.join((*lines, "")), "")]


def _imports_before(tree: ast.Module, places: Places, offset: int) -> list[ast.stmt]:
    """The imports at the top level that end before an offset, `try` around imports included."""
    return [n for n in tree.body if _is_import(n) and places.end(n) <= offset]


def _is_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.Try):
        return all(map(_is_import, node.body))
    return isinstance(node, ast.Import | ast.ImportFrom)


def _imports_torch(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return any(a.name.partition(".")[0] == "torch" for a in node.names)
    return isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "torch"


def _binds_torch(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import) and any(
        (a.asname or a.name.partition(".")[0]) == "torch" for a in node.names
    )


def _changes(path: str, places: Places, edits: list[Edit]) -> list[Change]:
    return [
        Change(e.rule, path, places.line(e.start), places.source[e.start : e.end].decode(), e.text)
        for e in sorted(edits)
    ]


def _diff(path: str, before: bytes, after: bytes) -> str:
    """A unified diff that `git apply` and `patch -p1` take; line ends are kept."""
    lines = difflib.unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}")
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _lines(data: bytes) -> list[str]:
    return [line.decode() for line in data.splitlines(keepends=True)]
