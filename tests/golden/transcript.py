"""Transcripts: what somebody types and what they are shown, as text that is reviewed like code.

    # a remark
    $ penstock tenant open acme          run as the operator
    ana$ penstock ps                     run with the token that `token issue --id ana` gave
    ~$ penstock ladder                   figures vary: they become …, runs of spaces two spaces, limits that
                                         depend on the host …, and equal lines are shown once
    ?$ penstock charges                  asked again until it is as expected (or for a while, when recording)
    !$ penstock invoice issue acme …     asked again while it ends with a status: what it needs is not there yet
    $ penstock login < secret            with this on standard input

`{cpu}` is the one device of this host, `{recently}` three seconds ago, `{token}` the token asked with,
`{data}` the data directory. Standard output follows as it is, standard error behind `2> `, and `[1]` where
the exit status is 1.
"""

import io
import itertools
import platform
import re
import shlex
import sys
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import redirect_stderr, redirect_stdout
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from penstock.cli.clock import now
from penstock.cli.main import main
from penstock.probes.host import node_id

HOST = node_id(platform.node())
PATIENCE_S, PAUSE_S, SETTLED_S = 60.0, 0.1, 5.0
_PROMPT = re.compile(r"(?P<who>[a-z0-9-]*)(?P<marks>[~?!]*)\$ penstock(?P<rest>.*)")
_REPLACED = (
    (re.compile(rf"\b{re.escape(HOST)}(?=-cpu0\b)"), "host"),
    (re.compile(r"\bprocess \d+"), "process <number>"),
    (re.compile(r"(host_busy|not_steady): .*"), "-"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "http://centre"),
    (
        re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"),
        "<-------- time --------->",
    ),
    (re.compile(r"pst_[A-Za-z0-9_-]+"), "<secret>"),
    (re.compile(r"admin-[0-9a-f]{8}"), "admin-########"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "<hash>"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "<derived id>"),
)
_FIGURE = re.compile(
    r"\d[\d,.]* (?:[KMGT]i)?B\b"
    r"|\d[\d,]*\.\d+(?:e[+-]?\d+)?%?"
    r"|\b\d+(?= (?:s|min|h|transfers|holds|lines|spans)\b)"
    r"|\b[0-9]+(?=,\d+\.\d+)"
)
_LIMITS = "\nLIMIT  ENFORCED BY\n"


class Step(NamedTuple):
    """One command line with what belongs to it."""

    head: str
    expected: str

    @property
    def prompt(self) -> re.Match[str]:
        """Who asks, how it is compared, and the arguments."""
        found = _PROMPT.fullmatch(self.head)
        assert found, f"no command line: {self.head!r}"
        return found


def steps(text: str) -> Iterator[str | Step]:
    """Remarks and blank lines as they are, commands with their output."""
    head, output = "", list[str]()
    for line in text.splitlines():
        begins = _PROMPT.fullmatch(line) is not None
        remark = line.startswith("# ") and (not head or not output or not output[-1])
        if not (begins or remark):
            output.append(line)
            continue
        yield from _finished(head, output)
        head, output = (line, []) if begins else ("", [line])
    yield from _finished(head, output)


def _finished(head: str, output: list[str]) -> Iterator[str | Step]:
    """A command with its output, then the blank lines before what follows; or remarks."""
    blank = next((count for count, line in enumerate(reversed(output)) if line), len(output))
    shown = output[: len(output) - blank]
    if head:
        yield Step(head, "\n".join(shown))
    else:
        yield from shown
    yield from [""] * blank


def run(text: str, environ: MutableMapping[str, str], tokens: dict[str, str], *, record: bool) -> str:
    """The transcript as it is now."""
    lines = []
    for step in steps(text):
        if isinstance(step, str):
            lines.append(step)
        else:
            lines += [step.head, *filter(None, [_play(step, environ, tokens, record=record)])]
    return "\n".join(lines) + "\n"


def _play(step: Step, environ: MutableMapping[str, str], tokens: dict[str, str], *, record: bool) -> str:
    prompt = step.prompt
    token = environ["PENSTOCK_TOKEN"] = tokens[prompt["who"]]
    marks, places = prompt["marks"], (environ["GOLDEN_DATA"], environ["XDG_CONFIG_HOME"])

    def once() -> str:
        known = {
            "{cpu}": f"{HOST}-cpu0",
            "{recently}": (now() - timedelta(seconds=3)).isoformat(),
            "{token}": token,
            "{data}": places[0],
        }
        command = re.sub(r"{\w+}", lambda found: known[found.group()], prompt["rest"])
        shown = _shown(*_call(command, tokens), figures_vary="~" in marks)
        for place in places:
            shown = shown.replace(place, f"<{Path(place).name}>")
        return shown

    if "!" in marks:
        return _accepted(once)
    return _until(once, step.expected, record=record) if "?" in marks else once()


def _until(once: Callable[[], str], expected: str, *, record: bool) -> str:
    deadline = time.monotonic() + (SETTLED_S if record else PATIENCE_S)
    while True:
        shown = once()
        if (shown == expected and not record) or time.monotonic() > deadline:
            return shown
        time.sleep(PAUSE_S)


def _accepted(once: Callable[[], str]) -> str:
    deadline = time.monotonic() + PATIENCE_S
    while (shown := once()).endswith("]") and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    return shown


def _call(command: str, tokens: dict[str, str]) -> tuple[str, str, int]:
    line, _sign, typed = command.partition(" < ")
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    before, sys.stdin = sys.stdin, io.StringIO(typed + "\n")
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = main(shlex.split(line))
    finally:
        sys.stdin = before
    printed, said = (stream.buffer.getvalue().decode() for stream in (out, err))
    issued = re.search(r"^token +(?:\S+\.)?(\S+)$.*^secret +(pst_\S+)$", printed, re.DOTALL | re.MULTILINE)
    if issued:
        tokens[issued.group(1)] = issued.group(2)
    return printed, said, status


def _shown(printed: str, said: str, status: int, *, figures_vary: bool) -> str:
    lines = [_normal(line.rstrip(), figures_vary=figures_vary) for line in printed.splitlines()]
    if figures_vary:
        text, limits, allowed = "\n".join(line for line, _same in itertools.groupby(lines)).partition(_LIMITS)
        lines = (text + limits + re.sub(r"  .*", "  …", allowed)).splitlines()
    lines += [_normal(f"2> {line}", figures_vary=figures_vary) for line in said.splitlines()]
    return "\n".join([*lines, f"[{status}]"] if status else lines)


def _normal(line: str, *, figures_vary: bool) -> str:
    for pattern, shown in _REPLACED:
        line = pattern.sub(shown, line)
    return re.sub(r"(?<=\S)  +", "  ", _FIGURE.sub("…", line)) if figures_vary else line
