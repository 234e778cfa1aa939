"""The demand that a centre itself has seen, for plans to rest on."""

from datetime import datetime

from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.app.reports import asked_window
from penstock.insight.recorded import RecordedJob, recorded
from penstock.lease.tenant import Principal
from penstock.store import jobs
from penstock.store.world import history


def show_recorded(
    app: App, principal: Principal, start: datetime | None = None, end: datetime | None = None
) -> tuple[RecordedJob, ...]:
    """The jobs submitted in a window (the last seven days where none is given), served and refused alike."""
    require_audit(principal)
    window = asked_window(start, end, app.now())
    with app.database.read() as tx:
        submitted = jobs.submitted(tx, window)
        attempts = history(tx, window).attempts
    return recorded(submitted, attempts, window)
