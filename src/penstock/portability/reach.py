"""Which files a program reaches from its entry points, and under which guard: the import graph."""

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence

from penstock.portability.analyse import FileFacts
from penstock.portability.model import Guard

_TESTS = re.compile(r"(^|/)(tests?|testing)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")
_SIDE = re.compile(r"(^|/)(docs?|\.github)/")
_NO_IMPORT = frozenset({Guard.DEAD, Guard.TYPING})
_BUILD_FILES = ("setup.py", "CMakeLists.txt", "pyproject.toml")


class Modules:
    """The Python files of a tree by the names under which they can be imported."""

    def __init__(self, paths: Iterable[str]) -> None:
        self.paths = frozenset(paths)
        self._tops = {p.rpartition("/")[2].removesuffix(".py") for p in self.paths}
        self._tops |= {part for p in self.paths for part in p.split("/")[:-1]}
        self._found: dict[tuple[str, str], str] = {}

    def of(self, module: str, folder: str) -> str:
        """Path of an absolute module as seen from a file in `folder`, '' where it is not of this tree.

        Tried are the folder and all above it, each also with `src`; the nearest wins.
        """
        if module.partition(".")[0] not in self._tops:
            return ""
        key = (module, folder)
        if key not in self._found:
            relative = module.replace(".", "/")
            self._found[key] = next((p for r in _roots(folder) if (p := self._at(r + relative))), "")
        return self._found[key]

    def relative(self, module: str, level: int, folder: str) -> str:
        """Path of a relative import of so many dots."""
        parts = folder.split("/") if folder else []
        kept = parts[: len(parts) - (level - 1)] if level - 1 <= len(parts) else []
        return self._at("/".join((*kept, *module.split("."))) if module else "/".join(kept))

    def _at(self, stem: str) -> str:
        stem = stem.strip("/")
        for path in (f"{stem}.py", f"{stem}/__init__.py" if stem else "__init__.py"):
            if path in self.paths:
                return path
        return ""


class Graph:
    """The Python files of a tree, and which of them each one imports, under which guard."""

    def __init__(self, facts: Sequence[FileFacts]) -> None:
        self.facts = facts
        self.python = {f.path: f for f in facts if f.kind == "python"}
        self.modules = Modules(self.python)
        self.edges = {path: tuple(_edges(f, self.modules)) for path, f in self.python.items()}


def reached(graph: Graph, entries: Sequence[str]) -> dict[str, Guard]:
    """The guard under which each file runs, by path; files that nothing starts or imports are left out.

    A file imported once without any guard is unguarded, however often it is imported behind one.
    """
    guards: dict[str, Guard] = {}
    waiting: deque[tuple[str, Guard]] = deque((e, Guard.NONE) for e in entries)
    while waiting:
        path, guard = waiting.popleft()
        if path not in graph.python or path in guards:
            continue
        guards[path] = guard
        for target, own in graph.edges[path]:
            if target not in guards and own not in _NO_IMPORT:
                combined = guard if guard is not Guard.NONE else own
                (waiting.appendleft if combined is Guard.NONE else waiting.append)((target, combined))
    return guards | _other_files(graph.facts, guards)


def entry_points(graph: Graph) -> tuple[str, ...]:
    """Where the program starts: scripts, declared commands, the top of each package; sorted paths.

    A script has a main guard, is started by a shell file or a declared command, or lies outside of any package
    and is imported by none. Tests and documentation start nothing.
    """
    python = {p: f for p, f in graph.python.items() if not f.error}
    entries = {p for p, f in python.items() if f.is_main}
    started = (_started(s, f.path, graph.modules) for f in graph.facts for s in f.starts)
    entries |= {p for p in started if p in python}
    entries |= {p for p in python if p.rpartition("/")[2] in {"setup.py", "__main__.py"}}
    packages = {p.rpartition("/")[0] for p in python if p.endswith("__init__.py")}
    entries |= {
        f"{folder}/__init__.py" for folder in packages if folder and folder.rpartition("/")[0] not in packages
    }
    imported = {target for edges in graph.edges.values() for target, _ in edges}
    entries |= {p for p in python if p.rpartition("/")[0] not in packages and p not in imported}
    program = tuple(sorted(p for p in entries if not (_TESTS.search(p) or _SIDE.search(p))))
    return program or tuple(sorted(entries))


def _edges(facts: FileFacts, modules: Modules) -> Iterator[tuple[str, Guard]]:
    folder = facts.path.rpartition("/")[0]
    for item in dict.fromkeys(facts.imports):
        if not item.module and not item.level:
            yield from ((p, item.guard) for p in _siblings(folder, modules.paths) if p != facts.path)
            continue
        find = (
            (lambda m, i=item: modules.relative(m, i.level, folder))
            if item.level
            else (lambda m: modules.of(m, folder))
        )
        path = find(item.module)
        if path:
            yield path, item.guard
            yield from ((p, item.guard) for p in _parents(path, modules.paths))
        for name in item.names:
            taken = find(f"{item.module}.{name}" if item.module else name)
            if taken:
                yield taken, item.guard
                if not path:
                    yield from ((p, item.guard) for p in _parents(taken, modules.paths))


def _siblings(folder: str, paths: Iterable[str]) -> Iterator[str]:
    prefix = folder + "/" if folder else ""
    return (p for p in paths if p.startswith(prefix)) if folder else iter(())


def _parents(path: str, paths: frozenset[str]) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        candidate = f"{folder}/__init__.py"
        if candidate not in paths:
            return
        if candidate != path:
            yield candidate
        folder = folder.rpartition("/")[0]


def _roots(folder: str) -> Iterator[str]:
    while True:
        prefix = folder + "/" if folder else ""
        yield prefix
        yield f"{prefix}src/"
        if not folder:
            return
        folder = folder.rpartition("/")[0]


def _started(start: str, path: str, modules: Modules) -> str:
    folder = path.rpartition("/")[0]
    if start.startswith("-m "):
        found = modules.of(start[3:], folder)
        main = found.removesuffix("__init__.py") + "__main__.py"
        return main if found.endswith("__init__.py") and main in modules.paths else found
    plain = start.removeprefix("./").lstrip("/")
    candidates = (f"{root}{plain}" for root in _roots(folder) if not root.endswith("src/"))
    return next((c for c in candidates if c in modules.paths), "")


def _other_files(facts: Sequence[FileFacts], python: Mapping[str, Guard]) -> dict[str, Guard]:
    """Build and data files count as reached; sources in C++ where a build file lies in their folder or above it."""
    builders = {f.path.rpartition("/")[0] for f in facts if f.path.rpartition("/")[2] in _BUILD_FILES}
    builders |= {p.rpartition("/")[0] for f in facts for p in (f.path,) if p in python and _builds(f)}
    guards = {}
    for fact in facts:
        if fact.kind == "python" or not fact.kind or _TESTS.search(fact.path):
            continue
        if fact.kind != "c" or any(folder in builders for folder in _folders(fact.path)):
            guards[fact.path] = Guard.NONE
    return guards


def _builds(facts: FileFacts) -> bool:
    return any(f.rule == "EXT-001" for f in facts.findings)


def _folders(path: str) -> Iterator[str]:
    folder = path.rpartition("/")[0]
    while folder:
        yield folder
        folder = folder.rpartition("/")[0]
    yield ""
