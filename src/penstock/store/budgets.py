"""Budgets, what was spent of them, and the alerts that were raised."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection, func, select

from penstock.base.money import Micros
from penstock.billing.budget import Alert, Budget
from penstock.ledger.chart import CHARGE, TENANT_KINDS, tenant_account
from penstock.store import rows
from penstock.store.tables import ALERTS, BUDGETS, TRANSFERS


def add(tx: Connection, budget: Budget) -> None:
    """Keep a new budget."""
    rows.add(tx, BUDGETS, [budget])


def budgets(tx: Connection, tenant: str | None = None) -> tuple[Budget, ...]:
    """A tenant's budgets, or all."""
    where = [] if tenant is None else [BUDGETS.c.tenant == tenant]
    return rows.many(tx, BUDGETS, *where, order=[BUDGETS.c.id])


def budget(tx: Connection, name: str) -> Budget | None:
    """One budget."""
    return rows.get(tx, BUDGETS, id=name)


def add_alerts(tx: Connection, alerts: list[Alert]) -> None:
    """Keep new alerts."""
    rows.add(tx, ALERTS, alerts)


def alerts(tx: Connection, tenant: str | None = None, since: datetime | None = None) -> tuple[Alert, ...]:
    """Alerts of one tenant or all, newest first; of the months from `since` on."""
    where = [] if tenant is None else [ALERTS.c.tenant == tenant]
    if since is not None:
        where.append(ALERTS.c.start >= since)
    return rows.many(tx, ALERTS, *where, order=[ALERTS.c.at.desc(), ALERTS.c.budget, ALERTS.c.percent.desc()])


def spent(tx: Connection, tenants: set[str], since: datetime) -> dict[str, Micros]:
    """What each tenant was charged since then, less what was reversed, by the ledger."""
    if not tenants:
        return {}
    owners = {tenant_account(name, kind): name for name in tenants for kind in TENANT_KINDS}
    table = TRANSFERS
    found: defaultdict[str, Micros] = defaultdict(int)
    for side, kind in ((table.c.debit, CHARGE), (table.c.credit, f"{CHARGE}_reversal")):
        total = func.sum(table.c.amount_micros)
        where = (side.in_(sorted(owners)), table.c.kind == kind, table.c.at >= since)
        for account, amount in tx.execute(select(side, total).where(*where).group_by(side)):
            found[owners[account]] += int(amount) if kind == CHARGE else -int(amount)
    return found
