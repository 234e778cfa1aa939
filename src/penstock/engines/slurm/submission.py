"""From a plan to a job: exactly its hosts, so many devices on each, and a script that runs once."""

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from penstock.app.ports import Start
from penstock.engines.agent import ARGUMENTS
from penstock.engines.agent.format import CLAIM
from penstock.engines.local.stacks import CPU
from penstock.engines.slurm.folder import DONE, OUTPUT
from penstock.engines.slurm.model import Submission
from penstock.engines.slurm.settings import SlurmSettings
from penstock.fleet.cpulist import parse_cpu_list

PREFIX = "penstock-"
"""Jobs of ours are called this and the attempt's id, so that they are found after a lost answer."""
_END_MINUTES = 2
"""The engine's own limits come first; Slurm's is for when they fail."""

_SCRIPT = """\
#!/bin/bash
cd {directory} || exit 1
[ -e stop.json ] && exit 0
{{ set -C; echo "$SLURM_JOB_ID" > {claim}; }} 2>/dev/null || exit 0
{run}
"""
_ALONE = "if [ -e {agent} ]; then {quick} {node}; else {slow} {node}; fi && : > {done}"
"""Of a host alone: whatever ends the job sooner ends this shell too, and the file is not made."""
_OF_SEVERAL = "[ -e {agent} ] && exec {quick} {node}\nexec {slow} {node}"


def submission(
    plan: Start, directory: Path, settings: SlurmSettings, share: Mapping[str, int], reservation: str
) -> Submission:
    """The job for a plan. `share`: CPUs that go with each accelerator, by host.

    `reservation` is that of its lease and the account that may use it, or ''.
    """
    nodes = tuple(dict.fromkeys(task.node for task in plan.tasks))
    limit_s = plan.spec.time_limit_s
    minutes = None if limit_s is None else -(-(limit_s + plan.spec.grace_s) // 60) + _END_MINUTES
    if len(nodes) == 1:
        run = _run(_ALONE, settings.python, shlex.quote(nodes[0]))
    else:
        options = f"--nodes={len(nodes)} --ntasks={len(nodes)} --ntasks-per-node=1 --kill-on-bad-exit=0"
        on_each = shlex.quote(_run(_OF_SEVERAL, settings.python, '"$SLURMD_NODENAME"'))
        run = (
            f"exec srun {options} --cpus-per-task={_cpus(plan, share)} --export=ALL --input=none "
            f"bash -c {on_each}"
        )
    return Submission(
        name=PREFIX + plan.attempt,
        comment=f"penstock attempt={plan.attempt} job={plan.job} tenant={plan.tenant}",
        script=_SCRIPT.format(directory=shlex.quote(str(directory)), claim=CLAIM, run=run),
        nodes=nodes,
        cpus_per_node=_cpus(plan, share),
        gres=_gres(plan),
        memory_mib=-(-plan.spec.resources.memory_bytes // 2**20),
        time_limit_minutes=minutes,
        account=reservation or settings.account,
        partition=settings.partition,
        qos=settings.qos,
        constraint=settings.constraint,
        reservation=reservation,
        directory=str(directory),
        output=str(directory / OUTPUT),
    )


def _run(way: str, python: str, node: str) -> str:
    """The shell's words; where the package lies elsewhere on the host, only its interpreter finds it."""
    return way.format(
        agent=shlex.quote(ARGUMENTS[-1]),
        quick=shlex.join([python, *ARGUMENTS, "."]),
        slow=f"{shlex.quote(python)} -m penstock.engines.node .",
        node=node,
        done=DONE,
    )


def _cpus(plan: Start, share: Mapping[str, int]) -> int:
    """CPUs of the host that needs most: cores that are devices themselves, or the share of accelerators.

    Beside accelerators more are given where more are asked for; but in a lease, whose reservation may have no more.
    """
    needed: dict[str, int] = defaultdict(int)
    for task in plan.tasks:
        if task.stack == CPU:
            cpus = parse_cpu_list(",".join(task.handles))
            needed[task.node] += len(cpus) if isinstance(cpus, tuple) else 1
        else:
            needed[task.node] += len(task.handles) * share.get(task.node, 1)
    beside = not plan.lease and any(task.stack != CPU for task in plan.tasks)
    return max(-(-plan.spec.resources.cpu_millicores // 1000) if beside else 1, *needed.values())


def _gres(plan: Start) -> str:
    """Accelerators on each host by Slurm's type; a handle is `TYPE:INDEX`, or an index where there is no type."""
    on_node: dict[str, Counter[str]] = defaultdict(Counter)
    for task in plan.tasks:
        if task.stack != CPU:
            on_node[task.node].update(handle.rpartition(":")[0] for handle in task.handles)
    most: Counter[str] = Counter()
    for counts in on_node.values():
        most |= counts
    return ",".join(f"gpu:{kind}:{count}" if kind else f"gpu:{count}" for kind, count in sorted(most.items()))
