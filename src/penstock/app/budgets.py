"""Budgets: set by a tenant or for it, watched by the loop, each threshold said once a month."""

from datetime import datetime

import msgspec

from penstock.app.access import SYSTEM, own_tenant, qualified, readable_tenant, require
from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.refusal import Refused, not_found
from penstock.billing.budget import Alert, Budget, check_budget, month_of
from penstock.billing.budget import alerts as reached
from penstock.lease.tenant import Principal, Scope
from penstock.store import audit, budgets, settings, tenants
from penstock.store.database import Tx


class NewBudget(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to spend at most in a calendar month, and at which percentages of it to raise an alert."""

    id: str
    amount_micros: Micros
    tenant: str | None = None
    percents: tuple[int, ...] = (50, 80, 100)


class BudgetView(msgspec.Struct, frozen=True, kw_only=True):
    """A budget with what was spent of it this month so far."""

    budget: Budget
    month: datetime
    spent_micros: Micros


def set_budget(app: App, principal: Principal, request: NewBudget) -> Budget:
    """Make a budget. Safe to repeat under the same id."""
    tenant = own_tenant(principal, request.tenant)
    require(principal, Scope.BUY, tenant)
    if refusal := check_budget(request.amount_micros, request.percents):
        raise Refused(refusal)
    name, now = qualified(tenant, request.id), app.now()
    with app.database.write() as tx:
        row = tenants.tenant(tx, tenant)
        if row is None:
            raise Refused(not_found("tenant", tenant))
        made = Budget(
            id=name,
            tenant=tenant,
            amount_micros=request.amount_micros,
            created_at=now,
            percents=tuple(sorted(request.percents)),
            currency=row.currency,
        )
        if settings.first_time(tx, "budget", name, request):
            budgets.add(tx, made)
            audit.record(tx, now, principal.token, "set_budget", name)
        return budgets.budget(tx, name) or made


def list_budgets(app: App, principal: Principal, tenant: str | None = None) -> tuple[BudgetView, ...]:
    """Budgets of one tenant, or for staff of all, with what was spent this month."""
    month = month_of(app.now()).start
    with app.database.read() as tx:
        found = budgets.budgets(tx, readable_tenant(principal, tenant))
        spent = budgets.spent(tx, {one.tenant for one in found}, month)
    return tuple(BudgetView(budget=one, month=month, spent_micros=spent.get(one.tenant, 0)) for one in found)


def list_alerts(app: App, principal: Principal, tenant: str | None = None) -> tuple[Alert, ...]:
    """Alerts of one tenant, or for staff of all, newest first."""
    with app.database.read() as tx:
        return budgets.alerts(tx, readable_tenant(principal, tenant))


def watch(app: App) -> None:
    """Raise the alerts whose threshold was reached. Safe to repeat."""
    now = app.now()
    with app.database.read() as tx:
        if not _due(tx, now):
            return
    with app.database.write() as tx:
        due = _due(tx, now)
        budgets.add_alerts(tx, due)
        for one in due:
            audit.record(tx, now, SYSTEM.token, "budget_alert", one.budget, f"{one.percent} %")


def _due(tx: Tx, now: datetime) -> list[Alert]:
    found = budgets.budgets(tx)
    if not found:
        return []
    month = month_of(now).start
    spent = budgets.spent(tx, {one.tenant for one in found}, month)
    raised = {(one.budget, one.percent) for one in budgets.alerts(tx, since=month)}
    return [
        alert
        for one in found
        for alert in reached(
            one,
            spent.get(one.tenant, 0),
            {percent for name, percent in raised if name == one.id},
            now,
        )
    ]
