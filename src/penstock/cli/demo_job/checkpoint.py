"""A training's state on disk: written whole or not at all, so that a crash leaves the one before."""

import io
import os
from pathlib import Path

import numpy as np


def save(directory: Path, step: int, parameters: np.ndarray, velocity: np.ndarray) -> None:
    """Replace the checkpoint; once this returns it outlives a power cut."""
    data = io.BytesIO()
    np.savez(data, step=np.int64(step), parameters=parameters, velocity=velocity)
    write_atomically(directory / "checkpoint.npz", data.getvalue())


def load(directory: Path, parameters: np.ndarray, velocity: np.ndarray) -> int:
    """Fill both vectors from the checkpoint and say its step; 0 and nothing filled where there is none."""
    path = directory / "checkpoint.npz"
    if not path.exists():
        return 0
    with np.load(path) as state:
        parameters[:], velocity[:] = state["parameters"], state["velocity"]
        return int(state["step"])


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside, flush to disk, and put into place in one step."""
    beside = path.with_name(f".{path.name}.tmp")
    with beside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
