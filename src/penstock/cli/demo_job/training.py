"""One process's share of the training: its shard, its gradients, its part in the ring."""

import hashlib
import importlib.util
import json
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Self

import checkpoint  # ty: ignore[import-not-found]
import numpy as np
from network import Network  # ty: ignore[import-not-found]
from ring_allreduce import Ring  # ty: ignore[import-not-found]

TEST_IMAGES = 360
FAILED, STOPPED = 17, 128 + signal.SIGTERM


class Settings(NamedTuple):
    """What the environment may change; steps and width set how long it takes."""

    steps: int = 1400
    width: int = 1024
    batch: int = 128
    checkpoint_every: int = 200
    report_every: int = 50
    fail_at_step: int = 0
    seed: int = 7

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Self:
        """Each setting from the variable of its name in capitals."""
        given = {
            name: int(environment[name.upper()]) for name in cls._fields if environment.get(name.upper())
        }
        return cls(**given)


class Digits(NamedTuple):
    """Images of 8 x 8 in [0, 1] and their labels: this process's shard, and the test set."""

    images: np.ndarray
    labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    @classmethod
    def shard(cls, rank: int, world: int) -> Self:
        """Every world-th image of the training part."""
        images, labels = load_digits()
        order = np.random.default_rng(0).permutation(len(labels))
        images, labels = images[order] / 16, labels[order]
        train = slice(TEST_IMAGES + rank, None, world)
        test = slice(None, TEST_IMAGES)
        return cls(images[train], labels[train], images[test].reshape(-1, 64), labels[test])

    def batch(self, size: int, *seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Random images of the shard, each moved by up to a pixel; the seed alone decides."""
        random = np.random.default_rng(seed)
        chosen = random.integers(len(self.labels), size=size)
        down, right = random.integers(3, size=(2, size, 1, 1))
        padded = np.pad(self.images[chosen], ((0, 0), (1, 1), (1, 1)))
        line = np.arange(8)
        moved = padded[np.arange(size)[:, None, None], down + line[:, None], right + line]
        return moved.reshape(size, 64), self.labels[chosen]


def load_digits() -> tuple[np.ndarray, np.ndarray]:
    """Images in 0..16 and labels of scikit-learn's digits, without the seconds that its import takes."""
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("the digits come with scikit-learn: pip install scikit-learn")
    table = np.loadtxt(Path(package.origin).parent / "datasets/data/digits.csv.gz", np.int64, delimiter=",")
    return table[:, :-1].reshape(-1, 8, 8).astype(np.float32), table[:, -1]


class Training:
    """One process's share of the training."""

    def __init__(self, settings: Settings, ring: Ring, directory: Path | None) -> None:
        self.settings, self.ring, self.directory = settings, ring, directory
        self.digits = Digits.shard(ring.rank, ring.world)
        self.network = Network(64, settings.width, settings.width, 10)
        self.parameters = self.network.initial(settings.seed)
        self.velocity = np.zeros_like(self.parameters)
        self.asked_to_stop = False
        self.step = 0
        self.loss = 0.0

    def run(self) -> int:
        """Train from the checkpoint, if there is one, to the last step; the exit code."""
        self._resume()
        fails = self._fails_this_time()
        self._say(rank=self.ring.rank, world=self.ring.world, images=len(self.digits.labels), step=self.step)
        while self.step < self.settings.steps:
            if fails and self.step == self.settings.fail_at_step:
                self._say(failed_on_purpose=True, rank=self.ring.rank, step=self.step)
                return FAILED
            stopping = self._advance()
            if self.step % self.settings.checkpoint_every == 0 or stopping:
                self._save()
            if stopping:
                return STOPPED
            if self.step % self.settings.report_every == 0:
                self._report()
        self._save()
        self._report(done=True, parameters=hashlib.sha256(self.parameters.tobytes()).hexdigest())
        return 0

    def _resume(self) -> None:
        if self.ring.rank == 0 and self.directory:
            self.step = checkpoint.load(self.directory, self.parameters, self.velocity)
        step = np.array([self.step], np.int64)
        for vector in (step, self.parameters, self.velocity):
            self.ring.broadcast(vector)
        self.step = int(step[0])

    def _fails_this_time(self) -> bool:
        """Whether this process is to fail on purpose; it notes so at once, and never fails again."""
        if self.ring.rank != self.ring.world - 1 or not self.directory:
            return False
        marker = self.directory / ".failed-once"
        if marker.exists() or self.settings.fail_at_step <= self.step:
            return False
        checkpoint.write_atomically(marker, b"")
        return True

    def _advance(self) -> bool:
        """One step of momentum SGD on the mean gradient of all processes; whether one was asked to stop."""
        settings, size = self.settings, self.network.size
        images, labels = self.digits.batch(settings.batch, settings.seed, self.step, self.ring.rank)
        shared = np.empty(size + 2, np.float32)
        shared[size] = self.network.gradient(self.parameters, images, labels, shared[:size])
        shared[size + 1] = self.asked_to_stop
        self.ring.all_reduce(shared)
        rate = 0.05 * (1 - self.step / settings.steps)
        self.velocity *= 0.9
        self.velocity += shared[:size] / self.ring.world
        self.parameters -= rate * self.velocity
        self.loss = float(shared[size]) / self.ring.world
        self.step += 1
        return bool(shared[size + 1])

    def _save(self) -> None:
        if self.ring.rank == 0 and self.directory:
            checkpoint.save(self.directory, self.step, self.parameters, self.velocity)

    def _report(self, **more: object) -> None:
        if self.ring.rank == 0:
            accuracy = self.network.accuracy(
                self.parameters, self.digits.test_images, self.digits.test_labels
            )
            self._say(step=self.step, loss=round(self.loss, 4), accuracy=round(accuracy, 4), **more)

    @staticmethod
    def _say(**facts: object) -> None:
        print(json.dumps(facts), flush=True)
