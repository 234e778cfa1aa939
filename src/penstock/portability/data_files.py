"""Findings in YAML, JSON, conda environments and CMake files."""

import re
from collections.abc import Iterable, Iterator

import msgspec
import yaml

from penstock.portability import shell
from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard
from penstock.portability.requirements import rules_of_requirement

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_IMAGE = re.compile(r"(^|/)nvidia/cuda[:@]|nvcr\.io/|(^|/)pytorch/pytorch:.*cuda")
_NCCL_SETTING = re.compile(r"NCCL_[A-Z_]+(=\S*)?")
_JSON_STRING = re.compile(r'"(?:[^"\\\n]|\\.)*"')
_CMAKE_TOKEN = re.compile(
    r"\#\[(=*)\[.*?\]\1\]|\#[^\n]*|\[(=*)\[.*?\]\2\]|\"(?:[^\"\\]|\\.)*\"|[()]|[^\s()\"#]+", re.DOTALL
)
_SCRIPT_KEYS = frozenset({"run", "command", "args", "script", "setup", "entrypoint"})
_MAXIMUM_YAML_CHARACTERS = 1_000_000
_MAXIMUM_NESTING = 100


class Scalar(msgspec.Struct, frozen=True):
    """One scalar of a YAML file: where it stands, the key above it, whether it is a key itself."""

    value: str
    start: int
    end: int
    key: str
    is_key: bool


def in_yaml(text: Text) -> tuple[Finding, ...]:
    """Back ends, variables, images and resources in YAML; aliases are not followed."""
    return tuple(dict.fromkeys(f for scalar in _scalars(text.text) for f in _of_scalar(text, scalar)))


def in_environment(text: Text) -> tuple[Finding, ...]:
    """Requirements of a conda environment file, and what any YAML file may hold."""
    required = (
        text.finding(rule, scalar.start, Guard.NONE, "requirement", name)
        for scalar in _scalars(text.text)
        if not scalar.is_key
        for rule, name in rules_of_requirement(scalar.value.rpartition("::")[2])
    )
    return tuple(dict.fromkeys((*in_yaml(text), *required)))


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


def _scalars(text: str) -> list[Scalar]:
    """Every scalar of every document, in order; none where the file is no YAML or longer than we read.

    Events are read instead of nodes: composing nodes recurses in C and dies of deep nesting.
    """
    if len(text) > _MAXIMUM_YAML_CHARACTERS:
        return []
    try:
        return list(_walk(yaml.parse(text, Loader=_LOADER)))
    except (yaml.YAMLError, ValueError):
        return []


def _walk(events: Iterable[yaml.Event]) -> Iterator[Scalar]:
    """Scalars with the key above them."""
    levels: list[_Level] = [_Level(mapping=False)]
    for event in events:
        level = levels[-1]
        if isinstance(event, yaml.CollectionEndEvent) and len(levels) > 1:
            levels.pop()
        elif isinstance(event, yaml.ScalarEvent):
            is_key = level.turn()
            assert event.start_mark is not None, "events of a text have marks"
            assert event.end_mark is not None, "events of a text have marks"
            yield Scalar(event.value, event.start_mark.index, event.end_mark.index, level.key, is_key)
            level.key = event.value[:80] if is_key else level.key
        elif isinstance(event, yaml.CollectionStartEvent):
            level.turn()
            mapping = isinstance(event, yaml.MappingStartEvent)
            levels.append(_Level(mapping=mapping, key="" if mapping else level.key))
            if len(levels) > _MAXIMUM_NESTING:
                return
        elif isinstance(event, yaml.AliasEvent):
            level.turn()


class _Level(msgspec.Struct, kw_only=True):
    """One open collection of a YAML file."""

    mapping: bool
    key: str = ""
    key_is_due: bool = True

    def turn(self) -> bool:
        """Take one node; whether it is a key."""
        is_key = self.mapping and self.key_is_due
        self.key_is_due = not self.key_is_due
        return is_key


def _of_scalar(text: Text, scalar: Scalar) -> list[Finding]:
    value, key = scalar.value, scalar.key
    if value == "nccl" and not scalar.is_key:
        return [text.finding("DST-003", scalar.start)]
    if _NCCL_SETTING.fullmatch(value):
        return [text.finding("DST-004", scalar.start)]
    if value == "nvidia.com/gpu" or (key == "runtimeClassName" and value == "nvidia"):
        return [text.finding("BLD-004", scalar.start)]
    if scalar.is_key:
        return []
    if _IMAGE.search(value) and " " not in value:
        return [text.finding("BLD-002", scalar.start)]
    if key in _SCRIPT_KEYS or "\n" in value:
        found = shell.findings(text, scalar.start, scalar.end)
        return [f for f in found if f.rule in {"DST-004", "BLD-002", "BLD-004"}]
    return []


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
    if command in {
        "set",
        "set_target_properties",
        "set_property",
        "target_compile_options",
        "add_compile_options",
    }:
        return (
            re.match(
                r"CMAKE_CUDA_|CUDA_(ARCHITECTURES|NVCC|HOME|STANDARD|SEPARABLE)|TORCH_CUDA_ARCH|-gencode",
                word,
            )
            is not None
        )
    return word.startswith(("-gencode", "TORCH_CUDA_ARCH_LIST"))
