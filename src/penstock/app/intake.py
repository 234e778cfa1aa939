"""Usage events come in: each is kept exactly once, and what waits meanwhile is committed together."""

import threading
from array import array
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Literal

import msgspec

from penstock.app.access import require_metering
from penstock.app.context import App
from penstock.base.ids import id_conflict
from penstock.base.refusal import Fault, Refusal, not_found
from penstock.billing.metering.cloudevents import Reading
from penstock.billing.metering.extract import AGE_MAX, FUTURE_MAX, Meters, out_of_time, readings
from penstock.billing.metering.model import MeterEvent, Series
from penstock.lease.tenant import Principal
from penstock.store import metering, tenants
from penstock.store.database import Tx

EVENTS_AT_ONCE = 20_000
TRIES = 3

type Outcome = Literal["new", "duplicate"] | Refusal
type _Known = tuple[Meters, frozenset[str]]
"""The meters and the tenants that events are judged by."""


class RefusedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Which event of a batch was refused (its place, from 0), and why."""

    index: int
    source: str
    id: str
    refusal: Refusal


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the events that were sent: new, known already with the same content, or refused."""

    accepted: int
    duplicates: int
    refused: tuple[RefusedEvent, ...]


class Prepared(msgspec.Struct, frozen=True, gc=False):
    """An event that can be kept: its key, its row, and what its meters read of it."""

    key: metering.Key
    row: metering.EventRow
    readings: list[tuple[Series, int]]


class _Sending:
    """Events of one request on their way, and then one outcome each."""

    def __init__(self, found: Sequence[Reading]) -> None:
        self.found = found
        self.judged_by: _Known | None = None
        self.prepared: list[Prepared | Refusal] = []
        self.outcomes: list[Outcome] = []
        self.error: BaseException | None = None
        self.done = False


