"""Calls and keywords that belong to a rule by their own form, whatever the name behind them."""

import ast

from penstock.portability.names import FP8_NAME, FUSED_NAME
from penstock.portability.python_guards import last_name

_QUANTISED = frozenset({"load_in_8bit", "load_in_4bit"})


def rule_of_call(node: ast.Call, qualified: str, imports_torch: bool) -> tuple[str, tuple[ast.expr, ...]]:
    """The rule of a call, and the arguments that this rule has dealt with; '' where there is none."""
    name = last_name(node.func)
    if name == "init_process_group":
        backend = _argument(node, 0, "backend")
        return (
            ("DST-001", (backend,))
            if backend is not None and _text(backend) in {"nccl", "cpu:gloo,cuda:nccl"}
            else ("", ())
        )
    if name in {"autocast", "GradScaler"}:
        device = _argument(node, 0, "device_type" if name == "autocast" else "device")
        return (
            ("AMP-002", (device,))
            if device is not None and _text(device).partition(":")[0] == "cuda"
            else ("", ())
        )
    if isinstance(node.func, ast.Attribute):
        rule = _rule_of_method(node, name, qualified, imports_torch)
        if rule:
            return rule, ()
    if qualified and FUSED_NAME.fullmatch(qualified.rpartition(".")[2]):
        return "OPT-001", ()
    if qualified in {"torch.nn.DataParallel", "torch.nn.parallel.DataParallel"}:
        return "DST-005", ()
    if (
        qualified
        and FP8_NAME.search(name)
        and not name.startswith(("is_", "has_", "_is_", "check_"))
        and not _asks(name)
    ):
        return "AMP-004", ()
    return "", ()


def rule_of_keyword(name: str, value: ast.expr) -> str:
    """The rule of `name=value` in a call, '' where there is none; a switch that is off has none."""
    if isinstance(value, ast.Constant) and not value.value:
        return ""
    on = isinstance(value, ast.Constant) and value.value is True
    if name in _QUANTISED:
        return "LIB-003"
    if name == "fused":
        return "OPT-001" if on else ""
    if name == "pin_memory":
        return "DAT-001" if on else ""
    if name == "pin_memory_device":
        return "DAT-001"
    if name == "use_cuda":
        return "PRF-001" if on else ""
    if name == "bf16":
        return "AMP-003" if on else ""
    return "AMP-004" if on and FP8_NAME.search(name) else ""


def _rule_of_method(node: ast.Call, name: str, qualified: str, imports_torch: bool) -> str:
    """Methods of tensors and modules; a qualified name means that the receiver is an imported module."""
    if qualified:
        return ""
    if name == "cuda":
        return "DEV-001"
    bare = not node.args and not node.keywords
    if name == "double" and bare and imports_torch:
        return "DEV-014"
    if name == "bfloat16" and bare:
        return "AMP-003"
    return "DAT-001" if name == "pin_memory" and len(node.args) < 2 and imports_torch else ""


def _argument(node: ast.Call, position: int, keyword: str) -> ast.expr | None:
    named = next((k.value for k in node.keywords if k.arg == keyword), None)
    return named if named is not None or len(node.args) <= position else node.args[position]


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _asks(name: str) -> bool:
    return name.endswith(("_available", "_supported", "_enabled"))
