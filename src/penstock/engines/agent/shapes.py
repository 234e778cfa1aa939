"""The shapes of what the server leaves for the hosts of a cluster; `format` names the files."""

from typing import TypedDict

from penstock.engines.local.supervisor.shapes import Plan


class PartTask(TypedDict):
    """What a task is given of its host's devices: so many of `variable`, or so many processors where it is empty."""

    stack: str
    variable: str
    devices: int
    processors: int


class Part(TypedDict):
    """What one host of the gang runs. What only the host itself knows is not in the plans yet.

    `plans` by isolation; `isolation` is empty where the host chooses; `patterns` are those of its device files.
    """

    hosts: list[str]
    isolation: str
    plans: dict[str, Plan]
    scripts: dict[str, str]
    tasks: list[PartTask]
    patterns: dict[str, list[str]]
    expose: list[str]
    binds: bool
    grace_s: float