class Intake:
    """The way in. Of the requests that wait for a commit, the first to go commits for all of them.

    What needs no transaction is done before, while others commit: each event is judged by the meters and tenants
    known so far, and judged again with the commit where there are new ones.
    """

    def __init__(self, app: App) -> None:
        self.app = app
        self._queue = threading.Lock()
        self._commit = threading.Lock()
        self._waiting: list[_Sending] = []
        self._known: _Known = (Meters(()), frozenset())
        self._series: dict[Series, int] = {}

    def send(self, principal: Principal, found: Sequence[Reading]) -> Receipt:
        """Keep what is new and in order, whatever the rest is. Safe to repeat; durable when it returns."""
        outcomes = self.outcomes(principal, found)
        refused = [
            RefusedEvent(
                index=index,
                source=event.source if isinstance(event, MeterEvent) else "",
                id=event.id if isinstance(event, MeterEvent) else "",
                refusal=outcome,
            )
            for index, (event, outcome) in enumerate(zip(found, outcomes, strict=True))
            if isinstance(outcome, Refusal)
        ]
        return Receipt(
            accepted=outcomes.count("new"), duplicates=outcomes.count("duplicate"), refused=tuple(refused)
        )

    def outcomes(self, principal: Principal, found: Sequence[Reading]) -> list[Outcome]:
        """As `send`, one outcome for each event."""
        require_metering(principal)
        sending = _Sending(found)
        self._judge(sending)
        with self._queue:
            self._waiting.append(sending)
        while not sending.done:
            with self._commit:
                if not sending.done:
                    self._take()
        if sending.error is not None:
            raise sending.error
        return sending.outcomes

    def _judge(self, sending: _Sending) -> None:
        sending.judged_by = self._known
        sending.prepared = prepare(sending.found, *sending.judged_by, self.app.now())

    def _take(self) -> None:
        """Commit what waits, up to a limit, in the order it came."""
        with self._queue:
            count, size = 0, 0
            for sending in self._waiting:
                if count and size + len(sending.found) > EVENTS_AT_ONCE:
                    break
                count, size = count + 1, size + len(sending.found)
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        try:
            outcomes = iter(self._keep(taken))
            for sending in taken:
                sending.outcomes = [next(outcomes) for _ in sending.found]
        except BaseException as error:  # noqa: BLE001 - each of them hears of it
            for sending in taken:
                sending.error = error
        finally:
            for sending in taken:
                sending.done = True

    def _keep(self, taken: Sequence[_Sending]) -> list[Outcome]:
        for attempt in range(1, TRIES + 1):
            try:
                with self.app.database.append() as tx:
                    self._refresh(tx, taken)
                    outcomes, series = self._save(tx, [one for sending in taken for one in sending.prepared])
            except Fault:  # another process brought the same at the same time
                if attempt == TRIES:
                    raise
            else:
                self._series |= series
                return outcomes
        raise AssertionError("the last try returns or raises")

    def _save(
        self, tx: Tx, prepared: Sequence[Prepared | Refusal]
    ) -> tuple[list[Outcome], dict[Series, int]]:
        good = [one for one in prepared if isinstance(one, Prepared)]
        first = {one.key: one for one in reversed(good)}
        stored = metering.add_events(tx, (one.row for one in first.values()))
        new, outcomes = good, list[Outcome](["new"] * len(good))
        if stored or len(first) < len(prepared):
            new = [one for key, one in first.items() if key not in stored]
            outcomes = [one if isinstance(one, Refusal) else _outcome(one, first, stored) for one in prepared]
        added = metering.series_numbers(
            tx, {of for one in new for of, _ in one.readings if of not in self._series}
        )
        self._add_readings(tx, new, self._series | added if added else self._series)
        return outcomes, added

    def _add_readings(self, tx: Tx, new: Sequence[Prepared], numbers: dict[Series, int]) -> None:
        of_levels = {name for name, meter in self._known[0].by_id.items() if metering.is_level(meter)}
        plain, levels = array("q"), array("q")
        for one in new:
            time_us = one.row[4]
            for of, value in one.readings:
                (levels if of.meter in of_levels else plain).extend((numbers[of], time_us, value))
        metering.add_readings(tx, plain, levels)

    def _refresh(self, tx: Tx, taken: Sequence[_Sending]) -> None:
        """Meters and tenants are only ever added: what was judged without the newest is judged again."""
        meters, known = self._known
        if metering.count_meters(tx) != len(meters.by_id):
            meters = Meters(metering.meters(tx))
        events = (event for sending in taken for event in sending.found if isinstance(event, MeterEvent))
        if any(event.tenant not in known for event in events):
            known = frozenset(tenant.id for tenant in tenants.tenants(tx))
        if (meters, known) != self._known:
            self._known = (meters, known)
        for sending in taken:
            if sending.judged_by is not self._known:
                self._judge(sending)


def _outcome(
    one: Prepared, first: Mapping[metering.Key, Prepared], stored: Mapping[metering.Key, metering.EventRow]
) -> Outcome:
    """New, known with the same content, or in conflict with what was kept under its key."""
    kept = stored.get(one.key)
    if kept is None:
        if first[one.key] is one:
            return "new"
        kept = first[one.key].row
    return "duplicate" if kept == one.row else id_conflict("event", one.key[1])


def prepare(
    found: Sequence[Reading], meters: Meters, known: Container[str], now: datetime
) -> list[Prepared | Refusal]:
    """Each event as it will be kept, or why it is not."""
    earliest, latest = now - AGE_MAX, now + FUTURE_MAX
    prepared = list[Prepared | Refusal]()
    for event in found:
        if isinstance(event, Refusal):
            prepared.append(event)
        elif event.tenant not in known:
            prepared.append(not_found("tenant", event.tenant))
        elif not earliest <= event.time <= latest:
            prepared.append(out_of_time(event, now))
        elif isinstance(read := readings(event, meters), Refusal):
            prepared.append(read)
        elif isinstance(row := metering.packed(event), Refusal):
            prepared.append(row)
        else:
            prepared.append(Prepared(row[:2], row, read))
    return prepared
