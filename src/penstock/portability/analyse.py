"""One file at a time: its kind, its findings, and what it imports or starts. Files do not know each other."""

import ast
import re
from collections.abc import Callable
from functools import cache, partial

import msgspec

from penstock.portability import c_source, container_files, data_files, requirements, setup_script, shell
from penstock.portability.lines import Text, decode
from penstock.portability.model import Finding
from penstock.portability.names import TRIGGERS
from penstock.portability.python_imports import Import, called_functions, has_main, imports, names
from penstock.portability.python_lexing import imports_only_at_top, outline, top_statements
from penstock.portability.python_source import findings as python_findings

MAXIMUM_FILE_BYTES = 4_000_000
MAXIMUM_LINE_BYTES = 1_000_000
_MAXIMUM_BYTES = {"setup_cfg": 64_000, "pyproject": 256_000}
"""Parsers that take long over what no person wrote are given less."""
_SUPPRESSION = re.compile(r"penstock:\s*ignore(?:\[([A-Z0-9, -]+)\])?")
_C_ENDINGS = (".cu", ".cuh", ".cpp", ".cc", ".cxx", ".h", ".hpp")
_DATA_TRIGGERS = (b"cuda", b"nccl", b"NCCL", b"nvidia", b"nvcr", b"--gpus", b"+cu", b"/cu")
_C_TRIGGERS = (b"__global__", b"<<<", b"cuda", b"CUDA", b"__shfl", b"__ballot", b"warp", b"WARP", b"cub",
               b"cudnn", b"cutlass", b"cute", b"thrust/", b"cufft", b"curand", b"cusparse", b"cusolver", b"mma",
               b"bfloat16", b"ldmatrix")  # fmt: skip


class FileFacts(msgspec.Struct, frozen=True, array_like=True):
    """What one file says by itself. `starts` are scripts and modules that it runs or declares as entry points,
    `builds` are texts of a build file in which names of sources may stand."""

    path: str
    kind: str
    findings: tuple[Finding, ...] = ()
    imports: tuple[Import, ...] = ()
    is_main: bool = False
    starts: tuple[str, ...] = ()
    error: str = ""


def kind_of(path: str) -> str:
    """The kind of a file by its name: python, c, shell, … or '' where no rule speaks of it."""
    name = path.rpartition("/")[2]
    lower = name.lower()
    if lower.endswith(".py"):
        return "python"
    if lower.endswith(_C_ENDINGS):
        return "c"
    if lower in _BY_NAME:
        return _BY_NAME[lower]
    if lower.startswith("dockerfile") or lower.endswith(".dockerfile"):
        return "dockerfile"
    if lower.endswith((".txt", ".in")) and "require" in path.lower():
        return "requirements"
    return _BY_ENDING.get(lower.rpartition(".")[2], "") if "." in lower else ""


def analyse(path: str, data: bytes) -> FileFacts:
    """Read one file; a file that cannot be read so far has an `error` and no findings. Runs nothing of it."""
    kind = kind_of(path)
    if not kind:
        return FileFacts(path, kind)
    error = "compiled, so nothing can be said of it" if kind == "compiled" else _unreadable(data)
    if error:
        return FileFacts(path, kind, error=error)
    if kind == "python":
        return _python(path, data)
    if len(data) > _MAXIMUM_BYTES.get(kind, MAXIMUM_FILE_BYTES):
        return FileFacts(path, kind, error=f"larger than {_MAXIMUM_BYTES[kind]} bytes")
    if not _is_triggered(path, kind, data):
        return FileFacts(path, kind, starts=_starts(kind, data))
    text = Text(path, decode(data))
    try:
        found = _READERS[kind](text)
    except RecursionError:
        return FileFacts(path, kind, error="nested too deeply")
    return FileFacts(path, kind, _unsuppressed(found, text.lines), starts=_starts(kind, data))


