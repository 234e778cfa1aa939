"""What devices are doing is looked at each minute and kept for a week, for graphs and for the map."""

import threading
from datetime import datetime, timedelta

import structlog

from penstock.app import jobs
from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.app.ports import Probe
from penstock.base.refusal import Refused, not_found
from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceState
from penstock.lease.tenant import Principal
from penstock.store import fleet, samples
from penstock.store.samples import KEPT, STEP, Reading, Seen

_LOG = structlog.get_logger()
NOTHING = Seen(times=(), devices={})


class Sampler:
    """Looks each minute, in a thread, until stopped."""

    def __init__(self, app: App, probe: Probe) -> None:
        self._app, self._probe = app, probe
        self._stopping = threading.Event()

    def run(self) -> None:
        """Look until stopped; what goes wrong is told to the log and tried again."""
        while not self._stopping.is_set():
            try:
                look(self._app, self._probe)
            except Exception as error:  # noqa: BLE001 - a graph with a gap never stops a centre
                _LOG.warning("devices were not looked at", exc_info=error)
            self._stopping.wait(STEP.total_seconds())

    def stop(self) -> None:
        """No more."""
        self._stopping.set()


def look(app: App, probe: Probe) -> None:
    """Look once and keep what was seen. Safe to repeat."""
    with app.database.read() as tx:
        devices = [one for one in fleet.devices(tx) if one.state is not DeviceState.RETIRED]
    seen = probe.sample(devices)
    if seen:
        with app.database.write() as tx:
            samples.record(tx, app.now(), _nodes(devices), seen)


def _nodes(devices: list[Device]) -> dict[str, str]:
    return {one.id: one.node for one in devices}


def now_seen(app: App, principal: Principal) -> dict[str, Reading]:
    """Device -> what it was last seen doing."""
    require_audit(principal)
    with app.database.read() as tx:
        return samples.latest(tx, app.now())


def device_history(app: App, principal: Principal, name: str, length: timedelta) -> Seen:
    """What one device did lately."""
    require_audit(principal)
    now = app.now()
    with app.database.read() as tx:
        device = fleet.device(tx, name)
        if device is None:
            raise Refused(not_found("device", name))
        return samples.seen_of(tx, {name: device.node}, [name], Window(now - length, now + STEP))


def task_history(app: App, principal: Principal, name: str, rank: int) -> Seen:
    """What the devices of one task did while its last attempt had them."""
    detail = jobs.show_job(app, principal, name)
    last = detail.attempts[-1] if detail.attempts else None
    if last is None or last.began_at is None or not 0 <= rank < len(last.tasks):
        return NOTHING
    window = _kept(last.began_at, last.ended_at, app.now())
    if window is None:
        return NOTHING
    with app.database.read() as tx:
        nodes = _nodes([one for one in fleet.devices(tx) if one.id in last.tasks[rank]])
        return samples.seen_of(tx, nodes, sorted(nodes), window)


def _kept(began: datetime, ended: datetime | None, now: datetime) -> Window | None:
    """The part of a time of which samples may still be there, a day of it at most."""
    end = min(ended or now + STEP, now + STEP)
    start = max(began, now - KEPT, end - timedelta(days=1))
    return Window(start, end) if start < end else None
