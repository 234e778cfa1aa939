"""Which rule a string in Python belongs to, judged by the place where it stands."""

import re
from enum import Enum

_DEVICE = re.compile(r"cuda(:\d+)?")
_INDEXED = re.compile(r"cuda:(\d+)?")
_TENSOR = re.compile(r"torch\.cuda\.(sparse\.)?[A-Z][A-Za-z0-9]*Tensor")
_NCCL_VARIABLE = re.compile(r"NCCL_[A-Z_]+(=.*)?")
_FP8_VALUE = re.compile(r"fp8(_[a-z0-9_]+)?|float8(_[a-z0-9]+)?|e4m3(fn)?|e5m2", re.IGNORECASE)
_ARCHITECTURE = re.compile(r"-?-?(gencode|generate-code|arch)[= ].*(compute|sm)_\d+|-gencode")
_BUILD_NAMES = frozenset({"CUDA_HOME", "CUDA_PATH", "TORCH_CUDA_ARCH_LIST", "nvcc"})
_TOOLS = {"nvidia-smi": "LIB-009", "trtexec": "LIB-006"}
_FUSED_OPTIMIZER = re.compile(r"adamw_(torch|apex)_fused|fused_adam\w*")

_DEVICE_NAME = re.compile(
    r"dev(ice)?s?(_|$)|dev(ice)?_?(type|map|id|name)|location|accelerator|target", re.IGNORECASE
)
_NOT_DEVICE_CALL = re.compile(
    r"^(print|join|open|glob|rglob|Path|find_spec|import_module|__import__|hasattr|debug|info|warning|warn|error|"
    r"exception|critical|log|add_subparsers|add_subparser|add_parser|replace|split|startswith|endswith|rstrip|lstrip|"
    r"strip|sub|match|search|compile_regex|find|count|index|remove_prefix|removeprefix|isdir|exists|isfile|"
    r"mark|addinivalue_line|register\w*|Extension|find_packages|package_data|write|format|namedtuple|"
    r"setLevel|getLogger|ImportError|RuntimeError|ValueError|Exception|which|TypeVar|Literal|get_logger)$"
)


_PLAIN_DEVICES = frozenset({"cpu", "mps", "xpu", "npu", "mlu", "musa", "hpu", "meta"})


class Role(Enum):
    """How a string is used by the expression that holds it."""

    ARGUMENT = "argument"
    KEYWORD = "keyword"
    ASSIGNED = "assigned"
    DEFAULT = "default"
    RETURNED = "returned"
    CHOSEN = "chosen"
    """One of the values of a conditional expression or of an `or`."""
    ITEM = "item"
    KEY = "key"
    OTHER = "other"


_VALUES = frozenset({Role.KEYWORD, Role.ASSIGNED, Role.DEFAULT, Role.CHOSEN})
_FORMAT_NAME = re.compile(r"dtype|precision|format|quant|recipe|amp", re.IGNORECASE)


def rule_of_string(text: str, role: Role, name: str) -> str:
    """The rule of a whole string, '' where there is none.

    `name` is that of the called function, the keyword, the assigned name or the parameter.
    """
    if text[:4] == "cuda" and _DEVICE.fullmatch(text):
        return "DEV-002" if _is_device(text, role, name) else ""
    if text == "nccl":
        return "" if role is Role.KEY or _names_no_device(role, name) else "DST-003"
    if "CUDA_VISIBLE_DEVICES" in text:
        return "DEV-010" if re.match(r"CUDA_VISIBLE_DEVICES(=|$)|\$\{?CUDA_VISIBLE_DEVICES", text) else ""
    if _NCCL_VARIABLE.fullmatch(text):
        return "DST-004"
    if _TENSOR.fullmatch(text):
        return "DEV-013"
    if role in _VALUES and text in {"bfloat16", "bf16", "torch.bfloat16"}:
        return "AMP-003" if _FORMAT_NAME.search(name) else ""
    if role in _VALUES and _FP8_VALUE.fullmatch(text):
        return "AMP-004" if _FORMAT_NAME.search(name) else ""
    if text in {"flash_attention_2", "flash_attention_3"}:
        return "LIB-001" if role in _VALUES and "att" in name else ""
    return _rule_of_command(text, role, name)


def is_device_choice(first: str, second: str, name: str) -> bool:
    """Whether `first if … else second`, given to a name, chooses between devices and not between names of tools."""
    return not name or _DEVICE_NAME.search(name) is not None or bool({first, second} & _PLAIN_DEVICES)


def rule_of_prefix(text: str) -> str:
    """The rule of a formatted string that begins so, such as `cuda:{rank}`."""
    if _INDEXED.fullmatch(text):
        return "DEV-002"
    if re.match(r"CUDA_VISIBLE_DEVICES=", text):
        return "DEV-010"
    return next((rule for tool, rule in _TOOLS.items() if text.startswith(tool + " ")), "")


def _rule_of_command(text: str, role: Role, name: str) -> str:
    if role in {Role.KEY, Role.OTHER} and text not in _BUILD_NAMES:
        return ""
    if _names_no_device(role, name) and not name.startswith("which"):
        return ""
    first = text.split(" ", 1)[0]
    if first in _TOOLS:
        return _TOOLS[first]
    if text in _BUILD_NAMES or _ARCHITECTURE.match(text):
        return "BLD-001"
    if _FUSED_OPTIMIZER.fullmatch(text):
        return "OPT-001"
    return ""


def _is_device(text: str, role: Role, name: str) -> bool:
    if ":" in text:
        return not _names_no_device(role, name)
    match role:
        case Role.ARGUMENT:
            return not _names_no_device(role, name)
        case Role.CHOSEN | Role.RETURNED:
            return True
        case Role.KEYWORD | Role.ASSIGNED | Role.DEFAULT:
            return name == "default" or _DEVICE_NAME.search(name) is not None
    return False


def _names_no_device(role: Role, name: str) -> bool:
    return role is Role.ARGUMENT and _NOT_DEVICE_CALL.match(name) is not None
