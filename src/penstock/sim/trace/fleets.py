"""Fleets to rehearse on: a file of nodes in openb's columns, or a few words such as `A100:16x8,H100:4x8`."""

import re
from pathlib import Path

import numpy as np

from penstock.base.refusal import Refused, invalid
from penstock.placement.workload import Fleet
from penstock.sim.trace.openb import DEVICES_MAX, MODELS_MAX, read_fleet

AMPLE = 10**12
"""CPU and memory of nodes given in words: more than any job asks for."""
_WORD = re.compile(r"([\w.+ -]+):(\d+)x(\d+)")
NODES_MAX = 10**6


def fleet_of(text: str, *, skip_bad: bool = False) -> Fleet:
    """`MODEL:NODESxDEVICES` joined by commas, or the path of a file; raises `Refused`."""
    parts = [part.strip() for part in text.split(",")]
    found = [_WORD.fullmatch(part) for part in parts]
    if Path(text).is_file() or not all(found):
        if not Path(text).exists() and not text.endswith((".csv", ".gz", ".xz", ".zst", ".bz2")):
            remedy = "write MODEL:NODESxDEVICES, such as A100:16x8,H100:4x8, or name a file of nodes"
            raise Refused(invalid("fleet_malformed", f"{text[:80]!r} is no fleet", remedy, "--fleet"))
        return read_fleet(Path(text), skip_bad=skip_bad)
    words = [(m[1].strip(), int(m[2]), int(m[3])) for m in found if m is not None]
    models = tuple(dict.fromkeys(model for model, _, _ in words))
    count = sum(nodes for _, nodes, _ in words)
    if not all(0 < devices <= DEVICES_MAX and nodes for _, nodes, devices in words) or count > NODES_MAX:
        remedy = f"give 1 to {DEVICES_MAX} devices a node and up to {NODES_MAX} nodes"
        raise Refused(invalid("fleet_malformed", f"{text[:80]!r} has too few or too many", remedy, "--fleet"))
    if len(models) > MODELS_MAX:
        raise Refused(
            invalid("fleet_malformed", f"{len(models)} models", f"give up to {MODELS_MAX}", "--fleet")
        )
    return Fleet(
        cpu=np.full(count, AMPLE),
        memory=np.full(count, AMPLE),
        devices=np.repeat([devices for _, _, devices in words], [nodes for _, nodes, _ in words]),
        model=np.repeat([models.index(m) for m, _, _ in words], [nodes for _, nodes, _ in words]),
        models=models,
    )
