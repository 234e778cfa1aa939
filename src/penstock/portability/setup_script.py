"""What a setup.py declares, read without running it: requirements, extras, console scripts."""

import ast
from collections.abc import Iterator

from penstock.portability.model import Finding, Guard
from penstock.portability.requirements import rules_of_requirement

_WANTED = frozenset({"install_requires", "setup_requires", "requires"})
_OPTIONAL = frozenset({"extras_require", "tests_require"})


def findings(path: str, tree: ast.Module, lines: list[str]) -> tuple[Finding, ...]:
    """Requirements that are findings; a list that reaches `install_requires` through a name counts as well."""
    return tuple(
        Finding(
            rule,
            path,
            node.lineno,
            node.col_offset + 1,
            guard,
            lines[node.lineno - 1].strip()[:160],
            "requirement",
            name,
        )
        for node, guard in _requirements(tree)
        for rule, name in rules_of_requirement(str(node.value))
    )


def entry_points(tree: ast.Module) -> tuple[str, ...]:
    """Modules of `console_scripts`, as `-m name`."""
    texts = (n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str))
    parts = (t.partition("=")[2].strip() for t in texts if "=" in t and ":" in t and "\n" not in t)
    return tuple(
        f"-m {p.partition(':')[0]}" for p in parts if p.replace(".", "").replace(":", "").isidentifier()
    )


def _requirements(tree: ast.Module) -> Iterator[tuple[ast.Constant, Guard]]:
    assigned: dict[str, list[ast.expr]] = {}
    calls: list[ast.Call] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    assigned.setdefault(target.id, []).append(node.value)
        elif isinstance(node, ast.Call):
            calls.append(node)
    for call in calls:
        for keyword in call.keywords:
            if keyword.arg in _WANTED or keyword.arg in _OPTIONAL:
                guard = Guard.EXTRA if keyword.arg in _OPTIONAL else Guard.NONE
                yield from ((node, guard) for node in _strings(keyword.value, assigned))


def _strings(value: ast.expr, assigned: dict[str, list[ast.expr]]) -> Iterator[ast.Constant]:
    sources = assigned.get(value.id, []) if isinstance(value, ast.Name) else [value]
    for source in sources:
        if isinstance(source, ast.List | ast.Tuple | ast.Dict | ast.BinOp | ast.Set):
            yield from (
                n for n in ast.walk(source) if isinstance(n, ast.Constant) and isinstance(n.value, str)
            )
