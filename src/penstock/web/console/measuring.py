"""Measures devices that were not accepted yet, one by one beside the server: a minute each at most."""

import threading

import structlog

from penstock.app import browsing, fleet
from penstock.app.context import App
from penstock.app.ports import Probe
from penstock.base.refusal import Refused
from penstock.fleet.device import Device, DeviceState
from penstock.lease.tenant import Principal

_GONE = (DeviceState.RETIRED, DeviceState.DOWN)
_LOG = structlog.get_logger()


class Measuring:
    """One round at a time of each centre of this process."""

    def __init__(self) -> None:
        self._running: dict[object, threading.Thread] = {}

    def begin(self, app: App, principal: Principal, probe: Probe) -> None:
        """Begin a round, unless one is under way."""
        if self.is_running(app):
            return
        _, devices = browsing.devices(app, principal)
        due = [device for device in devices if device.accepted_at is None and device.state not in _GONE]
        work = threading.Thread(
            target=_measure, args=(app, principal, probe, due), daemon=True, name="measuring"
        )
        self._running[app.files.root] = work
        work.start()

    def is_running(self, app: App) -> bool:
        """Whether a round is under way."""
        running = self._running.get(app.files.root)
        return running is not None and running.is_alive()


def _measure(app: App, principal: Principal, probe: Probe, due: list[Device]) -> None:
    for device in due:
        try:
            fleet.calibrate(app, principal, probe, device.id)
        except Refused as refused:
            # it has become busy, or is not of this host: its page says so when it is asked
            _LOG.warning("device not measured", device=device.id, why=str(refused))
        except Exception as error:  # noqa: BLE001 - a thread's end is told to the log
            _LOG.error("measuring failed", device=device.id, exc_info=error)


MEASURING = Measuring()
