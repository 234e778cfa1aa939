"""Settled hours and days are the book itself: sums of them equal attribution, whatever came late and when."""

import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from attribution_histories import ORIGIN, histories
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from penstock.app.context import App
from penstock.app.ladders import ladders
from penstock.app.settling import LAG, settle_ladder
from penstock.base.window import EPOCH, Window
from penstock.fleet.device import DeviceState
from penstock.insight.attribution import attribute
from penstock.insight.ladder import ladder, ladder_by
from penstock.insight.model import History
from penstock.insight.settled import AXES
from penstock.lease.job import Attempt, AttemptState
from penstock.sim.clock import VirtualClock
from penstock.store import fleet, jobs, leases, rows, settled
from penstock.store import settings as kept
from penstock.store.database import Database
from penstock.store.files import Files
from penstock.store.tables import (
    ATTEMPTS,
    DEVICE_INTERVALS,
    DEVICES,
    LADDER_CELLS,
    LEASES,
    NODES,
    OFFERS,
    SETTINGS,
    WAITS,
)
from penstock.store.world import history

TABLES = (LADDER_CELLS, WAITS, ATTEMPTS, LEASES, OFFERS, DEVICE_INTERVALS, DEVICES, NODES)
COUNTERS = (kept.REVISION, kept.FLEET, kept.SELDOM)
STRETCH = 3_000
"""A tick of the drawn histories becomes nearly six hours, so that they last three days."""
BEGIN = ORIGIN - timedelta(days=1)
SPAN_MIN = 5 * 24 * 60


class AnyClock(VirtualClock):
    """One that may be put anywhere: facts come late in it."""

    def set(self, instant: datetime) -> None:
        self._now = instant


many = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # to shrink one would take minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
instants = st.integers(0, SPAN_MIN).map(lambda minutes: BEGIN + timedelta(minutes=minutes))
hours = st.integers(0, SPAN_MIN // 60).map(
    lambda hour: settled.floor(BEGIN, settled.HOUR) + hour * settled.HOUR
)
windows = (
    st.tuples(st.one_of(instants, hours), st.one_of(instants, hours))
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: Window(min(ends), max(ends)))
)


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    """A database whose rows need not belong to anything: histories are drawn without tenants and jobs."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(settled, "HOURLY", settled.DAY)
        database = Database(Path(name))
        event.listen(database._engine, "connect", lambda raw, _record: raw.execute("PRAGMA foreign_keys=OFF"))
        database.migrate()
        yield App(database, Files(Path(name)), AnyClock(BEGIN), {})
        database.close()


@many
@given(st.one_of(histories(sound=True), histories(sound=False)), st.data())
def test_settled_time_sums_to_what_history_says(app: App, drawn: History, data: st.DataObject) -> None:
    past = stretched(drawn)
    begin(app, past)
    facts = [*past.attempts, *past.leases, *past.waits, *past.offers, *past.devices]
    for fact in data.draw(st.permutations(facts)):
        if data.draw(st.booleans()):
            app.clock.set(data.draw(instants))
            for _ in range(data.draw(st.integers(0, 30))):
                settle_ladder(app)
        tell(app, fact, data)
    agree(app, data)
    app.clock.set(BEGIN + timedelta(minutes=SPAN_MIN))
    settle_all(app)
    born = [device.commissioned_at for device in past.devices if device.commissioned_at is not None]
    if born and min(born) < BEGIN + timedelta(days=2):
        assert count_of(app, hours=24) > 2 * len(AXES), "days were closed"
    agree(app, data)


def stretched(past: History) -> History:
    """The same history, slower; attempts are numbered, leases have quotes."""
    slow = slower(past)
    numbered = tuple(msgspec.structs.replace(one, number=n) for n, one in enumerate(slow.attempts))
    sold = tuple(msgspec.structs.replace(one, quote=one.id) for one in slow.leases)
    return msgspec.structs.replace(slow, attempts=numbered, leases=sold)


def slower(value: Any) -> Any:
    if isinstance(value, datetime):
        return ORIGIN + (value - ORIGIN) * STRETCH
    if isinstance(value, msgspec.Struct):
        return type(value)(**{name: slower(getattr(value, name)) for name in value.__struct_fields__})
    return type(value)(map(slower, value)) if isinstance(value, tuple) else value


def begin(app: App, past: History) -> None:
    """A fleet of which the states are known, and nothing else."""
    with app.database.write() as tx:
        for table in TABLES:
            tx.execute(delete(table))
        tx.execute(delete(SETTINGS).where(SETTINGS.c.key.not_in(COUNTERS)))
        for counter in COUNTERS:
            kept.bump(tx, counter)
        for node in past.nodes:
            fleet.save_node(tx, node)
        for number, device in enumerate(past.devices):
            rows.add(tx, DEVICES, [msgspec.structs.replace(device, cost_micros=number % 2)])
        known = {(one.device, one.start): one for one in past.device_intervals}
        rows.add(tx, DEVICE_INTERVALS, known.values())
    app.clock.set(BEGIN)


def tell(app: App, fact: Any, data: st.DataObject) -> None:
    """Say one fact through the store, some in two steps: first as it looked while it went on."""
    name = type(fact).__name__
    with app.database.write() as tx:
        if name == "Attempt":
            if data.draw(st.booleans()):
                jobs.add_attempts(tx, [unfinished(fact)])
                settle_some(app, tx, data)
                jobs.put_attempts(tx, [fact])
            else:
                jobs.add_attempts(tx, [fact])
        elif name == "Lease":
            if data.draw(st.booleans()):
                leases.add_lease(tx, msgspec.structs.replace(fact, state="active", ended_at=None))
                leases.put_lease(tx, fact)
            else:
                leases.add_lease(tx, fact)
        elif name == "Offer":
            leases.add_offer(tx, msgspec.structs.replace(fact, withdrawn_at=None))
            leases.put_offer(tx, fact)
        elif name == "Wait":
            if rows.get(tx, WAITS, job=fact.job, start=fact.start) is None:
                jobs.set_waits(tx, {fact.job: msgspec.structs.replace(fact, end=None)}, fact.start)
                if fact.end is not None and fact.end > fact.start:
                    jobs.set_waits(tx, {fact.job: None}, fact.end)
        else:
            state = data.draw(st.sampled_from([DeviceState.DOWN, DeviceState.AVAILABLE]))
            begun = [one.start for one in fleet.intervals(tx, fact.id)]
            at = max([data.draw(instants), *begun])
            fleet.save_device(tx, msgspec.structs.replace(fact, state=state), at)


def settle_some(app: App, tx: Any, data: st.DataObject) -> None:
    """As if the hours up to an instant had been claimed by now."""
    known = settled.state(tx)
    if known.until is not None and data.draw(st.booleans()):
        upto = max(known.upto, settled.floor(data.draw(instants), settled.HOUR))
        settled.keep(tx, msgspec.structs.replace(known, upto=upto))


def unfinished(attempt: Attempt) -> Attempt:
    """How it looked while it ran."""
    return msgspec.structs.replace(
        attempt, ended_at=None, state=AttemptState.RUNNING, checkpoints=attempt.checkpoints[:1], stalls=()
    )


def settle_all(app: App) -> None:
    """Turn until there is nothing left to settle."""
    for _ in range(200):
        settle_ladder(app)
        with app.database.read() as tx:
            known = settled.state(tx)
        if known.until is None or known.until + settled.HOUR + LAG > app.clock.now():
            return
    raise AssertionError(f"it does not come to an end: {known}")


def agree(app: App, data: st.DataObject) -> None:
    """Any window, by any axis: as attributed from all of history."""
    for window in data.draw(st.lists(windows, min_size=2, max_size=4)):
        by = data.draw(st.sampled_from([None, *AXES]))
        with app.database.read() as tx:
            past = history(tx, Window(EPOCH, window.end))
        spans = attribute(past, window)
        expected = {"": ladder(spans, past, window)} if by is None else ladder_by(spans, past, window, by)
        assert ladders(app, window, by) == expected


def count_of(app: App, hours: int) -> int:
    with app.database.read() as tx:
        return len(rows.many(tx, LADDER_CELLS, LADDER_CELLS.c.hours == hours))
