"""Findings in C++ and CUDA sources."""

import re

from penstock.portability.c_tokens import Kind, Token, tokens
from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard

_WORDS = (
    ("EXT-002", re.compile(r"__global__|cudaLaunchKernel(Ex)?|cuLaunchKernel")),
    ("EXT-003", re.compile(r"asm|__asm__|__asm")),
    (
        "EXT-004",
        re.compile(r"__(shfl|ballot|activemask|any_sync|all_sync)\w*|warpSize|(C10_)?WARP_SIZE|kWarpSize"),
    ),
    (
        "EXT-007",
        re.compile(
            r"wmma|__?nv_bfloat16\w*|__nv_fp8\w*|mma_sync|ldmatrix\w*|cp_async\w*|__pipeline_memcpy_async"
        ),
    ),
    ("EXT-005", re.compile(r"(cublas|cudnn|cusparse|cusolver|cufft|curand)[A-Z_]\w*|CUBLAS_\w+|CUDNN_\w+")),
    ("EXT-006", re.compile(r"cutlass|cute")),
)
_INCLUDES = (
    ("EXT-006", re.compile(r"(cutlass|cute)/")),
    ("EXT-005", re.compile(r"(cublas|cudnn|cusparse|cusolver|cufft|curand)\w*\.h|(thrust|cub)/")),
    ("EXT-007", re.compile(r"mma\.h$|cuda_bf16|cuda_fp8")),
)
_PTX = re.compile(r"mma\.sync|ldmatrix|cp\.async|wgmma|tcgen05")
_FULL_MASK = re.compile(r"0xf{8}u?", re.IGNORECASE)
_CUDA_ONLY = frozenset({"EXT-003", "EXT-004"})
"""Assembly and masks of 32 bits are usual in plain C as well; they count where the file is about CUDA."""
_ABOUT_CUDA = re.compile(
    r"__(global|device|shared|host)__|<<<|cuda(_runtime|_fp16|_bf16)?\w*\.h|__(shfl|ballot)|cuda[A-Z]\w+\("
)
_GUARD = re.compile(
    r"USE_CUDA|WITH_CUDA|HAVE_CUDA|ENABLE_CUDA|__CUDACC__|__CUDA_ARCH__|USE_ROCM|__HIP|ENABLE_(BF16|FP8)"
)


def findings(text: Text) -> tuple[Finding, ...]:
    """Every finding of one file; each rule at most once in a line."""
    guards = _Conditionals()
    found: dict[tuple[str, int], Finding] = {}
    stream = list(tokens(text.text))
    about_cuda = text.path.endswith((".cu", ".cuh")) or _ABOUT_CUDA.search(text.text) is not None
    for index, token in enumerate(stream):
        if token.kind is Kind.DIRECTIVE:
            guards.take(token.text)
        for rule in _rules(token, stream[index + 1 : index + 3]):
            if rule in _CUDA_ONLY and not about_cuda:
                continue
            finding = text.finding(rule, token.offset, guards.present)
            found.setdefault((rule, finding.line), finding)
    return tuple(found.values())


class _Conditionals:
    """The open `#if`s and the guard that they make."""

    def __init__(self) -> None:
        self._open: list[Guard] = []

    @property
    def present(self) -> Guard:
        if Guard.DEAD in self._open:
            return Guard.DEAD
        return next((g for g in self._open if g is not Guard.NONE), Guard.NONE)

    def take(self, directive: str) -> None:
        name, _, rest = directive.strip().lstrip("#").strip().partition(" ")
        if name in {"if", "ifdef", "ifndef"}:
            self._open.append(_guard_of(name, rest.strip()))
        elif name in {"else", "elif"} and self._open:
            before = self._open[-1]
            self._open[-1] = Guard.NONE if before is Guard.DEAD else before
        elif name == "endif" and self._open:
            self._open.pop()


def _guard_of(name: str, condition: str) -> Guard:
    if name == "if" and condition in {"0", "false"}:
        return Guard.DEAD
    return Guard.AVAILABILITY if _GUARD.search(condition) else Guard.NONE


def _rules(token: Token, after: list[Token]) -> tuple[str, ...]:
    match token.kind:
        case Kind.WORD:
            return tuple(rule for rule, words in _WORDS if words.fullmatch(token.text) and _fits(rule, after))
        case Kind.LAUNCH:
            return ("EXT-002",)
        case Kind.NUMBER:
            return ("EXT-004",) if _FULL_MASK.fullmatch(token.text) else ()
        case Kind.STRING:
            return ("EXT-007",) if _PTX.search(token.text) else ()
        case Kind.DIRECTIVE:
            return _of_directive(token.text)
    return ()


def _fits(rule: str, after: list[Token]) -> bool:
    """Words that mean something only before a certain mark: `asm (`, `asm volatile`, `cutlass::`."""
    following = after[0].text if after else ""
    if rule == "EXT-003":
        return following in {"(", "volatile", "__volatile__"}
    return following == ":" if rule == "EXT-006" else True


def _of_directive(directive: str) -> tuple[str, ...]:
    body = directive.strip().lstrip("#").strip()
    include = re.match(r'include\s*[<"]([^>"]+)[>"]', body)
    if include:
        return tuple(rule for rule, paths in _INCLUDES if paths.match(include[1]))
    define = re.match(r"define\s+(\w+)\s+(.*)", body, re.DOTALL)
    if define and (_FULL_MASK.search(define[2]) or re.fullmatch(r"(C10_)?WARP_SIZE", define[1])):
        return ("EXT-004",)
    return ("EXT-002",) if define and "__global__" in define[2] else ()
