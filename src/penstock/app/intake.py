"""Usage events come in: each is kept exactly once, and what waits meanwhile is committed together."""

import threading
from collections.abc import Mapping, Sequence, Set
from itertools import compress
from typing import Literal

import msgspec

from penstock.app.access import require_metering
from penstock.app.context import App
from penstock.base.ids import id_conflict
from penstock.base.refusal import Fault, Refusal, Refused
from penstock.billing.metering.cloudevents import Reading, read_batch
from penstock.billing.metering.extract import Meters
from penstock.billing.metering.judging import (
    Columns,
    EventRow,
    Judged,
    MeterReadings,
    judge,
    judge_plain,
    plain,
    same_event,
)
from penstock.billing.metering.model import MeterEvent, Series
from penstock.lease.tenant import Principal
from penstock.store import metering, readings, tenants
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


class _Sending:
    """Events of one request on their way, and then what became of them.

    `columns` where nothing about them is unusual; `found` once they had to be looked at one by one.
    """

    def __init__(self, found: Sequence[Reading] | None, body: bytes = b"") -> None:
        self.columns: Columns | None = None
        if found is None:
            self.columns = plain(body)
            found = _read(body) if self.columns is None else ()
        self.found: Sequence[Reading] = found
        self.body = body
        self.count = len(found) if self.columns is None else len(self.columns.rows)
        self.judged_by: _Known | None = None
        self.judged = Judged((), (), ())
        self.outcomes: Sequence[Outcome] | None = None
        """One for each row that was judged well; None where all are new."""
        self.error: BaseException | None = None
        self.done = False

    def judge(self, by: _Known, app: App) -> None:
        """Judge the events by these meters and tenants."""
        self.judged_by = by
        if self.columns is not None:
            judged = judge_plain(self.columns, *by, app.now())
            if judged is not None:
                self.judged = judged
                return
            self.columns, self.found = None, _read(self.body)
        self.judged = judge(self.found, *by, app.now())

    def every_outcome(self) -> list[Outcome]:
        """One outcome for each event, in order."""
        outcomes: list[Outcome] = ["new"] * self.count
        for place, outcome in zip(self.judged.places, self.outcomes or (), strict=False):
            outcomes[place] = outcome
        for place, refusal in self.judged.refused:
            outcomes[place] = refusal
        return outcomes

    def receipt(self) -> Receipt:
        """What the sender is told."""
        if self.outcomes is None and not self.judged.refused:
            return Receipt(accepted=self.count, duplicates=0, refused=())
        outcomes = self.every_outcome()
        refused = [
            RefusedEvent(index=index, source=source, id=name, refusal=outcome)
            for index, outcome in enumerate(outcomes)
            if isinstance(outcome, Refusal)
            for source, name in [self._key(index)]
        ]
        return Receipt(
            accepted=outcomes.count("new"), duplicates=outcomes.count("duplicate"), refused=tuple(refused)
        )

    def _key(self, index: int) -> tuple[str, str]:
        if self.columns is not None:
            return self.columns.rows[index][:2]
        event = self.found[index]
        return (event.source, event.id) if isinstance(event, MeterEvent) else ("", "")


