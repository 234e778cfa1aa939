"""Tests and handlers that keep code from running: what guards the branches of an `if`, and what a `try` forgives."""

import ast
import re
from collections.abc import Iterable, Set

from penstock.portability.model import Guard

type Branches = tuple[Guard | None, Guard | None]
"""The guards that a test puts on its body and on its `else`."""

_AVAILABILITY = re.compile(
    r"(^|_)(avail\w*|installed|supports?|supported|has|have|found|find_spec|importable|is_cuda|device_count)(_|$)"
    r"|(^|_)(is|use|using|on|with)_?(cuda|gpu|npu|hip|rocm|musa|mlu)(_|$)|^(cuda|gpu)$",
    re.IGNORECASE,
)
_OPTION = re.compile(
    r"(^|_)(use|using|with|enable|enabled|should|want)(_|$)|flash|fp8|bf16|triton|apex|xformers|deepspeed|fused"
    r"|(^|_)amp(_|$)|tensorrt|vllm|quant|gptq|awq|[48]bit|(^|_)(compile|jit|profile|nccl|multigpu)(_|$)",
    re.IGNORECASE,
)
_OTHER_DEVICE = re.compile(r"(^|_)(npu|mlu|musa|gcu|hpu|xpu|sdaa|supa|mps|xla|neuron)(_|$)", re.IGNORECASE)
"""Who asks for another vendor's device has an answer for it: both branches are chosen by what is there."""
_INVERTED = re.compile(r"^_?(no|not|disable|without|skip)_", re.IGNORECASE)
_DEVICE_TEXT = re.compile(r"(cuda|nccl|gpu|npu|hccl|musa|mlu|hip|rocm)(:\d+)?")
_SKIP_DECORATOR = re.compile(r"(^|_)skip|^require|_only$")
_FORGIVEN = frozenset(
    {
        "ImportError",
        "ModuleNotFoundError",
        "Exception",
        "BaseException",
        "OSError",
        "RuntimeError",
        "AttributeError",
    }
)


def last_name(node: ast.expr) -> str:
    """The last identifier of a name, attribute, call or constant subscript; '' of anything else."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return last_name(func)
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
    return ""


def branches(test: ast.expr, flags: Set[str]) -> Branches:
    """What a test puts on its two branches; `flags` are names that this file uses for availability."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            body, other = branches(operand, flags)
            return other, body
        case ast.BoolOp(op=op, values=values):
            parts = [branches(v, flags) for v in values]
            first = _first(b for b, _ in parts), _first(o for _, o in parts)
            return (first[0], None) if isinstance(op, ast.And) else (None, first[1])
        case ast.Constant(value=value):
            return (None, Guard.DEAD) if value else (Guard.DEAD, None)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _of_comparison(left, op, right, flags)
        case ast.Call(func=ast.Name(id="bool"), args=[inner]):
            return branches(inner, flags)
        case ast.Call(func=ast.Name(id="hasattr")):
            return Guard.AVAILABILITY, None
    return _of_name(last_name(test), flags)


def names_other_device(node: ast.expr) -> bool:
    """Whether a name, a string or a collection of strings is about the device of another vendor."""
    match node:
        case ast.Constant(value=str(text)):
            return len(text) < 12 and _OTHER_DEVICE.search(text.partition(":")[0]) is not None
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return _OTHER_DEVICE.search(name) is not None
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return any(names_other_device(i) for i in items)
    return False


def leaves(body: list[ast.stmt]) -> bool:
    """Whether a block always goes back or on without an error, so that what follows it is its `else`."""
    return bool(body) and isinstance(body[-1], ast.Return | ast.Continue | ast.Break)


def fails(body: list[ast.stmt]) -> bool:
    """Whether a block always ends the program or raises: then its test demands, it does not guard."""
    if not body:
        return False
    last = body[-1]
    if isinstance(last, ast.Expr) and isinstance(last.value, ast.Call):
        return last_name(last.value) in {"exit", "_exit", "abort"}
    return isinstance(last, ast.Raise)


def forgives(node: ast.Try) -> bool:
    """Whether the program goes on when the body of a `try` cannot import or call what it wants."""
    return any(_catches(h) and not fails(h.body) for h in node.handlers)


def skips(decorators: Iterable[ast.expr]) -> bool:
    """Whether a decorator such as `skipUnless` or `require_cuda` may leave the function out."""
    return any(_SKIP_DECORATOR.search(last_name(d)) for d in decorators)


def _of_comparison(left: ast.expr, op: ast.cmpop, right: ast.expr, flags: Set[str]) -> Branches:
    if isinstance(right, ast.Constant) and right.value is None:
        guard = _of_name(last_name(left), flags)[0]
        guard = guard if guard is Guard.AVAILABILITY else None
        return (None, guard) if isinstance(op, ast.Is) else (guard, None)
    positive = isinstance(op, ast.Eq | ast.In | ast.Gt | ast.GtE)
    if any(names_other_device(side) for side in (left, right)):
        return Guard.AVAILABILITY, Guard.AVAILABILITY
    if any(_is_device_text(side) for side in (left, right)):
        return (Guard.AVAILABILITY, None) if positive else (None, Guard.AVAILABILITY)
    guard = branches(left, flags)[0] if last_name(left) else None
    return (guard, None) if positive else (None, guard)


def _is_device_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str(text)):
            return _DEVICE_TEXT.fullmatch(text) is not None
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return any(_is_device_text(i) for i in items)
    return False


def _of_name(name: str, flags: Set[str]) -> Branches:
    if not name:
        return None, None
    if name == "TYPE_CHECKING":
        return Guard.TYPING, None
    if _OTHER_DEVICE.search(name):
        return Guard.AVAILABILITY, Guard.AVAILABILITY
    inverted = _INVERTED.match(name)
    plain = name[inverted.end() :] if inverted else name
    guard = None
    if name in flags or _AVAILABILITY.search(plain):
        guard = Guard.AVAILABILITY
    elif _OPTION.search(plain):
        guard = Guard.OPTION
    return (None, guard) if inverted else (guard, None)


def _catches(handler: ast.ExceptHandler) -> bool:
    caught = handler.type
    if caught is None:
        return True
    types = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(last_name(t) in _FORGIVEN for t in types)


def _first(guards: Iterable[Guard | None]) -> Guard | None:
    return next((g for g in guards if g is not None), None)
