"""Findings in YAML, JSON, conda environments and CMake files."""

import re
from collections.abc import Iterator

import msgspec
import yaml

from penstock.portability import shell
from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard
from penstock.portability.requirements import rules_of_requirement

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_IMAGE = re.compile(r"(^|/)nvidia/cuda[:@]|nvcr\.io/|(^|/)pytorch/pytorch:.*cuda")
_NCCL = re.compile(r"NCCL_[A-Z_]+")
_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_CMAKE_TOKEN = re.compile(
    r"\#\[(=*)\[.*?\]\1\]|\#[^\n]*|\[(=*)\[.*?\]\2\]|\"(?:[^\"\\]|\\.)*\"|[()]|[^\s()\"#]+", re.DOTALL
)
_MAXIMUM_NODES = 200_000


def in_yaml(text: Text) -> tuple[Finding, ...]:
    """Back ends, variables, images and resources in YAML; aliases are not followed."""
    found = []
    try:
        for node, key, is_key in _scalars(text.text):
            found += _of_scalar(text, node, key, is_key)
    except (yaml.YAMLError, RecursionError, ValueError):
        return tuple(found)
    return tuple(dict.fromkeys(found))


def in_environment(text: Text) -> tuple[Finding, ...]:
    """Requirements of a conda environment file, and what any YAML file may hold."""
    found = list(in_yaml(text))
    try:
        for node, _, is_key in _scalars(text.text):
            if not is_key:
                plain = node.value.rpartition("::")[2]
                found += [
                    text.finding(r, node.start_mark.index, Guard.NONE, "requirement", n)
                    for r, n in rules_of_requirement(plain)
                ]
    except (yaml.YAMLError, RecursionError, ValueError):
        return tuple(found)
    return tuple(dict.fromkeys(found))


def in_json(text: Text) -> tuple[Finding, ...]:
    """Back ends in JSON values; nothing where the file is no JSON."""
    try:
        msgspec.json.decode(text.text)
    except (msgspec.DecodeError, RecursionError):
        return ()
    places = (m for m in _JSON_STRING.finditer(text.text) if m[0] == '"nccl"')
    return tuple(text.finding("DST-003", m.start()) for m in places if not _is_json_key(text.text, m.end()))


def in_cmake(text: Text) -> tuple[Finding, ...]:
    """The CUDA language, packages and architectures in CMake; comments are passed over."""
    found: dict[tuple[str, int], Finding] = {}
    for command, word, offset in _cmake_words(text.text):
        if _is_cuda_build(command, word):
            finding = text.finding("BLD-001", offset)
            found.setdefault(("BLD-001", finding.line), finding)
    return tuple(found.values())


def _scalars(text: str) -> Iterator[tuple[yaml.ScalarNode, str, bool]]:
    """(scalar, key that it stands under, whether it is a key) of every document."""
    if len(text) > 1_000_000:
        raise ValueError("too long for YAML")
    waiting: list[tuple[yaml.Node, str, bool]] = [(d, "", False) for d in yaml.compose_all(text, Loader=_LOADER) if d]
    seen: set[int] = set()
    for _ in range(_MAXIMUM_NODES):
        if not waiting:
            return
        node, key, is_key = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield node, key, is_key
        elif id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                waiting += [(n, key, False) for n in node.value]
            elif isinstance(node, yaml.MappingNode):
                waiting += [pair for k, v in node.value for pair in ((k, "", True), (v, str(k.value)[:80], False))]


def _of_scalar(text: Text, node: yaml.ScalarNode, key: str, is_key: bool) -> list[Finding]:
    value, offset = node.value, node.start_mark.index
    if value == "nccl" and not is_key:
        return [text.finding("DST-003", offset)]
    if _NCCL.fullmatch(value) or _NCCL.match(value.partition("=")[0] + "") and "=" in value and " " not in value:
        return [text.finding("DST-004", offset)]
    if value == "nvidia.com/gpu" or (key == "runtimeClassName" and value == "nvidia"):
        return [text.finding("BLD-004", offset)]
    if not is_key and _IMAGE.search(value) and " " not in value:
        return [text.finding("BLD-002", offset)]
    if not is_key and (key in {"run", "command", "args", "script", "setup", "entrypoint"} or "\n" in value):
        return _of_script(text, node)
    return []


def _of_script(text: Text, node: yaml.ScalarNode) -> list[Finding]:
    found = shell.findings(text, node.start_mark.index, node.end_mark.index)
    return [f for f in found if f.rule in {"DST-004", "BLD-002", "BLD-004"}]


def _is_json_key(text: str, end: int) -> bool:
    return text[end : end + 40].lstrip().startswith(":")


def _cmake_words(text: str) -> Iterator[tuple[str, str, int]]:
    """(command in lower case, word, offset) of every word in a CMake file; the command itself comes first."""
    command, depth, candidate, at = "", 0, "", 0
    for match in _CMAKE_TOKEN.finditer(text):
        word = match[0]
        if word.startswith("#"):
            continue
        if word == "(":
            command = candidate if depth == 0 else command
            if depth == 0:
                yield command, "", at
            depth += 1
        elif word == ")":
            depth = max(0, depth - 1)
        elif depth == 0:
            candidate, at = word.lower(), match.start()
        else:
            yield command, word.strip('"'), match.start()


def _is_cuda_build(command: str, word: str) -> bool:
    if command == "find_package":
        return word in {"CUDA", "CUDAToolkit", "CUDNN", "NCCL"}
    if command in {"enable_language", "project"}:
        return word == "CUDA"
    if command.startswith("cuda_") and not word:
        return True
    if command in {"set", "set_target_properties", "set_property", "target_compile_options", "add_compile_options"}:
        return re.match(r"CMAKE_CUDA_|CUDA_(ARCHITECTURES|NVCC|HOME|STANDARD|SEPARABLE)|TORCH_CUDA_ARCH|-gencode", word) is not None
    return word.startswith(("-gencode", "TORCH_CUDA_ARCH_LIST"))
