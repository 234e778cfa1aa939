"""What the commands of a batch script need of Slurm, or of the cluster that it was written for."""

import re
from collections.abc import Iterator

from penstock.lease.jobfile.reading import Reading
from penstock.lease.jobfile.sbatch_options import words_of

_WORD = r"[^\s;&|]++"
_STARTERS = "mpirun|mpiexec|ibrun|jsrun"
_BEFORE = (
    r"(?:^|[;&|(`!{]|\$\(|\b(?:do|then|else|elif|if|while|until)\s)\s*+"
    rf"(?:(?:time|exec|nohup|env|!)\s++"
    rf"|timeout\s++(?:-{_WORD}\s++)*+(?:(?!(?:srun|{_STARTERS})\b){_WORD}\s++){{1,2}}+"
    rf"|\w++=(?:\"[^\"]*+\"|'[^']*+'|(?:{_WORD})?)\s++)*+"
)
"""What a command stands after: the begin of a line or list, a word of the shell, variables, a program that runs it."""
_SRUN = re.compile(_BEFORE + r"srun\b(.*)")
_LAUNCHER = re.compile(_BEFORE + rf"({_STARTERS})\b")
_CLIENTS = re.compile(r"\b(scontrol|SLURM_(?:JOB_)?NODELIST|squeue|sacct|sbatch|scancel|salloc)\b")
_VARIABLE = re.compile(r"\$\{?(SLURM_\w+)")
SHORT_WITH_VALUE = "ACDGLMNSacdeijmnopqrtwx"
LONG_WITH_VALUE = [
    "account",
    "chdir",
    "constraint",
    "cpu-bind",
    "cpus-per-gpu",
    "cpus-per-task",
    "distribution",
    "error",
    "exclude",
    "export",
    "gpu-bind",
    "gpus",
    "gpus-per-node",
    "gpus-per-task",
    "gres",
    "hint",
    "input",
    "job-name",
    "mem",
    "mem-bind",
    "mem-per-cpu",
    "mem-per-gpu",
    "mpi",
    "nodelist",
    "nodes",
    "ntasks",
    "ntasks-per-node",
    "output",
    "partition",
    "qos",
    "threads-per-core",
    "time",
]
"""Options of srun whose value may be the next word."""
STEP_OPTIONS: dict[str, tuple[str, str]] = {
    "container": (
        "a step in a container of its own",
        "write #SBATCH --container-image=NAME, which all commands run in",
    ),
    "multi-prog": ("a program for each task", "have one program that looks at SLURM_PROCID"),
    "chdir": ("a step in another directory", "write cd before it"),
    "D": ("a step in another directory", "write cd before it"),
    "het-group": ("a step of a part of the job", "start all tasks with each srun"),
    "pty": ("a terminal", "leave it out"),
}
HINTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"(?:^|[;&|])\s*(?:module|ml)\s+\S"),
        "modules of a cluster are not loaded here: a job has the software of its node, or of its image",
    ),
    (
        re.compile(r"(?:^|[;&|])\s*(?:(?:conda|mamba|micromamba)\s+activate\b|source\s+activate\b)"),
        "environments of a home directory are not there: have them on a volume, or in an image",
    ),
    (
        re.compile(r"(?:^|[\s=:\"'])(?:~/|\$\{?HOME\b|/home/)"),
        "the home directory of the submitter is not there: the script's own directory goes along",
    ),
)
"""What runs into nothing on a host that is not the submitter's, and what is said of it once."""


def uses_srun(text: str) -> bool:
    """Whether the script starts its tasks by srun."""
    return any(_SRUN.search(line) for line in _commands(text))


def check_commands(
    reading: Reading, text: str, filename: str, nodes: int, tasks: int, set_here: frozenset[str]
) -> None:
    """Refuse what cannot be met, and note what may not be there. `set_here`: the variables that are."""
    parallel = uses_srun(text)
    for number, line in enumerate(_commands(text), 1):
        where = f"{filename}:{number}:1"
        step = _SRUN.search(line)
        if step:
            _check_step(reading, where, step.group(1), nodes, tasks)
        if step and re.search(r"(?<!&)&\s*$", line):
            _refuse(reading, where, "steps beside each other", "make each of them a job")
        if _LAUNCHER.search(line) and (nodes > 1 or parallel):
            _refuse(reading, where, "mpirun starts tasks over nodes", "start them with srun")
        asked = _CLIENTS.search(line)
        if asked:
            _refuse(
                reading,
                where,
                f"{asked.group(1)} asks Slurm",
                "leave it out; MASTER_ADDR and MASTER_PORT are set for each task",
            )
    if not any(line.strip() for line in _commands(text)):
        reading.refuse(f"{filename}:1:1", "run_missing", "the script has no command", "write one", "run")
    elif nodes > 1 and not parallel:
        _refuse(
            reading,
            f"{filename}:1:1",
            "only the first of several nodes would run the script",
            "start the tasks with srun, or ask for one node",
        )
    _hint(reading, text, filename, set_here)


def _check_step(reading: Reading, where: str, words: str, nodes: int, tasks: int) -> None:
    for name, value in _step_options(words):
        if name in ("n", "ntasks") and value.isdigit() and int(value) != tasks:
            _refuse(reading, where, "a step is not for all tasks", "start all tasks with each srun")
        elif name in ("N", "nodes") and value.isdigit() and int(value) != nodes:
            _refuse(reading, where, "a step is not for all nodes", "start all tasks with each srun")
        elif name == "export" and "=" in value:
            _refuse(reading, where, "variables of a step", "write export NAME=VALUE before it")
        elif known := STEP_OPTIONS.get("container" if name.startswith("container") else name):
            _refuse(reading, where, *known)


def _step_options(words: str) -> Iterator[tuple[str, str]]:
    """The options of one srun with their values; its command and what follows belong to the program."""
    try:
        left = words_of(words)
    except ValueError:  # a quote that is closed in another line
        left = words.split()
    while left and left[0].startswith("-") and left[0] != "--":
        word = left.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            takes = not equals and name in LONG_WITH_VALUE
        else:
            name, value = word[1:2], word[2:].removeprefix("=")
            takes = not value and name in SHORT_WITH_VALUE
        yield name, left.pop(0) if takes and left else value


def _hint(reading: Reading, text: str, filename: str, set_here: frozenset[str]) -> None:
    """Each once, where it stands first."""
    said: set[str] = set()
    for number, line in enumerate(_commands(text), 1):
        told = [hint for pattern, hint in HINTS if pattern.search(line)]
        told += [f"{name} is not set here" for name in _VARIABLE.findall(line) if name not in set_here]
        for one in dict.fromkeys(told):
            if one not in said:
                reading.note(f"{filename}:{number}:1", one)
        said.update(told)


def _refuse(reading: Reading, where: str, what: str, remedy: str) -> None:
    reading.refuse(where, "script_untranslatable", f"{what}: that cannot be met", remedy)


def _commands(text: str) -> list[str]:
    """The lines, with comments emptied; a line that goes on in the next stands on its first."""
    lines: list[str] = []
    open_line: int | None = None
    for number, line in enumerate(text.split("\n")):
        command = "" if line.lstrip().startswith("#") else line
        going_on = command.endswith("\\")
        content = command.removesuffix("\\")
        lines.append(content if open_line is None else "")
        if open_line is not None:
            lines[open_line] += " " + content
        open_line = (number if open_line is None else open_line) if going_on else None
    return lines
