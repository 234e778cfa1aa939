"""What a test leads to: a test for CUDA may only be widened where all that it guards runs elsewhere too."""

import ast
import builtins
from collections.abc import Iterator

from penstock.portability.model import Finding
from penstock.portability.python_guards import last_name, leaves
from penstock.portability.python_imports import Names

_HARMLESS = frozenset(
    {
        "DEV-001",
        "DEV-002",
        "DEV-003",
        "DEV-004",
        "DEV-008",
        "DEV-011",
        "DEV-012",
        "DST-001",
        "DST-003",
        "AMP-001",
    }
    | {"AMP-002", "DAT-001", "DAT-002", "DEV-017"}
)
"""Rules whose places are rewritten, or do nothing on other devices."""
_REWRITTEN_CALLS = ("device_count", "current_device", "set_device", "synchronize")
_TENSOR_METHODS = frozenset(
    {
        "to",
        "cuda",
        "cpu",
        "pin_memory",
        "float",
        "half",
        "item",
        "backward",
        "step",
        "update",
        "scale",
        "unscale_",
    }
    | {
        "zero_grad",
        "contiguous",
        "detach",
        "clone",
        "size",
        "numel",
        "format",
        "append",
        "parameters",
        "train",
        "eval",
    }
)


class Regions:
    """Knows the parents of every node, and what is left of CUDA after a rewrite."""

    def __init__(self, tree: ast.Module, known: Names, found: tuple[Finding, ...]) -> None:
        self._tree = tree
        self._known = known
        self._parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
        self._left = sorted(f.line for f in found if _is_left(f))
        self.has_own_cuda_method = any(
            isinstance(n, ast.FunctionDef) and n.name == "cuda" for n in ast.walk(tree)
        )

    def is_safe(self, node: ast.expr, *, understood: bool) -> bool:
        """Whether nothing that a test leads to is left for CUDA alone.

        With `understood` every call there must be one of torch, a builtin or a usual method of tensors: a
        comparison of devices often chooses a kernel that we cannot see.
        """
        for region in self._led_to(node, frozenset()):
            first, last = region.lineno, region.end_lineno or region.lineno
            if any(first <= line <= last for line in self._left):
                return False
            if understood and not all(
                self._is_understood(n) for n in ast.walk(region) if isinstance(n, ast.Call)
            ):
                return False
        return True

    def is_compiled(self, node: ast.expr) -> bool:
        """Whether a node lies in a function that TorchScript or Triton compiles: those see no global strings."""
        parent = self._parents.get(node)
        while parent is not None:
            if isinstance(parent, ast.FunctionDef) and any(
                last_name(d) in {"jit", "script"} for d in parent.decorator_list
            ):
                return True
            parent = self._parents.get(parent)
        return False

    def follows_same_seed(self, call: ast.Call) -> bool:
        """Whether the statement before seeds torch itself with the same value, so that nothing changes."""
        statement = self._parents.get(call)
        before = self._before(statement) if isinstance(statement, ast.Expr) else None
        match before:
            case ast.Expr(value=ast.Call(func=func, args=[seed])) if (
                self._known.qualified(func) == "torch.manual_seed"
            ):
                return len(call.args) == 1 and ast.dump(seed) == ast.dump(call.args[0])
        return False

    def only_calls(self, module: str, allowed: frozenset[str]) -> bool:
        """Whether a file takes only the allowed names from a module, and does nothing with them but call them."""
        taken = {
            q.removeprefix(f"{module}.") for q in self._known.aliases.values() if q.startswith(f"{module}.")
        }
        uses = (n for n in ast.walk(self._tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
        named = (n for n in uses if self._known.qualified(n).startswith(f"{module}."))
        return taken <= allowed and all(self._is_called(n) for n in named)

    def _is_called(self, node: ast.Name) -> bool:
        parent = self._parents.get(node)
        return isinstance(parent, ast.Call) and parent.func is node

    def _before(self, statement: ast.stmt) -> ast.stmt | None:
        for block in _blocks(self._parents.get(statement)):
            if statement in block:
                index = block.index(statement)
                return block[index - 1] if index else None
        return None

    def _led_to(self, node: ast.AST, seen: frozenset[str]) -> Iterator[ast.stmt | ast.expr]:
        parent = self._parents.get(node)
        while parent is not None and not isinstance(
            parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
        ):
            if isinstance(parent, ast.If | ast.While) and node is parent.test:
                yield from self._statements_of(parent)
            elif isinstance(parent, ast.IfExp) and node is parent.test:
                yield from (parent.body, parent.orelse)
            elif isinstance(parent, ast.BoolOp):
                yield from (v for v in parent.values if v is not node)
            elif isinstance(parent, ast.Assign) and node is parent.value and not _is_choice(node):
                names = {last_name(t) for t in parent.targets} - seen - {""}
                for use in self._uses(names):
                    yield from self._led_to(use, seen | names)
            node, parent = parent, self._parents.get(parent)

    def _statements_of(self, test: ast.If | ast.While) -> Iterator[ast.stmt]:
        yield from test.body
        yield from test.orelse
        if leaves(test.body):
            for block in _blocks(self._parents.get(test)):
                if test in block:
                    yield from block[block.index(test) + 1 :]

    def _uses(self, names: set[str]) -> Iterator[ast.expr]:
        for node in ast.walk(self._tree):
            if (
                isinstance(node, ast.Name | ast.Attribute)
                and isinstance(node.ctx, ast.Load)
                and last_name(node) in names
            ):
                yield node

    def _is_understood(self, call: ast.Call) -> bool:
        qualified = self._known.qualified(call.func)
        if qualified:
            return qualified.partition(".")[0] in {"torch", "contextlib", "os", "math"}
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in _TENSOR_METHODS
        return isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id)


def _is_left(finding: Finding) -> bool:
    if finding.rule in {"DEV-005", "DEV-009"}:
        return not any(f".{name}(" in finding.evidence for name in _REWRITTEN_CALLS)
    return finding.rule not in _HARMLESS


def _is_choice(node: ast.AST) -> bool:
    """A conditional expression gives one of two values; its own test does not flow into the name."""
    return isinstance(node, ast.IfExp)


def _blocks(node: ast.AST | None) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            yield block
