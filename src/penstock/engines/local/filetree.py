"""What a sandbox shows beside what it shows of the host, and what it can show at all."""

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path, PurePosixPath

from penstock.app.ports import Start
from penstock.base.refusal import Refusal, Refused
from penstock.engines.local.stacks import stack_of
from penstock.engines.local.supervisor.format import PRIVATE_TMP, WORKDIR
from penstock.engines.local.supervisor.shapes import Mount
from penstock.engines.local.supervisor.shown import TMP, exposed_mounts, mount
from penstock.lease.job import JobSpec

WORKSPACE = "/workspace"
SCRIPTS_AT = "/penstock"
_RESERVED = ("/usr", "/etc", "/proc", "/sys", "/dev", WORKSPACE, SCRIPTS_AT)


@cache
def _exposed_below_tmp(expose: tuple[Path, ...]) -> list[Mount]:
    return exposed_mounts(path for path in expose if path.is_relative_to(TMP))


def attempt_mounts(
    plan: Start, directory: Path, checkpoint_at: str, expose: Sequence[Path] = ()
) -> list[Mount]:
    """The part of one attempt: its own directories and its volumes.

    What is exposed below /tmp comes after the private /tmp, which would hide it.
    """
    mounts = [
        mount("rw", f"{directory}/{PRIVATE_TMP}", TMP),
        *_exposed_below_tmp(tuple(expose)),
        mount("rw", f"{directory}/{WORKDIR}", WORKSPACE),
        *(mount("ro", f"{directory}/{name}", f"{SCRIPTS_AT}/{name}") for name in scripts(plan.spec)),
    ]
    if plan.checkpoint:
        mounts.append(mount("rw", plan.checkpoint, checkpoint_at))
    mounts += [mount("rw", source, target) for target, source in sorted(plan.volumes.items())]
    return mounts


def scripts(spec: JobSpec) -> dict[str, str]:
    """The programs of a job by the names of their files."""
    return {"run": spec.run} | ({"setup": spec.setup} if spec.setup.strip() else {})


def bad_target(targets: Iterable[str]) -> str | None:
    """The first of the job's mount paths that cannot be given to it, or None.

    A path has to be absolute and plain, to lie outside the system's own, and no path may lie in another:
    so every place where something is mounted is ours, and no link of the job's making leads elsewhere.
    """
    seen: list[PurePosixPath] = []
    for target in targets:
        path = PurePosixPath(target)
        plain = path.root == "/" and ".." not in path.parts and len(path.parts) > 1
        clash = any(path.is_relative_to(other) or other.is_relative_to(path) for other in seen)
        if not plain or clash or any(path.is_relative_to(reserved) for reserved in _RESERVED):
            return target
        seen.append(path)
    return None


def refuse_exposed(root: Path, exposed: Iterable[Path]) -> None:
    """Raise Refused where jobs would see what is not there, or the platform's data."""
    for path in exposed:
        if not path.is_dir():
            raise Refused(
                Refusal("expose_missing", f"jobs should see {path}, which is no directory", "leave it out")
            )
        if root.is_relative_to(path.resolve()):
            raise Refused(
                Refusal(
                    "data_exposed",
                    f"jobs may read {path}, and the platform's data in {root} lies in it",
                    "keep the data directory elsewhere",
                )
            )


def device_patterns(plan: Start) -> dict[str, tuple[str, ...]]:
    """What the files of the gang's devices are called, by stack."""
    known = {task.stack: stack_of(task) for task in plan.tasks}
    return {name: stack.device_files if stack else () for name, stack in known.items()}