def _read(body: bytes) -> list[Reading]:
    found = read_batch(body)
    if isinstance(found, Refusal):
        raise Refused(found)
    return found


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
        require_metering(principal)
        return self._sent(_Sending(found)).receipt()

    def send_batch(self, principal: Principal, body: bytes) -> Receipt:
        """As `send`, from the JSON of a batch; raises Refused where that is none."""
        require_metering(principal)
        return self._sent(_Sending(None, body)).receipt()

    def outcomes(self, principal: Principal, found: Sequence[Reading]) -> list[Outcome]:
        """As `send`, one outcome for each event."""
        require_metering(principal)
        return self._sent(_Sending(found)).every_outcome()

    def _sent(self, sending: _Sending) -> _Sending:
        sending.judge(self._known, self.app)
        with self._queue:
            self._waiting.append(sending)
        while not sending.done:
            with self._commit:
                if not sending.done:
                    self._take()
        if sending.error is not None:
            raise sending.error
        return sending

    def _take(self) -> None:
        """Commit what waits, up to a limit, in the order it came."""
        with self._queue:
            count, size = 0, 0
            for sending in self._waiting:
                if count and size + sending.count > EVENTS_AT_ONCE:
                    break
                count, size = count + 1, size + sending.count
            taken, self._waiting = self._waiting[:count], self._waiting[count:]
        try:
            outcomes = self._keep(taken)
            for sending in taken:
                if outcomes is not None:
                    good = len(sending.judged.rows)
                    sending.outcomes, outcomes = outcomes[:good], outcomes[good:]
        except BaseException as error:  # noqa: BLE001 - each of them hears of it
            for sending in taken:
                sending.error = error
        finally:
            for sending in taken:
                sending.done = True

    def _keep(self, taken: Sequence[_Sending]) -> list[Outcome] | None:
        for attempt in range(1, TRIES + 1):
            try:
                with self.app.database.append() as tx:
                    self._refresh(tx, taken)
                    outcomes, series = self._save(tx, [sending.judged for sending in taken])
            except Fault:  # another process brought the same at the same time
                if attempt == TRIES:
                    raise
            else:
                self._series |= series
                return outcomes
        raise AssertionError("the last try returns or raises")

    def _save(self, tx: Tx, judged: Sequence[Judged]) -> tuple[list[Outcome] | None, dict[Series, int]]:
        """Keep what is new; one outcome for each row, or None where all are new."""
        rows = judged[0].rows if len(judged) == 1 else [row for one in judged for row in one.rows]
        first = {row[:2]: row for row in reversed(rows)}
        stored = metering.add_events(tx, first.values())
        outcomes = None
        if stored or len(first) < len(rows):
            outcomes = [_outcome(row, first, stored) for row in rows]
        parts = _of_new(judged, outcomes)
        wanted = {series for part in parts for series in {*part.series} if series not in self._series}
        added = metering.series_numbers(tx, wanted)
        self._add_readings(tx, rows, parts, self._series | added if added else self._series)
        return outcomes, added

    def _add_readings(
        self, tx: Tx, rows: Sequence[EventRow], parts: Sequence[MeterReadings], numbers: dict[Series, int]
    ) -> None:
        for levels in (False, True):
            columns: tuple[list[int], list[int], list[int]] = ([], [], [])
            for part in parts:
                if metering.is_level(part.meter) is levels:
                    columns[0].extend(map(numbers.__getitem__, part.series))
                    columns[1].extend([rows[place][4] for place in part.places])
                    columns[2].extend(part.values)
            readings.add(tx, columns, levels=levels)

    def _refresh(self, tx: Tx, taken: Sequence[_Sending]) -> None:
        """Meters and tenants are only ever added: what was judged without the newest is judged again."""
        meters, known = self._known
        if metering.count_meters(tx) != len(meters.by_id):
            meters = Meters(metering.meters(tx))
        if not all(_tenants(sending) <= known for sending in taken):
            known = frozenset(tenant.id for tenant in tenants.tenants(tx))
        if (meters, known) != self._known:
            self._known = (meters, known)
        for sending in taken:
            if sending.judged_by is not self._known:
                sending.judge(self._known, self.app)


def _tenants(sending: _Sending) -> Set[str]:
    if sending.columns is not None:
        return sending.columns.tenants
    return {event.tenant for event in sending.found if isinstance(event, MeterEvent)}


def _of_new(judged: Sequence[Judged], outcomes: Sequence[Outcome] | None) -> list[MeterReadings]:
    """What meters read of the rows that are new, with the places of these among all rows."""
    found, start = [], 0
    for one in judged:
        for part in one.readings:
            places = [place + start for place in part.places] if start else part.places
            shifted = MeterReadings(part.meter, places, part.series, part.values)
            found.append(shifted if outcomes is None else _picked(shifted, outcomes))
        start += len(one.rows)
    return found


def _picked(part: MeterReadings, outcomes: Sequence[Outcome]) -> MeterReadings:
    new = [outcomes[place] == "new" for place in part.places]
    return MeterReadings(
        part.meter,
        list(compress(part.places, new)),
        list(compress(part.series, new)),
        list(compress(part.values, new)),
    )


def _outcome(
    row: EventRow, first: Mapping[metering.Key, EventRow], stored: Mapping[metering.Key, EventRow]
) -> Outcome:
    """New, known with the same content, or in conflict with what was kept under its key."""
    key = row[:2]
    kept = stored.get(key)
    if kept is None:
        if first[key] is row:
            return "new"
        kept = first[key]
    return "duplicate" if same_event(kept, row) else id_conflict("event", row[1])
