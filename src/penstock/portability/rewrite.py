"""Which places of a Python file can be made device-agnostic without a doubt, and how.

The name `_accelerator_type` holds "cuda", "npu", "mlu", … or "cpu", taken from torch.accelerator (PyTorch
2.7 or newer) once at the top of the file.
"""

import ast
import re
from collections.abc import Iterator

from penstock.portability.edits import Edit, Places
from penstock.portability.python_compare import rule_of_comparison, rule_of_prefix_test
from penstock.portability.python_guards import last_name
from penstock.portability.python_imports import Names
from penstock.portability.rewrite_regions import Regions

DEVICE = "_accelerator_type"
_BACKEND = f"torch.distributed.get_default_backend_for_device({DEVICE})"
_RENAMED = {
    "torch.cuda.is_available": ("DEV-003", "torch.accelerator.is_available"),
    "torch.cuda.device_count": ("DEV-005", "torch.accelerator.device_count"),
    "torch.cuda.current_device": ("DEV-005", "torch.accelerator.current_device_index"),
    "torch.cuda.set_device": ("DEV-005", "torch.accelerator.set_device_index"),
    "torch.cuda.synchronize": ("DEV-009", "torch.accelerator.synchronize"),
}
_TURNED: dict[type[ast.cmpop], str] = {ast.Eq: "!=", ast.NotEq: "==", ast.In: "not in", ast.NotIn: "in"}
_AMP_NAMES = frozenset({"autocast", "GradScaler"})
_AUTOCAST_PARAMETERS = ("enabled", "dtype", "cache_enabled")


