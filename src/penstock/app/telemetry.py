"""What a monitoring system may read: devices as they are now, the queue, and the ladder of the last hour."""

import threading
from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.app.ports import Probe
from penstock.app.reports import spans_of
from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceState
from penstock.fleet.telemetry import Sample
from penstock.insight.ladder import ladder_by
from penstock.insight.model import Ladder
from penstock.lease.job import JobState
from penstock.lease.tenant import Principal
from penstock.store import fleet, jobs

LADDER_WINDOW = timedelta(hours=1)
LADDER_KEPT = timedelta(seconds=30)


class Telemetry(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of the centre. `samples` are by device id; `waiting` counts devices by model wanted and reason."""

    devices: tuple[Device, ...]
    samples: Mapping[str, Sample]
    jobs: Mapping[JobState, int]
    waiting: Mapping[tuple[str, str], int]
    ladders: Mapping[str, Ladder]


class LadderKept:
    """The ladder of the last hour by model, made again when it is older than half a minute."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[datetime, Mapping[str, Ladder], Mapping[tuple[str, str], int]] | None = None

    def of(self, app: App) -> tuple[Mapping[str, Ladder], Mapping[tuple[str, str], int]]:
        """The ladders, and the devices that waiting jobs want."""
        now = app.now()
        with self._lock:
            if self._made is None or not timedelta(0) <= now - self._made[0] < LADDER_KEPT:
                window = Window(now - LADDER_WINDOW, now)
                past, spans = spans_of(app, window)
                waiting: Counter[tuple[str, str]] = Counter()
                for wait in past.waits:
                    if wait.end is None:
                        waiting["|".join(wait.models) or "any", wait.reason] += wait.devices
                ladders = ladder_by(spans, past, window, "model", app.policy.currency)
                self._made = now, ladders, waiting
            return self._made[1:]


def telemetry(app: App, principal: Principal, probe: Probe, kept: LadderKept) -> Telemetry:
    """The centre now; for operators and auditors."""
    require_audit(principal)
    with app.database.read() as tx:
        devices = tuple(d for d in fleet.devices(tx) if d.state is not DeviceState.RETIRED)
        counts = jobs.counts(tx)
    ladders, waiting = kept.of(app)
    return Telemetry(
        devices=devices, samples=probe.sample(devices), jobs=counts, waiting=waiting, ladders=ladders
    )
