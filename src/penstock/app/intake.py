"""Usage events come in: each is kept exactly once, and what waits meanwhile is committed together."""

import threading
from collections.abc import Sequence
from datetime import datetime

import msgspec

from penstock.app.access import require_metering
from penstock.app.context import App
from penstock.base.ids import id_conflict
from penstock.base.refusal import Fault, Refusal, not_found
from penstock.base.window import to_us
from penstock.billing.metering.cloudevents import Reading
from penstock.billing.metering.extract import Meters, check_time, readings
from penstock.billing.metering.model import MeterEvent, Series
from penstock.lease.tenant import Principal
from penstock.store import metering, tenants
from penstock.store.database import Tx

EVENTS_AT_ONCE = 20_000
TRIES = 3


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
    """Events of one request on their way, and then one outcome each."""

    def __init__(self, found: Sequence[Reading]) -> None:
        self.found = found
        self.outcomes: list[str | Refusal] = []
        self.error: BaseException | None = None
        self.done = False


class Intake:
    """The way in. Of the requests that wait for a commit, the first to go commits for all of them."""

    def __init__(self, app: App) -> None:
        self.app = app
        self._queue = threading.Lock()
        self._commit = threading.Lock()
        self._waiting: list[_Sending] = []
        self._meters = Meters(())
        self._tenants: set[str] = set()
        self._series: dict[Series, int] = {}

    def send(self, principal: Principal, found: Sequence[Reading]) -> Receipt:
        """Keep what is new and in order, whatever the rest is. Safe to repeat; durable when it returns."""
        require_metering(principal)
        sending = _Sending(found)
        with self._queue:
            self._waiting.append(sending)
        while not sending.done:
            with self._commit:
                if not sending.done:
                    self._take()
        if sending.error is not None:
            raise sending.error
        refused = [
            RefusedEvent(
                index=index,
                source=event.source if isinstance(event, MeterEvent) else "",
                id=event.id if isinstance(event, MeterEvent) else "",
                refusal=outcome,
            )
            for index, (event, outcome) in enumerate(zip(found, sending.outcomes, strict=True))
            if isinstance(outcome, Refusal)
        ]
        return Receipt(
            accepted=sending.outcomes.count("new"),
            duplicates=sending.outcomes.count("duplicate"),
            refused=tuple(refused),
        )

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
            outcomes = iter(self._keep([one for sending in taken for one in sending.found]))
            for sending in taken:
                sending.outcomes = [next(outcomes) for _ in sending.found]
        except BaseException as error:  # noqa: BLE001 - each of them hears of it
            for sending in taken:
                sending.error = error
        finally:
            for sending in taken:
                sending.done = True

    def _keep(self, found: Sequence[Reading]) -> list[str | Refusal]:
        for attempt in range(1, TRIES + 1):
            try:
                with self.app.database.append() as tx:
                    outcomes, series = self._save(tx, found)
            except Fault:  # another process brought the same at the same time
                if attempt == TRIES:
                    raise
            else:
                self._series |= series
                return outcomes
        raise AssertionError("the last try returns or raises")

    def _save(self, tx: Tx, found: Sequence[Reading]) -> tuple[list[str | Refusal], dict[Series, int]]:
        self._refresh(tx, found)
        now = self.app.now()
        outcomes = list[str | Refusal]()
        new: dict[metering.Key, tuple[int, MeterEvent, list[tuple[Series, int]]]] = {}
        for event in found:
            outcome = event if isinstance(event, Refusal) else self._judged(event, now)
            if isinstance(event, MeterEvent) and not isinstance(outcome, Refusal):
                earlier = new.setdefault((event.source, event.id), (len(outcomes), event, outcome))
                if earlier[0] == len(outcomes):
                    outcomes.append("new")
                else:
                    outcomes.append("duplicate" if earlier[1] == event else id_conflict("event", event.id))
            else:
                assert isinstance(outcome, Refusal)
                outcomes.append(outcome)
        for key, refusal in metering.add_events(tx, [event for _, event, _ in new.values()]).items():
            outcomes[new.pop(key)[0]] = refusal or "duplicate"
        wanted = {one for _, _, values in new.values() for one, _ in values}
        added = metering.series_numbers(tx, wanted - self._series.keys())
        self._add_readings(tx, new.values(), self._series | added if added else self._series)
        return outcomes, added

    def _judged(self, event: MeterEvent, now: datetime) -> list[tuple[Series, int]] | Refusal:
        if event.tenant not in self._tenants:
            return not_found("tenant", event.tenant)
        return check_time(event, now) or readings(event, self._meters)

    def _add_readings(self, tx: Tx, new, numbers: dict[Series, int]) -> None:
        plain, levels = [], []
        for _, event, values in new:
            time_us = to_us(event.time)
            for one, value in values:
                is_level = metering.is_level(self._meters.by_id[one.meter])
                (levels if is_level else plain).append((numbers[one], time_us, value))
        metering.add_readings(tx, plain, levels)

    def _refresh(self, tx: Tx, found: Sequence[Reading]) -> None:
        """Meters and tenants are only ever added: look again where one is not known."""
        events = [event for event in found if isinstance(event, MeterEvent)]
        if metering.count_meters(tx) != len(self._meters.by_id):
            self._meters = Meters(metering.meters(tx))
        if any(event.tenant not in self._tenants for event in events):
            self._tenants = {tenant.id for tenant in tenants.tenants(tx)}
