"""What each process of an attempt goes through between its fork and its program."""

from __future__ import annotations

import os
import resource

from penstock.engines.local.supervisor import libc
from penstock.engines.local.supervisor.lean import TYPE_CHECKING
from penstock.engines.local.supervisor.process import Member, Unstartable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from penstock.engines.local.supervisor.cgroup import Cgroup
    from penstock.engines.local.supervisor.shapes import Entry, Plan

_VARIABLE_MAX_BYTES = 32 * 4096
"""MAX_ARG_STRLEN of Linux."""
_ENVIRONMENT_MAX_BYTES = 2**20
"""Half of what the usual stack limit of 8 MiB allows (a quarter of it)."""


def program(
    entry: Entry, arguments: list[str], output: int, plan: Plan, cgroup: Cgroup, join: Callable[[], None]
) -> Member:
    """A program of the job: limited, bound to its CPUs, in what `join` moves it into, without privileges."""

    def prepare() -> None:
        cgroup.enter()
        _limit(plan["resource_limits"])
        bind(entry["cpus"])
        join()
        os.chdir(plan["workdir"])
        os.umask(0o022)
        _check_executable(arguments, entry["env"])
        libc.die_with_parent()

    def run() -> NoReturn:
        os.execve(arguments[0], arguments, entry["env"])  # noqa: S606

    return Member(entry["rank"], output, prepare, run)


def copier(rank: int, output: int, plan: Plan, cgroup: Cgroup, target: str) -> Member:
    """The copy of the working directory: our own work, but counted and ended like the job's."""

    def prepare() -> None:
        cgroup.enter()
        libc.die_with_parent()

    def run() -> NoReturn:
        # most attempts copy nothing
        from penstock.engines.local.supervisor.workdir import TooLarge, copy_tree

        try:
            copy_tree(plan["workdir_source"], target, plan["workdir_limit_bytes"])
        except (TooLarge, OSError) as error:
            os.write(output, f"penstock: the working directory was not copied: {error}\n".encode())
            os._exit(1)
        os._exit(0)

    return Member(rank, output, prepare, run, executes=False)


def _check_executable(arguments: list[str], env: dict[str, str]) -> None:
    """What the kernel would refuse only after the gate, when other tasks already run."""
    if not os.access(arguments[0], os.X_OK):
        raise Unstartable("start", f"{arguments[0]} is no program here")
    check_environment(env)


def check_environment(env: dict[str, str]) -> None:
    """What no program can be given. Raises Unstartable."""
    sizes = [len(os.fsencode(f"{name}={value}")) + 1 for name, value in env.items()]
    if max(sizes) > _VARIABLE_MAX_BYTES or sum(sizes) > _ENVIRONMENT_MAX_BYTES:
        raise Unstartable("environment", "the environment is larger than the kernel passes to a program")
    if any("\0" in text or "=" in name or not name for name, text in env.items()):
        raise Unstartable("environment", "the environment has a name or value that no program can be given")


def _limit(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def bind(cpus: list[int]) -> None:
    """Bind the calling process to these CPUs, all of them or none. Raises Unstartable."""
    if not cpus:
        return
    try:
        os.sched_setaffinity(0, cpus)
    except OSError as error:
        raise Unstartable("device_unavailable", f"CPUs {cpus} are not there: {error}") from error
    if os.sched_getaffinity(0) != set(cpus):
        raise Unstartable(
            "device_unavailable", f"of CPUs {cpus} this host gave only {os.sched_getaffinity(0)}"
        )
