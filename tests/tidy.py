"""The house's style as checks. Each takes the root of the checkout and yields what is wrong, and where."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
LINE_LENGTH_MAX = 120
CASE_LENGTH_MAX = 150
"""In tests, where a table keeps each case on a line of its own."""
CODE = ("src", "tests", "benchmarks")
CORE = ("base", "fleet", "lease", "ledger", "placement", "billing", "insight", "portability")
COMMANDS = ("make demo", "make test")
DECISION_HEADINGS = ("Status", "Context", "Decision", "Consequences", "Alternatives")
SPEAKING = ("print", "input", "open", "exec", "eval")

WRITTEN = (".py", ".md", ".toml", ".yaml", ".jinja", ".html", ".css", ".js", ".typ", ".sh")
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK|(?i:stu" + r"b(bed|s)?))\b")
ABBREVIATIONS = frozenset({"cfg", "ctx", "mgr", "svc", "cnt", "conf", "attr", "val", "vals", "acct", "amt"})
VAGUE_MODULES = frozenset({"utils", "util", "helpers", "misc", "common", "manager", "stuff"})
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(work|home|root|Users|mnt/data)/[\w.-]+")
NOT_OURS = ("/static/vendor/",)

_SKIPPED = {".git", ".venv", ".tools", ".cache", "__pycache__", "demo-report", "dist", ".hypothesis"}


def check_sizes(root: Path) -> Iterator[str]:
    """Files of at most 500 lines, lines of at most 120 characters (150 in tests), functions of at most 70 lines.

    A migration is one long list of statements, written once and never changed.
    """
    for path in python_files(root):
        name, lines = _name(root, path), _text(path).splitlines()
        longest = LINE_LENGTH_MAX if name.startswith("src/") else CASE_LENGTH_MAX
        if len(lines) > FILE_LINES_MAX:
            yield f"{name}: {len(lines)} lines"
        for number, line in enumerate(lines, 1):
            if len(line) > longest:
                yield f"{name}:{number}: {len(line)} characters"
        for node in ast.walk(_tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not _is_migration(path):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES_MAX:
                    yield f"{name}:{node.lineno}: {node.name} has {length} lines"


def check_docstrings(root: Path) -> Iterator[str]:
    """Every module says in a line what it is; in `src` no folder is without its package."""
    for path in python_files(root):
        said = ast.get_docstring(_tree(path))
        if not said or not said.splitlines()[0].strip():
            yield f"{_name(root, path)}: no docstring"
    for path in python_files(root, "src"):
        if (
            path.parent.name != "src"
            and not (path.parent / "__init__.py").is_file()
            and not _is_migration(path)
        ):
            yield f"{_name(root, path.parent)}: no __init__.py"


def check_words(root: Path) -> Iterator[str]:
    """Nothing unfinished, no abbreviations of our own, no module without a subject."""
    for path in written_files(root):
        for number, line in enumerate(_text(path).splitlines(), 1):
            found = UNFINISHED.search(line)
            if found:
                yield f"{_name(root, path)}:{number}: {found.group()}"
    for path in python_files(root, "src"):
        if path.stem in VAGUE_MODULES:
            yield f"{_name(root, path)}: says nothing of its subject"
        for name, line in _names_bound(_tree(path)):
            if name in ABBREVIATIONS:
                yield f"{_name(root, path)}:{line}: {name}"


def check_core_is_silent(root: Path) -> Iterator[str]:
    """The core prints nothing and asks nothing."""
    for package in CORE:
        for path in python_files(root, f"src/penstock/{package}"):
            for node in ast.walk(_tree(path)):
                called = node.func if isinstance(node, ast.Call) else None
                if isinstance(called, ast.Name) and called.id in SPEAKING:
                    yield f"{_name(root, path)}:{called.lineno}: {called.id}()"


def check_no_dead_modules(root: Path) -> Iterator[str]:
    """Every module is imported somewhere, named in a text that starts it, or an entry point."""
    modules = {_module(root, path): path for path in python_files(root, "src")}
    targets = re.findall(r'"(penstock[\w.]*):', _text(root / "pyproject.toml"))
    for path in python_files(root):
        name = _module(root, path) if path.is_relative_to(root / "src") else ""
        targets += (one for one in _mentioned(_tree(path), name, path.name == "__init__.py") if one != name)
    for path in (path for path in _walk(root / "src") if path.suffix == ".yaml"):
        targets += (_module(root, path.with_name(one)) for one in re.findall(r"\w+\.py\b", _text(path)))
    reached = {".".join(parts[:end]) for parts in map(_parts, targets) for end in range(1, len(parts) + 1)}
    for name, path in modules.items():
        alone = path.name in ("__main__.py", "__init__.py") or _is_migration(path)
        if name not in reached and not alone:
            yield f"{_name(root, path)}: imported by nothing"


def check_locks(root: Path) -> Iterator[str]:
    """The lock pins by hash and names no registry."""
    text = _text(root / "requirements.lock")
    for number, line in enumerate(text.splitlines(), 1):
        if "://" in line or line.startswith(("-i ", "--index", "--extra", "--find")):
            yield f"requirements.lock:{number}: {line}"
    for pin in re.findall(r"^[\w.-]+(?:\[[\w,-]+\])?==[^\n]*(?:\n +[^\n]*)*", text, re.MULTILINE):
        if "--hash=sha256:" not in pin:
            yield f"requirements.lock: {pin.splitlines()[0]} has no hash"


def check_no_machine_paths(root: Path) -> Iterator[str]:
    """No text names a place on the machine of whoever wrote it."""
    for path in written_files(root):
        if path.parent == root / "tests" or "tests" in path.relative_to(root).parts:
            continue
        for number, line in enumerate(_text(path).splitlines(), 1):
            found = MACHINE_PATH.search(line)
            if found:
                yield f"{_name(root, path)}:{number}: {found.group()}"


def check_readmes(root: Path) -> Iterator[str]:
    """Both are there, and the first screen of each names the two commands."""
    for name in ("README.md", "README.zh-CN.md"):
        if not (root / name).is_file():
            yield f"{name} is missing"
            continue
        first_screen = "\n".join(_text(root / name).splitlines()[:40])
        yield from (
            f"{name}: {one!r} is not on the first screen" for one in COMMANDS if one not in first_screen
        )
    if not (root / "CHANGELOG.md").is_file():
        yield "CHANGELOG.md is missing"


def check_languages(root: Path) -> Iterator[str]:
    """A page in two languages has the same headings, level by level, and the same blocks of code."""
    for chinese in _markdown(root):
        if not chinese.name.endswith(".zh-CN.md"):
            continue
        english = chinese.with_name(chinese.name.replace(".zh-CN", ""))
        if not english.is_file():
            yield f"{_name(root, english)} is missing"
        elif _outline(english) != _outline(chinese):
            yield f"{_name(root, chinese)}: headings {_outline(chinese)}, in English {_outline(english)}"


def check_links(root: Path) -> Iterator[str]:
    """What a page links to in this checkout is there."""
    for path in _markdown(root):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", _text(path)):
            if (
                "://" not in target
                and not target.startswith("mailto:")
                and not (path.parent / target).exists()
            ):
                yield f"{_name(root, path)}: {target} is not there"


def check_decisions(root: Path) -> Iterator[str]:
    """Decisions are numbered without gaps and all have the same headings."""
    pages = sorted((root / "docs/decisions").glob("*.md"))
    if not pages:
        yield "docs/decisions has no page"
    for number, path in enumerate(pages, 1):
        if not re.fullmatch(rf"{number:04}-[a-z0-9-]+\.md", path.name):
            yield f"{_name(root, path)}: the next number is {number:04}"
        lines = _text(path).splitlines()
        if not lines or not re.fullmatch(rf"# {number:04} .+", lines[0]):
            yield f"{_name(root, path)}: does not begin with '# {number:04} '"
        for heading in DECISION_HEADINGS:
            if f"## {heading}" not in lines:
                yield f"{_name(root, path)}: no heading {heading!r}"


def python_files(root: Path, *folders: str) -> Iterator[Path]:
    """The Python files below the given folders, or below all that hold code."""
    for folder in folders or CODE:
        yield from (path for path in _walk(root / folder) if path.suffix == ".py")


def written_files(root: Path) -> Iterator[Path]:
    """Every text that people wrote here."""
    yield from (path for path in _walk(root) if path.suffix in WRITTEN or path.name == "Makefile")


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir():
            if path.name not in _SKIPPED and not path.name.endswith((".egg-info", "_cache")):
                yield from _walk(path)
        elif not any(part in path.as_posix() for part in NOT_OURS):
            yield path


def _markdown(root: Path) -> list[Path]:
    return [path for path in written_files(root) if path.suffix == ".md"]


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(_text(path))


def _name(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _parts(dotted: str) -> list[str]:
    return dotted.split(".")


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root / "src").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _is_migration(path: Path) -> bool:
    return "migrations" in path.parts


def _outline(path: Path) -> list[str]:
    """The levels of the headings outside code, and the fences of code."""
    marks, in_code = [], False
    for line in _text(path).splitlines():
        if line.startswith("```"):
            in_code = not in_code
            marks += ["```"] if in_code else []
        elif not in_code and re.match(r"#+ ", line):
            marks.append(line.partition(" ")[0])
    return marks


def _names_bound(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Every name that a module gives: functions, classes, arguments, variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno


def _mentioned(tree: ast.Module, module: str, is_package: bool) -> Iterator[str]:
    """The dotted names that a module imports or spells out in a string, as a script those beside it."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name for alias in node.names for name in (alias.name, f"{package}.{alias.name}"))
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *filter(None, [node.module])])
            yield from (base, f"{package}.{base}", *(f"{base}.{alias.name}" for alias in node.names))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"penstock(?:\.\w+)+", node.value)