class Rewriter:
    """Gathers the edits of one file."""

    def __init__(self, places: Places, known: Names, regions: Regions, strings: frozenset[ast.AST]) -> None:
        self.places = places
        self.known = known
        self.regions = regions
        self.strings = strings
        """The strings that the check takes for a device or a back end."""
        self.moves_amp = regions.only_calls("torch.cuda.amp", _AMP_NAMES)
        self.distributed = any(q.startswith("torch.distributed") for q in known.aliases.values())

    def edits(self, tree: ast.Module) -> Iterator[Edit]:
        """Every edit, each safe by itself."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield from self._call(node)
            elif isinstance(node, ast.Attribute):
                yield from self._attribute(node)
            elif isinstance(node, ast.Compare):
                yield from self._compare(node)
            elif isinstance(node, ast.ImportFrom):
                yield from self._amp_import(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from self._string(node, node.value)
            elif isinstance(node, ast.JoinedStr):
                yield from self._formatted(node)

    def _attribute(self, node: ast.Attribute) -> Iterator[Edit]:
        renamed = _RENAMED.get(self.known.qualified(node))
        if renamed is None or not isinstance(node.ctx, ast.Load) or self.regions.stays_whole(node):
            return
        if renamed[0] != "DEV-003" or self.regions.is_called_safely(node):
            yield self.places.replace(node, renamed[1], renamed[0])

    def _call(self, node: ast.Call) -> Iterator[Edit]:
        name, qualified = last_name(node.func), self.known.qualified(node.func)
        if name in {"init_process_group", "autocast", "GradScaler"}:
            yield from self._strings_of(node)
        if name == "cuda" and not qualified and isinstance(node.func, ast.Attribute):
            yield from self._moved(node, node.func)
        elif qualified.startswith("torch.cuda.amp.") and (
            isinstance(node.func, ast.Attribute) or self.moves_amp
        ):
            yield from self._amp(node, qualified.rpartition(".")[2])
        elif qualified in {"torch.cuda.manual_seed", "torch.cuda.manual_seed_all"}:
            if self.regions.follows_same_seed(node):
                yield self.places.replace(node.func, "torch.manual_seed", "DEV-008")
        else:
            yield from self._prefix_test(node)

    def _moved(self, node: ast.Call, func: ast.Attribute) -> Iterator[Edit]:
        """`.cuda()` becomes `.to(…)`; an index becomes a device of that index."""
        if self.regions.has_own_cuda_method:
            return
        positional = node.args[0] if node.args else None
        named = next((k for k in node.keywords if k.arg == "device"), None)
        yield self.places.rename_attribute(func, "to", "DEV-001")
        if positional is None and named is None:
            yield self._first_argument(node, "DEV-001")
        index = positional or (named.value if named else None)
        if isinstance(index, ast.Constant) and type(index.value) is int:
            yield self.places.replace(index, f'f"{{{DEVICE}}}:{index.value}"', "DEV-001")
        elif isinstance(index, ast.Constant) and index.value is None:
            yield self.places.replace(index, DEVICE, "DEV-001")

    def _amp(self, node: ast.Call, name: str) -> Iterator[Edit]:
        """`autocast` and `GradScaler` of torch.amp want the device first; the rest of autocast goes by name."""
        if name not in _AMP_NAMES or any(isinstance(a, ast.Starred) for a in node.args):
            return
        if isinstance(node.func, ast.Attribute):
            yield self.places.replace(node.func, f"torch.amp.{name}", "AMP-001")
        if name == "autocast" and node.args:
            yield from self._autocast_arguments(node)
        else:
            yield self._first_argument(node, "AMP-001")

    def _autocast_arguments(self, node: ast.Call) -> Iterator[Edit]:
        for name, argument in zip(_AUTOCAST_PARAMETERS, node.args, strict=False):
            start = self.places.start(argument)
            yield Edit(start, start, f"{DEVICE}, {name}=" if name == "enabled" else f"{name}=", "AMP-001")

    def _amp_import(self, node: ast.ImportFrom) -> Iterator[Edit]:
        """`from torch.cuda.amp import …` takes the same names from torch.amp, which wants the device as well."""
        if node.module == "torch.cuda.amp" and self.moves_amp:
            start = self.places.start(node) + len(b"from ")
            if self.places.source.startswith(b"torch.cuda.amp ", start):
                yield Edit(start, start + len(b"torch.cuda.amp"), "torch.amp", "AMP-001")

    def _first_argument(self, node: ast.Call, rule: str) -> Edit:
        """The device put before all arguments of a call."""
        given = [self.places.start(a) for a in (*node.args, *node.keywords)]
        start = min(given, default=self.places.source.index(b"(", self.places.end(node.func)) + 1)
        return Edit(start, start, f"{DEVICE}, " if given else DEVICE, rule)

    def _strings_of(self, node: ast.Call) -> Iterator[Edit]:
        """The constants of a call that one rule takes with the call: back end and device type."""
        for value in (*node.args, *(k.value for k in node.keywords)):
            if isinstance(value, ast.Constant) and value.value == "nccl" and self.distributed:
                yield self.places.replace(value, _BACKEND, "DST-001")
            elif isinstance(value, ast.Constant) and value.value == "cuda":
                yield self.places.replace(value, DEVICE, "AMP-002")

    def _compare(self, node: ast.Compare) -> Iterator[Edit]:
        rule, _ = rule_of_comparison(node)
        if rule != "DEV-004" or not self.regions.is_safe(node):
            return
        constant, other = node.left, node.comparators[0]
        if not isinstance(constant, ast.Constant):
            constant, other = other, constant
        edit = self._operator(node)
        if edit and isinstance(constant, ast.Constant) and constant.value == "cuda" and _names_device(other):
            quote = self.places.quote(constant)
            yield self.places.replace(constant, f"{quote}cpu{quote}", rule)
            yield edit

    def _operator(self, node: ast.Compare) -> Edit | None:
        """The edit that turns the operator round; None where a comment or the like stands beside it."""
        start, end = self.places.end(node.left), self.places.start(node.comparators[0])
        match = re.fullmatch(rb"(\s*)(==|!=|not\s+in|in)(\s*)", self.places.source[start:end])
        turned = _TURNED[type(node.ops[0])]
        return Edit(start + len(match[1]), end - len(match[3]), turned, "DEV-004") if match else None

    def _prefix_test(self, node: ast.Call) -> Iterator[Edit]:
        rule, _ = rule_of_prefix_test(node)
        if rule == "DEV-004" and isinstance(node.func, ast.Attribute) and _names_device(node.func.value):
            argument = node.args[0]
            if isinstance(argument, ast.Constant) and self.regions.is_safe(node):
                start = self.places.start(node)
                yield Edit(start, start, "(not ", rule)
                quote = self.places.quote(argument)
                yield self.places.replace(argument, f"{quote}cpu{quote}", rule)
                yield Edit(self.places.end(node), self.places.end(node), ")", rule)

    def _string(self, node: ast.Constant, text: str) -> Iterator[Edit]:
        if node not in self.strings or self.regions.is_fixed(node):
            return
        if text == "nccl" and self.distributed:
            yield self.places.replace(node, _BACKEND, "DST-003")
        elif text == "cuda":
            yield self.places.replace(node, DEVICE, "DEV-002")
        elif text.startswith("cuda:"):
            quote = self.places.quote(node)
            yield self.places.replace(node, f"f{quote}{{{DEVICE}}}:{text[5:]}{quote}", "DEV-002")

    def _formatted(self, node: ast.JoinedStr) -> Iterator[Edit]:
        if node not in self.strings or self.regions.is_fixed(node):
            return
        first = node.values[0]
        if isinstance(first, ast.Constant) and str(first.value).startswith("cuda:"):
            start = self.places.start(first)
            if self.places.source[start : start + 5] == b"cuda:":
                yield Edit(start, start + 4, f"{{{DEVICE}}}", "DEV-002")


def _names_device(node: ast.expr) -> bool:
    """Whether an expression surely holds the name of a device: `device`, `x.device.type`, `args.device`, …"""
    match node:
        case ast.Attribute(attr="type", value=value):
            return "dev" in last_name(value)
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _names_device(inner)
    name = last_name(node)
    return isinstance(node, ast.Name | ast.Attribute) and ("device" in name or name == "dev")
