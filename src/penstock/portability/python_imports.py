"""What a Python file imports, under which guard, and what its names stand for."""

import ast
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType

import msgspec

from penstock.portability.model import Guard
from penstock.portability.python_guards import branches, fails, forgives, last_name, leaves

type Called = Callable[[], set[str]]
"""The functions that a module calls itself; looked for when it is asked first, as few files need to know."""

_ENDS = frozenset({ast.Return, ast.Raise, ast.Continue, ast.Break})
_SIMPLE = _ENDS | {
    ast.Expr,
    ast.Assign,
    ast.AugAssign,
    ast.AnnAssign,
    ast.Delete,
    ast.Pass,
    ast.Assert,
    ast.Global,
}


_BLOCKS: dict[type[ast.AST], tuple[str, ...]] = {
    **dict.fromkeys((ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef), ("body",)),
    **dict.fromkeys((ast.With, ast.AsyncWith, ast.ExceptHandler, ast.match_case), ("body",)),
    **dict.fromkeys((ast.If, ast.For, ast.AsyncFor, ast.While), ("body", "orelse")),
    **dict.fromkeys((ast.Try, ast.TryStar), ("body", "handlers", "orelse", "finalbody")),
    ast.Match: ("cases",),
}
"""The fields in which statements stand, in the order of the source."""


class Import(msgspec.Struct, frozen=True, array_like=True):
    """One imported module, with the names taken from it. `level` counts the dots of a relative import; an
    empty module with level 0 stands for an import whose name is made at run time."""

    module: str
    level: int
    names: tuple[str, ...]
    guard: Guard


class Names(msgspec.Struct):
    """What names of a file stand for: `aliases` gives the qualified name behind an imported one, `flags` are
    names that hold an availability, `called` gives the functions that the module calls itself."""

    aliases: dict[str, str]
    flags: set[str]
    called: Called

    def qualified(self, node: ast.expr) -> str:
        """The dotted name of an expression with its import undone, '' where it is no such name."""
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = self.aliases.get(node.id)
        if root is None:
            return ""
        return ".".join((root, *reversed(parts)))

    def module(self, node: ast.expr) -> str:
        """The module that a qualified name is taken from."""
        return self.qualified(node).rpartition(".")[0]


