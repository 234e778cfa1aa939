"""Comparisons with device and backend names, which shims do not rewrite."""

import ast
import re

from penstock.portability.python_guards import last_name

_TEXTS = {"cuda": "DEV-004", "nccl": "DST-002"}
_OTHERS = frozenset({"npu", "mlu", "musa", "gcu", "hpu", "hccl", "mccl", "cncl"})
_NO_DEVICE = re.compile(
    r"path|file|name$|version|ext$|lang|suffix|dir$|^(s|e|ex|err|exc|key|k|line|word|token|msg|message|text|tag|mode|"
    r"module|argv|stdout|stderr|output|lib|extra|group|cmd|command|url|doc|description|__version__|package|pkg)$",
    re.IGNORECASE,
)


def rule_of_comparison(node: ast.Compare) -> tuple[str, str]:
    """Rule and variant of `x.type == "cuda"`, `backend in ("nccl",)`, `"cuda" in device`, …; '' for others.

    The variant is `own_string` where the program compares a string that it chose itself, '' where it reads
    the device or the backend back from the run time, which then names another vendor's.
    """
    if len(node.ops) != 1 or not isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
        return "", ""
    left, right = node.left, node.comparators[0]
    for text, other in ((_device_text(left), right), (_device_text(right), left)):
        if (
            text
            and not _constant(other)
            and not _is_no_device(other)
            and not (text == "cuda" and _is_backend(other))
        ):
            others = _lists_others(left) or _lists_others(right)
            return _TEXTS[text], "lists_others" if others else "" if reads_back(other) else "own_string"
    return "", ""


def rule_of_prefix_test(call: ast.Call) -> tuple[str, str]:
    """The same for `device.startswith("cuda")`."""
    match call:
        case ast.Call(func=ast.Attribute(attr="startswith", value=value), args=[argument]):
            text = _device_text(argument)
            if text and not _is_no_device(value):
                return _TEXTS[text], "" if reads_back(value) else "own_string"
    return "", ""


def reads_back(node: ast.expr) -> bool:
    """Whether a value comes from the run time: `t.device.type`, `str(t.device)`, `get_backend()`."""
    match node:
        case ast.Attribute(attr="type"):
            return True
        case ast.Attribute(
            attr="device", value=ast.Name(id="args" | "cfg" | "config" | "opt" | "opts" | "self")
        ):
            return False
        case ast.Attribute(attr="device"):
            return True
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return reads_back(inner) or last_name(inner) == "device"
        case ast.Call():
            return last_name(node) in {"get_backend", "get_device", "get_device_type", "_get_backend_name"}
    return False


def _is_backend(node: ast.expr) -> bool:
    """A back end called cuda is one way to compute among others, not a device."""
    return re.search(r"backend|impl|kernel", last_name(node)) is not None


def _lists_others(node: ast.expr) -> bool:
    match node:
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return any(isinstance(i, ast.Constant) and i.value in _OTHERS for i in items)
    return False


def _device_text(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            plain = text.partition(":")[0]
            return plain if plain in _TEXTS else ""
        case ast.Tuple(elts=items) | ast.List(elts=items) | ast.Set(elts=items):
            return next((t for t in map(_device_text, items) if t), "")
    return ""


def _constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant | ast.List | ast.Tuple | ast.Set | ast.Dict)


def _is_no_device(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _is_no_device(inner)
        case ast.Call(func=ast.Attribute(attr="lower" | "upper" | "strip", value=inner)):
            return _is_no_device(inner)
    return _NO_DEVICE.search(last_name(node)) is not None
