"""What a test leads to: a test for CUDA may only be widened where all that it guards runs elsewhere too."""

import ast
import builtins
import re
from collections.abc import Iterator

from penstock.portability.model import Finding
from penstock.portability.python_guards import last_name, leaves, names_other_device
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
_CUDA_ALONE = frozenset(
    {"DEV-005", "DEV-006", "DEV-007", "DEV-009", "DEV-013", "DEV-018", "DST-006", "PRF-001"}
)
"""Rules about calls of torch.cuda: a statement that keeps one is left as it is."""
_REWRITTEN_CALLS = ("device_count", "current_device", "set_device", "synchronize")
_ABOUT_CUDA = re.compile(r"cuda|nvidia|rocm|(^|_)hip(_|$)|nccl", re.IGNORECASE)
_SWITCHES = frozenset({"non_blocking", "pin_memory", "enabled"})
_TENSOR_METHODS = frozenset(
    {"to", "cuda", "cpu", "pin_memory", "float", "half", "item", "contiguous", "detach", "clone", "size", "numel"}
    | {"info", "warning", "debug", "backward", "step", "update", "scale", "unscale_", "zero_grad", "parameters"}
    | {"train", "eval", "append", "format"}
)  # fmt: skip


class Regions:
    """Knows the parents of every node, and what is left of CUDA after a rewrite."""

    def __init__(self, tree: ast.Module, known: Names, found: tuple[Finding, ...]) -> None:
        self._tree = tree
        self._known = known
        self._parents = {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}
        self._uses: dict[str, list[ast.expr]] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Load):
                self._uses.setdefault(last_name(node), []).append(node)
        self._left = {f.line: f.rule for f in found if _is_left(f)}
        self.has_own_cuda_method = any(
            isinstance(n, ast.FunctionDef) and n.name == "cuda" for n in ast.walk(tree)
        )

    def is_safe(self, node: ast.expr) -> bool:
        """Whether a test may be widened: it only chooses, and nothing that it leads to is left for CUDA alone.

        Every call there must be one of torch, a builtin or a usual method of tensors: tests often choose a kernel
        or a library that we cannot see.
        """
        return self._only_chooses(node) and all(
            self._is_free(region) and self._is_all_understood(region) for region in self._led_to(node, set())
        )

    def stays_whole(self, node: ast.expr) -> bool:
        """Whether the statement around a node keeps a call of torch.cuda, so that it is better left alone."""
        statement: ast.AST | None = node
        while statement is not None and not isinstance(statement, ast.stmt):
            statement = self._parents.get(statement)
        if statement is None or hasattr(statement, "body"):
            return False
        lines = range(statement.lineno, (statement.end_lineno or statement.lineno) + 1)
        return any(self._left.get(line) in _CUDA_ALONE for line in lines)

    def is_called_safely(self, func: ast.expr) -> bool:
        """Whether a function is called here, and its answer only chooses among what runs on any device."""
        call = self._parents.get(func)
        return isinstance(call, ast.Call) and call.func is func and self.is_safe(call)

    def is_fixed(self, node: ast.expr) -> bool:
        """Whether a string must stay: an entry of a table, in compiled code, or beside a call of torch.cuda."""
        return (
            self._is_table_entry(node)
            or self._is_compiled(node)
            or self._is_about_cuda(node)
            or self.stays_whole(node)
        )

    def _is_table_entry(self, node: ast.expr) -> bool:
        """Whether a node is the value of a key: `{"cuda": "nccl"}` says what goes with CUDA, not what to use."""
        parent = self._parents.get(node)
        return isinstance(parent, ast.Dict) and node in parent.values

    def _only_chooses(self, node: ast.expr) -> bool:
        """Whether a truth value flows into a test, a flag or a switch of a call, and nowhere else."""
        if self._is_about_cuda(node):
            return False
        present: ast.AST = node
        parent = self._parents.get(present)
        while isinstance(parent, ast.Call | ast.UnaryOp | ast.BoolOp) and present not in getattr(
            parent, "args", ()
        ):
            if any(_is_other_platform(n) for n in ast.walk(parent)):
                return False
            present, parent = parent, self._parents.get(parent)
        if isinstance(parent, ast.If | ast.IfExp | ast.While):
            return present is parent.test
        if isinstance(parent, ast.keyword):
            return parent.arg in _SWITCHES
        return isinstance(parent, ast.Assign)

    def _is_free(self, region: ast.stmt | ast.expr) -> bool:
        last = region.end_lineno or region.lineno
        return not any(region.lineno <= line <= last for line in self._left)

    def _is_all_understood(self, region: ast.stmt | ast.expr) -> bool:
        return all(self._is_understood(n) for n in ast.walk(region) if isinstance(n, ast.Call))

    def _is_compiled(self, node: ast.expr) -> bool:
        """Whether a node lies in a function that TorchScript or Triton compiles: those see no global strings."""
        return any(last_name(d) in {"jit", "script"} for f in self._functions(node) for d in f.decorator_list)

    def _is_about_cuda(self, node: ast.expr) -> bool:
        """Whether a node lies in a function whose name says that it is about CUDA alone."""
        return any(_ABOUT_CUDA.search(f.name) for f in self._functions(node))

    def _functions(self, node: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        parent = self._parents.get(node)
        while parent is not None:
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
                yield parent
            parent = self._parents.get(parent)

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

    def _led_to(self, node: ast.AST, seen: set[str]) -> Iterator[ast.stmt | ast.expr]:
        parent = self._parents.get(node)
        while parent is not None and not isinstance(
            parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module
        ):
            if isinstance(parent, ast.If | ast.While) and node is parent.test:
                yield from self._statements_of(parent)
                return
            if isinstance(parent, ast.IfExp) and node is parent.test:
                yield from (parent.body, parent.orelse)
                return
            if isinstance(parent, ast.BoolOp):
                yield from (v for v in parent.values if v is not node)
            elif isinstance(parent, ast.Assign) and node is parent.value:
                names = {last_name(t) for t in parent.targets} - seen - {""}
                seen |= names
                for use in (u for name in sorted(names) for u in self._uses.get(name, ())):
                    yield from self._led_to(use, seen)
            node, parent = parent, self._parents.get(parent)

    def _statements_of(self, test: ast.If | ast.While) -> Iterator[ast.stmt]:
        yield from test.body
        yield from test.orelse
        if leaves(test.body):
            for block in _blocks(self._parents.get(test)):
                if test in block:
                    yield from block[block.index(test) + 1 :]

    def _is_understood(self, call: ast.Call) -> bool:
        qualified = self._known.qualified(call.func)
        if qualified:
            return qualified.partition(".")[0] in {"torch", "contextlib", "os", "math"}
        if isinstance(call.func, ast.Attribute):
            return call.func.attr in _TENSOR_METHODS
        return isinstance(call.func, ast.Name) and hasattr(builtins, call.func.id)


def several_vendors(tree: ast.Module) -> bool:
    """Whether a file names devices of other vendors in its code, or asks whether torch has an accelerator: then
    it chooses by itself already."""
    named = (n for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute | ast.Constant))
    return any(names_other_device(n) or _asks_for_accelerator(n) for n in named)


def _asks_for_accelerator(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "accelerator"


def _is_other_platform(node: ast.AST) -> bool:
    return isinstance(node, ast.Name | ast.Attribute) and last_name(node) in {
        "hip",
        "version",
        "is_rocm",
        "rocm",
    }


def _is_left(finding: Finding) -> bool:
    if finding.rule in {"DEV-005", "DEV-009"}:
        return not any(f".{name}(" in finding.evidence for name in _REWRITTEN_CALLS)
    return finding.rule not in _HARMLESS


def _blocks(node: ast.AST | None) -> Iterator[list[ast.stmt]]:
    for field in ("body", "orelse", "finalbody"):
        block = getattr(node, field, None)
        if isinstance(block, list):
            yield block
