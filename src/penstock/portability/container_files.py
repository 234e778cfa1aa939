"""Findings in Dockerfiles and in Markdown, whose commands are shell."""

import re

from penstock.portability import shell
from penstock.portability.lines import Text
from penstock.portability.model import Finding, Guard

_INSTRUCTION = re.compile(r"[ \t]*(?:ONBUILD[ \t]+)?([A-Za-z]+)[ \t]+", re.ASCII)
_IMAGE = re.compile(r"(^|/)nvidia/cuda(\W|$)|nvcr\.io/|(^|/)pytorch/pytorch:.*cuda")
_CARRIES_SHELL = frozenset({"RUN", "CMD", "ENTRYPOINT", "ENV", "ARG", "HEALTHCHECK"})
_FENCE = re.compile(r"[ ]{0,3}(```+|~~~+)[ ]*([A-Za-z0-9+-]*)")
_SHELL_LANGUAGES = frozenset({"", "bash", "sh", "shell", "console", "zsh", "shell-session"})


def in_dockerfile(text: Text) -> tuple[Finding, ...]:
    """Base images, variables and commands of a Dockerfile; instructions may span lines."""
    found: list[Finding] = []
    offset = index = 0
    while index < len(text.lines):
        start, index = index, index + 1
        while text.lines[index - 1].rstrip().endswith("\\") and index < len(text.lines):
            index += 1
        body = "\n".join(text.lines[start:index])
        found += _of_instruction(text, body, offset)
        offset += len(body) + 1
    return tuple(found)


def in_markdown(text: Text) -> tuple[Finding, ...]:
    """Shell commands in fenced blocks; documentation weighs nothing in a verdict."""
    found: list[Finding] = []
    offset, fence, begun = 0, "", 0
    for line in text.lines:
        match = _FENCE.match(line)
        if match and fence and match[1].startswith(fence):
            found += shell.findings(text, begun, offset, Guard.DOCUMENTATION) if begun else ()
            fence = ""
        elif match and not fence:
            fence = match[1]
            begun = offset + len(line) + 1 if match[2].lower() in _SHELL_LANGUAGES else 0
        offset += len(line) + 1
    return tuple(f for f in found if f.rule in {"BLD-003", "BLD-004"})


def _of_instruction(text: Text, body: str, offset: int) -> tuple[Finding, ...]:
    match = _INSTRUCTION.match(body)
    if match is None or body.lstrip().startswith("#"):
        return ()
    word = match[1].upper()
    rest = offset + match.end()
    if word == "FROM" or (
        word in {"ARG", "ENV"} and re.search(r"nvidia/cuda|nvcr\.io|pytorch/pytorch", body)
    ):
        found = any(_IMAGE.search(part) for part in re.split(r"[\s=]+", body[match.end() :]))
        return (text.finding("BLD-002", rest),) if found else ()
    if word in _CARRIES_SHELL:
        return shell.findings(text, rest, offset + len(body))
    return ()
