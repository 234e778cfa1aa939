"""The commands of a batch script. Slurm runs them once and `srun` starts tasks; here each task runs them.

So `srun` becomes a program that runs its command in place, and a script without it must be for one node,
where it is one task that sees all devices, as it does under Slurm.
"""

import re

from penstock.lease.jobfile.reading import Reading
from penstock.lease.jobfile.sbatch_commands import (
    LONG_WITH_VALUE,
    SHORT_WITH_VALUE,
    check_commands,
    uses_srun,
)

_SHELL = re.compile(
    r"#!\s*(?:/usr/bin/env\s+)?(?:/(?:usr/)?(?:local/)?bin/)?(?:ba)?sh((?:\s+-[a-z]+|\s+--login)*)\s*"
)
_SRUN = f"""\
srun_in=$(mktemp -d) && cat > "$srun_in/srun" <<'SRUN_END' && chmod +x "$srun_in/srun" && PATH=$srun_in:$PATH
#!/bin/sh
while [ $# -gt 0 ]; do
  case "$1" in
    --) shift; break ;;
    -[{SHORT_WITH_VALUE}]|--{"|--".join(LONG_WITH_VALUE)}) shift 2 ;;
    -*) shift ;;
    *) break ;;
  esac
done
exec "$@"
SRUN_END
"""
"""A program, not a function of the shell, so that `exec srun`, `timeout 1h srun` and the like find it too."""

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
    "SLURM_RESTART_COUNT": "$((${PENSTOCK_ATTEMPT##*.} - 1))",
    "SLURM_SUBMIT_DIR": "$PWD",
    "SLURM_LAUNCH_NODE_IPADDR": "$MASTER_ADDR",
}
_OF_ARRAYS = frozenset(
    f"SLURM_ARRAY_{name}" for name in ("JOB_ID", "TASK_COUNT", "TASK_ID", "TASK_MAX", "TASK_MIN")
)


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
    variables = _VARIABLES | known
    of_array = _OF_ARRAYS if "array" in reading.values else frozenset[str]()
    check_commands(reading, text, filename, nodes, tasks, frozenset(variables) | of_array)
    prelude = "".join(
        f"export {name}={value}\n"
        for name, value in sorted(variables.items())
        if re.search(rf"\b{name}\b", text)
    )
    flags = "".join(re.findall(r"\s-([a-z]+)", shell.group(1))).replace("l", "")
    settings = f"set -{flags}\n" if flags else ""
    srun = _SRUN if uses_srun(text) else ""
    reading.put("run", prelude + srun + settings + text, f"{filename}:1:1")
