"""Tables for other programs: charges, transfers, metered quantities. Those of FOCUS are in `app.focus`."""

from datetime import datetime

from penstock.app import asking
from penstock.app.access import readable_tenant
from penstock.app.context import App
from penstock.app.usage import asked_window
from penstock.billing import export
from penstock.billing.export import Tabular
from penstock.lease.tenant import Principal
from penstock.store import billing, ledger, metering


def export_charges(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Charge lines that touch the time."""
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    with app.database.read() as tx:
        return export.charges(billing.lines(tx, readable_tenant(principal, tenant), start, end))


def export_transfers(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """Ledger transfers booked in the time; a tenant's are those of its accounts."""
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    with app.database.read() as tx:
        owner = readable_tenant(principal, tenant)
        mine = f"tenant/{owner}/"
        found = [
            one
            for one in ledger.transfers(tx)
            if (start is None or one.at >= start)
            and (end is None or one.at < end)
            and (owner is None or one.debit.startswith(mine) or one.credit.startswith(mine))
        ]
    return export.transfers(found)


def export_quantities(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> Tabular:
    """What declared meters measured over the time."""
    with app.database.read() as tx:
        owner = readable_tenant(principal, tenant)
        return export.quantities(metering.quantities(tx, asked_window(app, start, end), owner))