def _python(path: str, data: bytes) -> FileFacts:
    is_setup = path.rpartition("/")[2] == "setup.py"
    dynamic = b"import_module" in data or b"__import__" in data
    triggered = any(word in data for word in TRIGGERS)
    if not (triggered or is_setup or dynamic) and imports_only_at_top(data):
        top = top_statements(data)
        if top is not None:
            return FileFacts(path, "python", (), imports(top), has_main(top))
    try:
        if not (triggered or is_setup) and (short := outline(data)) is not None:
            called = cache(lambda: called_functions(short.tree, short.functions))
            found = imports(short.tree, called=called, dynamic=dynamic)
            return FileFacts(path, "python", (), found, has_main(short.tree))
        tree = ast.parse(data, path)
        starts = setup_script.entry_points(tree) if is_setup else ()
        if not triggered:
            return FileFacts(path, "python", (), imports(tree, dynamic=dynamic), has_main(tree), starts)
        known = names(tree)
        lines = decode(data).split("\n")
        found = python_findings(path, tree, known, lines)
        if is_setup:
            found += setup_script.findings(path, tree, lines)
        return FileFacts(
            path,
            "python",
            _unsuppressed(found, lines),
            imports(tree, known, dynamic=dynamic),
            has_main(tree),
            starts,
        )
    except (SyntaxError, ValueError) as fault:
        return FileFacts(path, "python", error=f"no Python 3 that we can read: {_first_line(fault)}")
    except (RecursionError, MemoryError):
        return FileFacts(path, "python", error="nested too deeply")


def _unreadable(data: bytes) -> str:
    if len(data) > MAXIMUM_FILE_BYTES:
        return f"larger than {MAXIMUM_FILE_BYTES} bytes"
    if b"\0" in data[:4096]:
        return "binary"
    if len(data) > MAXIMUM_LINE_BYTES and max(map(len, data.split(b"\n"))) > MAXIMUM_LINE_BYTES:
        return f"a line longer than {MAXIMUM_LINE_BYTES} bytes"
    return ""


def _is_triggered(path: str, kind: str, data: bytes) -> bool:
    """Whether a file may hold a finding at all; data files and plain C headers are many and mostly do not."""
    if kind in {"yaml", "json", "markdown"}:
        return any(word in data for word in _DATA_TRIGGERS)
    return kind != "c" or path.endswith((".cu", ".cuh")) or any(word in data for word in _C_TRIGGERS)


def _starts(kind: str, data: bytes) -> tuple[str, ...]:
    if kind in {"shell", "dockerfile"}:
        return tuple(shell.scripts(decode(data))) if b"py" in data or b"torchrun" in data else ()
    if kind == "pyproject":
        return tuple(requirements.scripts(decode(data)))
    return ()


def _unsuppressed(found: tuple[Finding, ...], lines: list[str]) -> tuple[Finding, ...]:
    """Findings without those whose line says `penstock: ignore` or `penstock: ignore[DEV-002]`."""
    return tuple(f for f in found if not _is_suppressed(f, lines))


def _is_suppressed(finding: Finding, lines: list[str]) -> bool:
    match = _SUPPRESSION.search(lines[finding.line - 1]) if finding.line <= len(lines) else None
    return match is not None and (match[1] is None or finding.rule in re.split(r"[,\s]+", match[1]))


def _first_line(fault: Exception) -> str:
    return str(fault).partition("\n")[0][:120]


_BY_NAME = {
    "pyproject.toml": "pyproject",
    "setup.cfg": "setup_cfg",
    "environment.yml": "environment",
    "environment.yaml": "environment",
    "cmakelists.txt": "cmake",
    "containerfile": "dockerfile",
    "requirements.txt": "requirements",
}
_BY_ENDING = {
    **dict.fromkeys(("so", "pyd", "dll", "cubin", "fatbin", "ptx"), "compiled"),
    "sh": "shell",
    "bash": "shell",
    "slurm": "shell",
    "sbatch": "shell",
    "cmake": "cmake",
    "yaml": "yaml",
    "yml": "yaml",
    "json": "json",
    "md": "markdown",
}
_READERS: dict[str, Callable[[Text], tuple[Finding, ...]]] = {
    "c": c_source.findings,
    "shell": partial(shell.findings),
    "dockerfile": container_files.in_dockerfile,
    "markdown": container_files.in_markdown,
    "requirements": requirements.in_requirements,
    "pyproject": requirements.in_pyproject,
    "setup_cfg": requirements.in_setup_cfg,
    "environment": data_files.in_environment,
    "yaml": data_files.in_yaml,
    "json": data_files.in_json,
    "cmake": data_files.in_cmake,
}
