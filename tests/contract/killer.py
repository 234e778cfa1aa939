"""A platform that dies: calls an engine, and is killed at some line of the engine's code.

Run as `python -m tests.contract.killer HARNESS ROOT VERB SEED`, with the arguments of the calls on standard
input. The first call is let through and shows which lines there are; each other dies at one of them.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

import msgspec
from tests.contract.harnesses import HARNESSES

from penstock.app.ports import Start
from penstock.engines.local.supervisor import libc
from penstock.sim.faults import Point, watched

MODULES = ("engines/",)


def main(harness: str, root: str, verb: str, seed: str) -> None:
    kinds = {"start": list[tuple[Start]], "stop": list[tuple[str, float]]}
    calls = msgspec.json.decode(sys.stdin.buffer.read(), type=kinds[verb])
    libc.adopt_orphans()
    chance = random.Random(int(seed))
    points: list[Point] = []
    for call in calls:
        point = chance.choice(points) if points else None
        reader, writer = os.pipe()
        if os.fork() == 0:
            _child(harness, root, verb, call, point, writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as lines:
            said = lines.read()
        points = points or [Point(*one) for one in json.loads(said)]


def _child(harness: str, root: str, verb: str, call: Any, point: Point | None, writer: int) -> NoReturn:
    engine = HARNESSES[harness].open(Path(root))
    with watched(MODULES, point, lambda: os.kill(os.getpid(), signal.SIGKILL)) as visits:
        getattr(engine, verb)(*call)
    every = [(file, line, visit + 1) for (file, line), count in visits.items() for visit in range(count)]
    os.write(writer, json.dumps(every).encode()[: 2**16 - 1] if point is None else b"[]")
    engine.close()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
