"""Short turns come to the same as whole ones, and what is remembered between turns is what the database has."""

from collections.abc import Iterable
from concurrent.futures import wait
from pathlib import Path
from threading import Thread

import pytest
from msgspec import Struct
from sqlalchemy import Connection, Table

from penstock.app import jobs as verbs
from penstock.app.access import SYSTEM
from penstock.app.keeper import Keeper
from penstock.app.loop import short_cycle
from penstock.base.refusal import Refused, not_found
from penstock.lease.job import Job, JobState
from penstock.sim.centre import SimulatedCentre
from penstock.store import jobs, leases, rows, settings, tenants
from penstock.store.live import Live, live
from walk import opened, steps


class Hasty(SimulatedCentre):
    """Turns shortly before each whole turn."""

    def turn(self) -> None:
        for _ in range(3):
            short_cycle(self.app)
            remembers(self)
        super().turn()
        remembers(self)


class Beside(Hasty):
    """Hands over beside the loop, as to an engine over a network; each is handed over before time goes on."""

    def turn(self) -> None:
        self.engine.starts_at_once = 4
        super().turn()
        while handing := self.app.look.handing:
            wait(handing.values())
            short_cycle(self.app)


def remembers(centre: SimulatedCentre) -> None:
    with centre.app.database.read() as tx:
        attempts = jobs.live_attempts(tx)
        owners = jobs.by_ids(tx, {attempt.job for attempt in attempts})
        found = live(tx)
        assert found == Live(
            settings.revision(tx), attempts, owners, leases.live_leases(tx), tenants.tenants(tx)
        )
        assert live(tx) is found


def ends(centre: SimulatedCentre) -> dict[str, tuple[JobState, int]]:
    found = verbs.list_jobs(centre.app, SYSTEM)
    return {job.id: (job.state, job.attempts) for job in found}


def walked(made: type[SimulatedCentre], directory: Path, monkeypatch: pytest.MonkeyPatch) -> SimulatedCentre:
    monkeypatch.setattr("walk.SimulatedCentre", made)
    centre = opened(directory)
    for step in steps(centre):
        step()
    return centre


@pytest.mark.parametrize("other", [Hasty, Beside])
def test_short_turns_come_to_the_same_as_whole_ones(
    other: type[SimulatedCentre], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasty = walked(other, tmp_path / "hasty", monkeypatch)
    steady = walked(SimulatedCentre, tmp_path / "steady", monkeypatch)
    assert ends(hasty) == ends(steady)
    assert bool(hasty.app.look.threads) is (other is Beside)
    assert hasty.check().ok
    hasty.close()
    steady.close()


def taken_back(centre: SimulatedCentre, name: str) -> Job:
    with centre.app.database.write() as tx:
        job = jobs.by_ids(tx, {name})[name]
        jobs.put_job(tx, job)
        assert live(tx).revision == settings.revision(tx)
        raise Refused(not_found("job", name))


def test_what_a_write_took_back_is_not_remembered(tmp_path: Path) -> None:
    centre = opened(tmp_path)
    for step in steps(centre)[:8]:
        step()
    remembers(centre)
    with pytest.raises(Refused):
        taken_back(centre, "acme.leased")
    remembers(centre)
    centre.turn()
    remembers(centre)
    centre.close()


def test_the_loop_wakes_when_a_job_is_submitted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With beats and glances that last for ever, only the bell can have woken it."""
    centre = opened(tmp_path)
    for step in steps(centre)[:7]:
        step()
    for name in ("GLANCE_S", "ASK_S", "BEAT_S"):
        monkeypatch.setattr(f"penstock.app.keeper.{name}", 3600.0)
    keeper = Keeper(centre.app, on_broken=lambda: None)
    turned = Thread(target=keeper.run)
    turned.start()
    placed = "acme.leased"
    steps(centre)[7]()
    bell = centre.app.database.bell
    while ends(centre)[placed][0] is JobState.QUEUED and keeper.broken is None:
        bell.wait(0.001)
    keeper.stop()
    turned.join(30)
    assert not turned.is_alive()
    assert keeper.broken is None
    centre.close()


def test_what_is_fixed_is_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixed columns are left out where a row is overwritten, so nobody may want to change one."""
    overwrite, seen = rows.put_all, set[str]()

    def put_all(tx: Connection, table: Table, structs: Iterable[Struct]) -> None:
        changed = list(structs)
        for new in changed:
            old = rows.get(
                tx, table, **{column.name: getattr(new, column.name) for column in table.primary_key}
            )
            for name in table.info["fixed"]:
                assert getattr(new, name) == getattr(old, name), (table.name, name)
        seen.update([table.name] if changed else [])
        overwrite(tx, table, changed)

    monkeypatch.setattr(rows, "put_all", put_all)
    walked(Hasty, tmp_path, monkeypatch).close()
    assert {"jobs", "attempts", "holds", "accounts"} <= seen
