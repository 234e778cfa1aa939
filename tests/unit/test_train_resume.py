"""The demo's training: real gradients, and the same end however often it was interrupted."""

import importlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gang import JOB, PATIENCE_S, free_port
from sklearn import datasets

from penstock.cli.demo_job import checkpoint
from penstock.cli.demo_job.network import Network

SMALL = {"STEPS": "24", "WIDTH": "24", "BATCH": "16", "CHECKPOINT_EVERY": "10", "REPORT_EVERY": "8"}


def start(directory: Path | None, world: int, **settings: str) -> list[subprocess.Popen]:
    port = free_port()
    shared = {**os.environ, **SMALL, **settings, "MASTER_PORT": str(port), "WORLD_SIZE": str(world)}
    if directory:
        directory.mkdir(exist_ok=True)
        shared["PENSTOCK_CHECKPOINT_DIR"] = str(directory)
    return [
        subprocess.Popen(
            [sys.executable, "-B", "train.py"],
            cwd=JOB,
            env={**shared, "RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(world)
    ]


def finish(processes: list[subprocess.Popen]) -> tuple[list[int], list[dict]]:
    """Exit codes by rank, and the lines of rank 0."""
    try:
        outputs = [p.communicate(timeout=PATIENCE_S)[0] for p in processes]
    finally:
        for process in processes:
            process.kill()
    return [p.returncode for p in processes], [json.loads(line) for line in outputs[0].splitlines()]


def test_a_resumed_run_ends_like_an_uninterrupted_one(tmp_path: Path):
    whole_codes, whole = finish(start(tmp_path / "whole", 2))
    assert whole_codes == [0, 0]
    assert [line["step"] for line in whole] == [0, 8, 16, 24, 24]

    failed_codes, failed = finish(start(tmp_path / "broken", 2, FAIL_AT_STEP="18"))
    assert failed_codes == [75, 17]
    assert failed[-1]["error"].startswith("rank 0: rank 1 ")
    (tmp_path / "broken" / ".checkpoint.npz.tmp").write_bytes(b"half written")

    codes, resumed = finish(start(tmp_path / "broken", 2, FAIL_AT_STEP="18"))
    assert codes == [0, 0]
    assert [line["step"] for line in resumed] == [10, 16, 24, 24]
    assert resumed[-1] == whole[-1]
    assert whole[-1]["done"] is True


def test_loss_falls_and_digits_are_recognised():
    codes, lines = finish(start(None, 1, STEPS="120", WIDTH="64", BATCH="64", REPORT_EVERY="20"))
    assert codes == [0]
    reports = [line for line in lines if "loss" in line]
    assert reports[-1]["loss"] < reports[0]["loss"] / 2
    assert reports[-1]["accuracy"] > 0.8


def test_asked_to_stop_all_processes_end_at_the_same_checkpoint(tmp_path: Path):
    processes = start(tmp_path, 2, STEPS="1000000", REPORT_EVERY="1000000", CHECKPOINT_EVERY="1000000")
    for process in processes:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["step"] == 0
    processes[1].send_signal(signal.SIGTERM)
    assert finish(processes)[0] == [143, 143]
    network = Network(64, 24, 24, 10)
    parameters, velocity = np.zeros((2, network.size), np.float32)
    assert checkpoint.load(tmp_path, parameters, velocity) > 0
    assert np.abs(velocity).max() > 0


def test_the_digits_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(JOB)
    images, labels = importlib.import_module("training").load_digits()
    expected = datasets.load_digits()
    assert (images == expected.images).all()
    assert (labels == expected.target).all()


def test_gradient_is_the_slope_of_the_loss():
    network = Network(5, 7, 7, 3)
    random = np.random.default_rng(3)
    parameters = network.initial(1).astype(np.float64) + 0.01 * random.standard_normal(network.size)
    images, labels = random.standard_normal((6, 5)), np.array([0, 1, 2, 2, 1, 0])
    gradient, other = np.empty((2, network.size))
    network.gradient(parameters, images, labels, gradient)
    for place in range(network.size):
        nudge = np.zeros(network.size)
        nudge[place] = 1e-6
        above = network.gradient(parameters + nudge, images, labels, other)
        below = network.gradient(parameters - nudge, images, labels, other)
        assert (above - below) / 2e-6 == pytest.approx(gradient[place], abs=1e-5)
