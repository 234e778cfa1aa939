"""The commands of a batch script. Slurm runs them once and `srun` starts tasks; here each task runs them.

So `srun` becomes a function that runs its command in place, and a script without it must be for one node,
where it is one task that sees all devices, as it does under Slurm.
"""

import re

from penstock.lease.jobfile.reading import Reading

_SHELL = re.compile(
    r"#!\s*(?:/usr/bin/env\s+)?(?:/(?:usr/)?(?:local/)?bin/)?(?:ba)?sh((?:\s+-[a-z]+|\s+--login)*)\s*"
)
_SHORT_WITH_VALUE = "ACDGLMNSacdeijmnopqrtwx"
_LONG_WITH_VALUE = (
    "account chdir constraint cpu-bind cpus-per-task distribution error exclude export gpu-bind gpus "
    "gpus-per-node gpus-per-task gres hint input job-name mem mem-bind mem-per-cpu mem-per-gpu mpi nodelist nodes "
    "ntasks "
    "ntasks-per-node output partition qos time"
)
_SRUN = re.compile(r"(?:^|[;&|(`]|\$\()\s*(?:time\s+|exec\s+)?srun\b(.*)")
_LAUNCHER = re.compile(r"(?:^|[;&|(`]|\$\()\s*(?:time\s+|exec\s+)?(mpirun|mpiexec|ibrun|jsrun)\b")
_STEP_TASKS = re.compile(r"\s(?:-n\s*|--ntasks[= ])(\d+)\b")
_STEP_NODES = re.compile(r"\s(?:-N\s*|--nodes[= ])(\d+)\b")
_SRUN_FUNCTION = f"""\
srun() {{
  while [ $# -gt 0 ]; do
    case "$1" in
      --) shift; break ;;
      -[{_SHORT_WITH_VALUE}]|--{"|--".join(_LONG_WITH_VALUE.split())}) shift 2 ;;
      -*) shift ;;
      *) break ;;
    esac
  done
  "$@"
}}
"""

_VARIABLES = {
    "SLURM_PROCID": "$RANK",
    "SLURM_LOCALID": "$LOCAL_RANK",
    "SLURM_NODEID": "$NODE_RANK",
    "SLURM_NTASKS": "$WORLD_SIZE",
    "SLURM_NPROCS": "$WORLD_SIZE",
    "SLURM_NTASKS_PER_NODE": "$LOCAL_WORLD_SIZE",
    "SLURM_TASKS_PER_NODE": "$LOCAL_WORLD_SIZE",
    "SLURM_JOB_ID": "$PENSTOCK_JOB",
    "SLURM_JOBID": "$PENSTOCK_JOB",
    "SLURM_SUBMIT_DIR": "$PWD",
    "SLURM_LAUNCH_NODE_IPADDR": "$MASTER_ADDR",
}
_NODE_LISTS = re.compile(r"\b(scontrol|SLURM_(?:JOB_)?NODELIST|squeue|sacct|sbatch|scancel|salloc)\b")


def uses_srun(text: str) -> bool:
    """Whether the script starts its tasks by srun."""
    return any(_SRUN.search(line) for line in _commands(text))


def translate_body(
    reading: Reading, text: str, filename: str, nodes: int, tasks: int, known: dict[str, str]
) -> None:
    """Put the script that each task runs. `tasks`: of the whole job; `known`: variables with fixed values."""
    first = text.partition("\n")[0]
    shell = _SHELL.fullmatch(first)
    if shell is None or "\r" in text:
        what = "lines end as on Windows" if "\r" in text else f"{first[:40]!r} is no shell script"
        reading.refuse(
            f"{filename}:1:1",
            "script_untranslatable",
            what,
            "write a shell script that starts the program, with line feeds only",
            "run",
        )
        return
    _check_commands(reading, text, filename, nodes, tasks)
    prelude = "".join(
        f"export {name}={value}\n"
        for name, value in sorted((_VARIABLES | known).items())
        if re.search(rf"\b{name}\b", text)
    )
    flags = "".join(re.findall(r"\s-([a-z]+)", shell.group(1))).replace("l", "")
    settings = f"set -{flags}\n" if flags else ""
    srun = _SRUN_FUNCTION if uses_srun(text) else ""
    reading.put("run", prelude + srun + settings + text, f"{filename}:1:1")


def _check_commands(reading: Reading, text: str, filename: str, nodes: int, tasks: int) -> None:
    parallel = uses_srun(text)
    for number, line in enumerate(_commands(text), 1):
        where = f"{filename}:{number}:1"
        step = _SRUN.search(line)
        options = step.group(1) if step else ""
        sizes = (_STEP_TASKS.findall(options), _STEP_NODES.findall(options))
        if {*sizes[0]} - {str(tasks)} or {*sizes[1]} - {str(nodes)}:
            _refuse(reading, where, "a step is not for all tasks", "start all tasks with each srun")
        if step and re.search(r"(?<!&)&\s*$", line):
            _refuse(reading, where, "steps beside each other", "make each of them a job")
        if _LAUNCHER.search(line) and (nodes > 1 or parallel):
            _refuse(reading, where, "mpirun starts tasks over nodes", "start them with srun")
        asked = _NODE_LISTS.search(line)
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
