"""Declared dependencies: requirements files, pyproject.toml, setup.cfg, conda environments."""

import configparser
import re
import tomllib
from collections.abc import Iterator, Mapping

from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard
from penstock.portability.names import rule_of_distribution

_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(\[[^\]]*\])?\s*"
    r"(\(?\s*(?:[<>=!~^]=?=?|@).*|;.*|=[^=].*|$)"
)
_CUDA_PIN = re.compile(r"\+cu\d\d\d?\b|whl/(nightly/)?cu\d+")
_OPTIONAL_FILE = re.compile(
    r"(dev|test|tests|doc|docs|optional|extra|extras|lint|gpu|flash|deepspeed)", re.IGNORECASE
)


def rules_of_requirement(text: str) -> Iterator[tuple[str, str]]:
    """(rule, distribution) of one requirement such as `flash-attn>=2.5; sys_platform == "linux"`."""
    match = _REQUIREMENT.match(text)
    name = match[1] if match else ""
    rule = rule_of_distribution(name) if name else ""
    if rule:
        yield rule, name
    if _CUDA_PIN.search(text) and rule != "BLD-003":
        yield "BLD-003", name or text.strip()


def in_requirements(text: Text) -> tuple[Finding, ...]:
    """Findings of a requirements file; `requirements-dev.txt` and its kind are extras."""
    stem = text.path.rpartition("/")[2].partition(".")[0]
    guard = Guard.EXTRA if _OPTIONAL_FILE.search(stem.removeprefix("requirements")) else Guard.NONE
    found = []
    offset = 0
    for line in text.lines:
        body = re.split(r"(?:^|\s)#", line, maxsplit=1)[0].rstrip(" \\")
        indent = len(body) - len(body.lstrip())
        found += [text.finding(r, offset + indent, guard, "requirement", n) for r, n in _of_line(body)]
        offset += len(line) + 1
    return tuple(found)


def in_pyproject(text: Text) -> tuple[Finding, ...]:
    """Findings of pyproject.toml: PEP 621, dependency groups, Poetry, and indexes of CUDA wheels."""
    try:
        table = tomllib.loads(text.text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    return tuple(_placed(text, list(_of_pyproject(table))))


def scripts(text: str) -> tuple[str, ...]:
    """Modules of `[project.scripts]` and Poetry's scripts, as `-m name`."""
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        return ()
    project, poetry = _table(table, "project"), _table(_table(table, "tool"), "poetry")
    declared = (_table(project, "scripts"), _table(project, "gui-scripts"), _table(poetry, "scripts"))
    return tuple(f"-m {v.partition(':')[0]}" for t in declared for v in t.values() if isinstance(v, str))


def in_setup_cfg(text: Text) -> tuple[Finding, ...]:
    """Findings of setup.cfg."""
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text.text)
    except configparser.Error:
        return ()
    wanted = []
    for section in parser.sections():
        for key, value in parser[section].items():
            extra = section == "options.extras_require"
            if extra or (section == "options" and key in {"install_requires", "setup_requires"}):
                guard = Guard.EXTRA if extra else Guard.NONE
                wanted += [(line, guard) for line in value.splitlines() if line.strip()]
    return tuple(_placed(text, wanted))


def _of_line(body: str) -> Iterator[tuple[str, str]]:
    plain = body.strip()
    if plain.startswith("-"):
        if _CUDA_PIN.search(plain):
            yield "BLD-003", plain.split()[-1]
        return
    yield from rules_of_requirement(plain)


def _of_pyproject(table: Mapping) -> Iterator[tuple[str, Guard]]:
    project = _table(table, "project")
    yield from ((r, Guard.NONE) for r in _texts(project.get("dependencies")))
    yield from ((r, Guard.NONE) for r in _texts(_table(table, "build-system").get("requires")))
    for extra in _table(project, "optional-dependencies").values():
        yield from ((r, Guard.EXTRA) for r in _texts(extra))
    for group in _table(table, "dependency-groups").values():
        yield from ((r, Guard.EXTRA) for r in _texts(group))
    tool = _table(table, "tool")
    for index in tool.get("uv", {}).get("index", []) if isinstance(tool.get("uv"), dict) else []:
        yield from ((u, Guard.NONE) for u in _texts([index.get("url")] if isinstance(index, dict) else []))
    yield from _of_poetry(_table(tool, "poetry"))


def _of_poetry(poetry: Mapping) -> Iterator[tuple[str, Guard]]:
    groups = [(poetry.get("dependencies"), Guard.NONE)]
    groups += [
        (g.get("dependencies"), Guard.EXTRA) for g in _table(poetry, "group").values() if isinstance(g, dict)
    ]
    for wanted, guard in groups:
        for name, value in wanted.items() if isinstance(wanted, dict) else ():
            optional = isinstance(value, dict) and value.get("optional") is True
            yield name, Guard.EXTRA if optional else guard
    for source in poetry.get("source", []) if isinstance(poetry.get("source"), list) else []:
        yield from ((u, Guard.NONE) for u in _texts([source.get("url")] if isinstance(source, dict) else []))


def _table(table: Mapping, key: str) -> Mapping:
    value = table.get(key, {})
    return value if isinstance(value, dict) else {}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, list):
        yield from (v for v in value if isinstance(v, str))


def _placed(text: Text, wanted: list[tuple[str, Guard]]) -> Iterator[Finding]:
    """Findings at the places of requirement texts; comments are passed over, each place is used once."""
    lines = [re.split(r"(?:^|\s)#", line, maxsplit=1)[0] for line in text.lines]
    starts = [0]
    for line in text.lines:
        starts.append(starts[-1] + len(line) + 1)
    used: set[int] = set()
    for requirement, guard in wanted:
        for rule, name in rules_of_requirement(requirement):
            places = (
                (starts[i] + at)
                for i, line in enumerate(lines)
                if (at := line.find(requirement.strip())) >= 0
            )
            offset = next((p for p in places if p not in used), 0)
            used.add(offset)
            yield text.finding(rule, offset, guard, "requirement", name)
