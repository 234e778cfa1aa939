"""Shell text: words with their places, comments and quotes understood, and findings in them."""

import re
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard
from penstock.portability.requirements import rules_of_requirement

_SEPARATORS = ";|&()\n`"
_TOOLS = {
    "nvidia-smi": "LIB-009",
    "nvcc": "BLD-001",
    "trtexec": "LIB-006",
    "deepspeed": "DST-007",
    "vllm": "LIB-010",
}
_IMAGES = re.compile(r"(^|/)nvidia/cuda[:@]|(^|/|\b)nvcr\.io/|(^|/)pytorch/pytorch:.*cuda|^nvcr\.io")
_PIN = re.compile(r"\+cu\d\d\d?\b|whl/(nightly/)?cu\d+|^(cudatoolkit|pytorch-cuda)\b")
_VARIABLE = re.compile(r"\$\{?(CUDA_VISIBLE_DEVICES|NCCL_[A-Z_]+|CUDA_HOME|TORCH_CUDA_ARCH_LIST)\b")
_ASSIGNED = re.compile(r"(CUDA_VISIBLE_DEVICES|NCCL_[A-Z_]+|CUDA_HOME|TORCH_CUDA_ARCH_LIST)\+?=")
_NAMES = re.compile(r"CUDA_VISIBLE_DEVICES|NCCL_[A-Z_]+|CUDA_HOME|TORCH_CUDA_ARCH_LIST")
_PASSES_ON = frozenset(
    {"sudo", "exec", "time", "nohup", "env", "watch", "command", "srun", "mpirun", "then", "do", "else", "if",
     "while", "!",
     "eval", "xargs", "RUN", "CMD"}
)  # fmt: skip
_INSTALLERS = frozenset({"pip", "pip3", "uv", "conda", "mamba", "micromamba", "poetry", "pipx"})


class Word(msgspec.Struct, frozen=True, array_like=True):
    """One word, quotes removed; `first` where it begins a command, `quoted` where it was all in quotes."""

    text: str
    offset: int
    first: bool
    quoted: bool


def words(text: str, base: int = 0) -> Iterator[Word]:
    """Words of shell text in order; offsets are moved by `base`. Never fails, whatever the text."""
    position, first = 0, True
    while position < len(text):
        character = text[position]
        if character == "#":
            end = text.find("\n", position)
            position = len(text) if end < 0 else end
        elif character in _SEPARATORS:
            first = True
            position += 1
        elif character in " \t\r":
            position += 1
        elif text.startswith("\\\n", position):
            position += 2
        else:
            word, end = _word(text, position)
            yield Word(word, base + position, first, character in "'\"")
            first = _is_assignment(word) and first
            position = max(end, position + 1)


def findings(
    text: Text, start: int = 0, end: int | None = None, guard: Guard = Guard.NONE
) -> tuple[Finding, ...]:
    """Findings in the part of a file from `start` to `end` that is shell; each rule once in a line."""
    found: dict[tuple[str, int], Finding] = {}
    for command in _commands(words(text.text[start:end], start)):
        for rule, word, subject in _of_command(command):
            variant = "requirement" if subject else ""
            finding = text.finding(rule, word.offset, guard, variant, subject)
            found.setdefault((rule, finding.line), finding)
    return tuple(found.values())


def scripts(text: str) -> Iterator[str]:
    """Python files and `-m` modules (as `-m name`) that shell text or a Dockerfile's list of words starts."""
    for command in _commands(words(text)):
        plain = [w.text.strip("[],") for w in command]
        if not any(
            re.fullmatch(r"(python[0-9.]*|torchrun|deepspeed|accelerate|uv)", p.rpartition("/")[2])
            for p in plain
        ):
            continue
        yield from (p for p in plain if p.endswith(".py"))
        yield from (f"-m {b}" for a, b in pairwise(plain) if a == "-m")


def _commands(stream: Iterator[Word]) -> Iterator[list[Word]]:
    command: list[Word] = []
    for word in stream:
        if word.first and command and not _is_assignment(command[-1].text):
            yield command
            command = []
        command.append(word)
    if command:
        yield command


def _of_command(command: list[Word]) -> Iterator[tuple[str, Word, str]]:
    names = iter(command)
    head = next((w for w in names if not _is_assignment(w.text) and w.text not in _PASSES_ON), None)
    tool = head.text.rpartition("/")[2] if head else ""
    says = tool in {"echo", "printf", "grep", "cat", "sed"}
    if head is not None and tool in _TOOLS:
        yield _TOOLS[tool], head, ""
    if tool in _INSTALLERS and any(w.text in {"install", "add", "create"} for w in command):
        yield from _installed(command)
    for word in command:
        yield from (
            (r, word, "")
            for r in _of_word(word, says=says, container=tool in {"docker", "podman", "nerdctl"})
        )
        if word.quoted and tool in {"bash", "sh", "docker", "srun", "ssh", "eval"} and " " in word.text:
            yield from ((r, word, s) for c in _commands(words(word.text)) for r, _, s in _of_command(c))


def _of_word(word: Word, *, says: bool, container: bool) -> Iterator[str]:
    assigned = _ASSIGNED.match(word.text)
    name = _VARIABLE.search(word.text)
    bare = _NAMES.fullmatch(word.text) if not says else None
    variable = assigned[1] if assigned else name[1] if name else bare[0] if bare else ""
    if variable:
        yield _rule_of_variable(variable)
    if says:
        return
    if _IMAGES.search(word.text):
        yield "BLD-002"
    if _PIN.search(word.text):
        yield "BLD-003"
    container_option = container and re.match(r"--gpus(=|$)|--runtime=nvidia$", word.text)
    if container_option or "nvidia.com/gpu" in word.text:
        yield "BLD-004"
    if re.match(r"-gencode|--generate-code|-arch=(sm|compute)_", word.text):
        yield "BLD-001"


def _installed(command: list[Word]) -> Iterator[tuple[str, Word, str]]:
    for word in command:
        if not word.text.startswith("-"):
            yield from (
                (rule, word, name) for rule, name in rules_of_requirement(word.text) if rule != "BLD-003"
            )


def _rule_of_variable(name: str) -> str:
    if name == "CUDA_VISIBLE_DEVICES":
        return "DEV-010"
    return "DST-004" if name.startswith("NCCL_") else "BLD-001"


def _is_assignment(word: str) -> bool:
    return re.match(r"[A-Za-z_][A-Za-z0-9_]*\+?=", word) is not None


def _word(text: str, start: int) -> tuple[str, int]:
    parts: list[str] = []
    position = start
    while position < len(text) and text[position] not in " \t\r" + _SEPARATORS:
        character = text[position]
        if character == "\\":
            parts.append(
                "" if text[position + 1 : position + 2] == "\n" else text[position + 1 : position + 2]
            )
            position += 2
        elif character in "'\"":
            end = _closing(text, position)
            parts.append(text[position + 1 : end])
            position = end + 1
        elif text.startswith("${", position):
            end = text.find("}", position)
            end = len(text) - 1 if end < 0 else end
            parts.append(text[position : end + 1])
            position = end + 1
        else:
            parts.append(character)
            position += 1
    return "".join(parts), position


def _closing(text: str, start: int) -> int:
    quote, position = text[start], start + 1
    while position < len(text) and text[position] != quote:
        position += 2 if text[position] == "\\" and quote == '"' else 1
    return min(position, len(text))
