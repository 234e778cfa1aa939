"""Figures of pages that take long: nobody waits for them, and what kept them from being made is told."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from penstock.web.console import snapshots
from penstock.web.console.snapshots import Shown, Snapshots

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Centre:
    """What is looked at of a centre: where it lies, and its clock."""

    def __init__(self) -> None:
        self.files = SimpleNamespace(root="here")
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class Figures:
    """Takes until the gate is open; counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.gate = threading.Event()
        self.wrong = False

    def __call__(self) -> int:
        self.begun += 1
        assert self.gate.wait(20)
        if self.wrong:
            raise ValueError("no figures")
        return self.begun

    def finish(self) -> None:
        self.gate.set()
        for thread in threading.enumerate():
            if thread.name == "figures":
                thread.join()
        self.gate.clear()


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Figures]:
    monkeypatch.setattr(snapshots, "SLOW_S", 0.0)
    monkeypatch.setattr(snapshots, "PATIENCE", 1e9)
    one = Figures()
    yield one
    one.finish()


def test_a_visitor_is_told_that_figures_are_being_made(make: Figures) -> None:
    shown, centre = Snapshots(wait_s=0.01), Centre()
    assert shown.of(centre, "lost", make) == Shown(None, making=True)
    assert shown.of(centre, "lost", make) == Shown(None, making=True)
    make.finish()
    assert shown.of(centre, "lost", make) == Shown(1, NOW)
    assert make.begun == 1


def test_old_figures_stand_until_there_are_new_ones(make: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    shown, centre = Snapshots(wait_s=0.01), Centre()
    shown.of(centre, "lost", make)
    make.finish()
    monkeypatch.setattr(snapshots, "PATIENCE", 0)
    centre.at += timedelta(minutes=1)
    assert shown.of(centre, "lost", make) == Shown(1, NOW, making=True)
    centre.at += timedelta(hours=1)
    assert shown.of(centre, "lost", make) == Shown(None, making=True)
    assert make.begun == 2


def test_who_can_wait_gets_new_figures(make: Figures) -> None:
    make.gate.set()
    assert Snapshots(wait_s=20).of(Centre(), "lost", make) == Shown(1)


def test_what_is_quick_is_made_for_each_visit(make: Figures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "SLOW_S", 1e9)
    shown, centre = Snapshots(wait_s=20), Centre()
    make.gate.set()
    assert [shown.of(centre, "jobs", make).value for _ in range(3)] == [1, 2, 3]


def test_what_went_wrong_is_told_once_then_tried_again(make: Figures) -> None:
    shown, centre = Snapshots(wait_s=0.01), Centre()
    make.wrong = True
    assert shown.of(centre, "lost", make).making
    make.finish()
    with pytest.raises(ValueError, match="no figures"):
        shown.of(centre, "lost", make)
    make.wrong = False
    assert shown.of(centre, "lost", make) == Shown(None, making=True)