def names(tree: ast.Module) -> Names:
    """Aliases, flags and called functions of a file; scopes are taken as one."""
    found = Names({}, set(), cache(lambda: called_functions(tree)))
    for node in statements(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                found.aliases[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                found.aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        elif isinstance(node, ast.Assign) and branches(node.value, found.flags)[0] is Guard.AVAILABILITY:
            found.flags.update(t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.Try) and forgives(node):
            found.flags.update(_bound(s for h in node.handlers for s in h.body))
    return found


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Every statement, handler and case, breadth first: those of `ast.walk` in its order, expressions left out."""
    waiting = deque([tree])
    while waiting:
        node = waiting.popleft()
        yield node
        for field in _BLOCKS.get(type(node), ()):
            waiting.extend(getattr(node, field))


def imports(
    tree: ast.Module, known: Names | None = None, *, dynamic: bool = False, called: Called | None = None
) -> tuple[Import, ...]:
    """Every import of a file; a walk over statements only, so that it is cheap.

    With `dynamic` calls of `import_module` and `__import__` are looked for as well. `called` is for a tree that
    does not hold all functions.
    """
    if called is None:
        called = known.called if known else cache(lambda: called_functions(tree))
    found: list[Import] = []
    _imports(tree.body, Guard.NONE, called, known.flags if known else set(), found)
    return (*found, *(_dynamic(tree) if dynamic else ()))


def has_main(tree: ast.Module) -> bool:
    """Whether the file has `if __name__ == "__main__":` at its top."""
    return any(isinstance(n, ast.If) and _is_main(n.test) for n in tree.body)


def _is_main(test: ast.expr) -> bool:
    match test:
        case ast.Compare(
            left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
        ):
            return True
    return False


def _imports(body: list[ast.stmt], guard: Guard, called: Called, flags: set[str], out: list[Import]) -> None:
    for node in body:
        kind = type(node)
        if kind in _SIMPLE:
            guard = Guard.DEAD if kind in _ENDS else guard
        elif isinstance(node, ast.Import):
            out.extend(Import(alias.name, 0, (), guard) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            out.append(Import(node.module or "", node.level, tuple(a.name for a in node.names), guard))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            _in_function(node, guard, called, flags, out)
        elif isinstance(node, ast.If):
            first, second = if_guards(node, flags)
            _imports(node.body, stronger(guard, first), called, flags, out)
            _imports(node.orelse, stronger(guard, second), called, flags, out)
            if second is not None and leaves(node.body):
                guard = stronger(guard, second)
        elif isinstance(node, ast.Try):
            for part, own in try_parts(node):
                _imports(part, stronger(guard, own), called, flags, out)
        else:
            _imports(_inner_statements(node), guard, called, flags, out)


def _in_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    guard: Guard,
    called: Called,
    flags: set[str],
    out: list[Import],
) -> None:
    before = len(out)
    _imports(node.body, stronger(guard, Guard.IN_FUNCTION), called, flags, out)
    if len(out) > before and guard is Guard.NONE and node.name in called():
        del out[before:]
        _imports(node.body, guard, called, flags, out)


def try_parts(node: ast.Try) -> tuple[tuple[list[ast.stmt], Guard | None], ...]:
    """The blocks of a `try`, each with its guard."""
    inner = Guard.TRY if forgives(node) else None
    handled = [s for h in node.handlers for s in h.body]
    return (node.body, inner), (node.orelse, inner), (handled, Guard.TRY), (node.finalbody, None)


def if_guards(node: ast.If | ast.IfExp, flags: set[str]) -> tuple[Guard | None, Guard | None]:
    """The guards of both branches; a branch whose alternative fails is demanded, so not guarded."""
    first, second = branches(node.test, flags)
    if isinstance(node, ast.If) and Guard.DEAD not in (first, second):
        return (None if fails(node.orelse) else first), (None if fails(node.body) else second)
    return first, second


def stronger(outer: Guard, inner: Guard | None) -> Guard:
    """The guard inside of a guarded block: the outer one stays, except that dead is dead."""
    if inner is None or (outer is not Guard.NONE and inner is not Guard.DEAD):
        return outer
    return inner


def _dynamic(tree: ast.Module) -> Iterator[Import]:
    """Imports by name; taken as unguarded, because what they import is chosen while the program runs."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        waiting.extend(children(node))
        if (
            isinstance(node, ast.Call)
            and node.args
            and last_name(node.func) in {"import_module", "__import__"}
        ):
            match node.args[0]:
                case ast.Constant(value=str(text)):
                    yield Import(text.lstrip("."), len(text) - len(text.lstrip(".")), (), Guard.NONE)
                case _:
                    yield Import("", 0, (), Guard.NONE)


def _inner_statements(node: ast.stmt) -> list[ast.stmt]:
    cases = [s for c in getattr(node, "cases", ()) for s in c.body]
    handlers = [s for h in getattr(node, "handlers", ()) for s in h.body]
    fields = (getattr(node, f, ()) for f in ("body", "orelse", "finalbody"))
    return [*(s for f in fields for s in f), *cases, *handlers]


def _bound(statements: Iterable[ast.stmt]) -> Iterator[str]:
    for node in statements:
        if isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def called_functions(tree: ast.Module, elsewhere: Mapping[str, bytes] = MappingProxyType({})) -> set[str]:
    """Functions that run when the module runs: called at its top, or by a function that is.

    `elsewhere` are sources of functions that the tree holds without their bodies.
    """
    functions: dict[str, ast.AST] = {}
    reached: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions[node.name] = node
        elif not isinstance(node, ast.ClassDef | ast.Import | ast.ImportFrom):
            reached |= _calls_in(node)
    waiting = [functions.pop(name) for name in reached if name in functions]
    while waiting:
        node = waiting.pop()
        called = _calls_in(node) - reached
        if isinstance(node, ast.FunctionDef) and node.name in elsewhere:
            called |= _calls_in(ast.parse(elsewhere[node.name])) - reached
        reached |= called
        waiting += [functions.pop(name) for name in called if name in functions]
    return reached


def _calls_in(node: ast.AST) -> set[str]:
    """Names called in a node, but not behind a test of an option or of what is there."""
    found: set[str] = set()
    waiting = [node]
    while waiting:
        present = waiting.pop()
        if isinstance(present, ast.Call) and isinstance(present.func, ast.Name):
            found.add(present.func.id)
        if isinstance(present, ast.If):
            first, second = if_guards(present, set())
            waiting += [present.test]
            waiting += present.body if first is None else []
            waiting += present.orelse if second is None else []
        else:
            waiting += children(present)
    return found


def children(node: ast.AST) -> list[ast.AST]:
    """What `ast.iter_child_nodes` yields, in its order, in a third of its time."""
    found: list[ast.AST] = []
    for value in node.__dict__.values():
        if type(value) is list:
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
