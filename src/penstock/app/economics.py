"""What the centre earned and cost, from its own books, and what it says of its other costs."""

from datetime import datetime

import msgspec

from penstock.app import asking
from penstock.app.access import require_audit, require_operator
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.app.reports import AXES as LADDER_AXES
from penstock.app.reports import asked_window, spans_of
from penstock.base.refusal import Refused, invalid
from penstock.base.window import Window
from penstock.billing.model import ChargeLine
from penstock.insight.earned import Books, Charged, LiveAccounts, Moved, live
from penstock.insight.economics.check import check_costs
from penstock.insight.economics.plan import CentreCosts
from penstock.insight.economics.planfile import read_as
from penstock.lease.tenant import Principal
from penstock.ledger.chart import CASH, centre_account, kind_of
from penstock.store import audit, billing, ledger, settings
from penstock.store.database import Tx
from penstock.store.world import COSTS, costs, put_costs

AXES = {name: axis for name, axis in LADDER_AXES.items() if axis != "site"}
"""Whom accounts are drawn up for; costs are not entered by site."""


def set_costs(app: App, principal: Principal, content: bytes, name: str) -> CentreCosts:
    """Keep what the centre costs beside its devices, from a YAML text, in place of what was kept. Safe to repeat."""
    require_operator(principal)
    asking.text(name, "filename")
    document = read_as(content, name, CentreCosts)
    if isinstance(document, tuple):
        raise Refused(*document)
    refusals = check_costs(document.value)
    if refusals:
        raise Refused(*(msgspec.structs.replace(one, where=document.where(one.where)) for one in refusals))
    now = app.now()
    with app.database.write() as tx:
        put_costs(tx, content.decode("utf-8-sig"))
        audit.record(tx, now, principal.token, "set_costs", name)
    return document.value


def show_costs(app: App, principal: Principal) -> str:
    """The text as it was kept; empty where nobody gave any."""
    require_audit(principal)
    with app.database.read() as tx:
        return settings.get(tx, COSTS)


def show_economics(
    app: App,
    principal: Principal,
    start: datetime | None = None,
    end: datetime | None = None,
    by: str | None = None,
) -> dict[str, LiveAccounts]:
    """Profit and loss of a window (the last seven days where none is given), whole under '' or by a group."""
    require_audit(principal)
    if by is not None and by not in AXES:
        raise Refused(
            invalid("axis_unknown", f"no accounts by {by!r}", f"use one of {', '.join(AXES)}", "by")
        )
    window = asked_window(start, end, app.now())
    past, spans = spans_of(app, window)
    currency = app.policy.currency
    with app.database.read() as tx:
        stated = costs(tx)
        charged = _charged(billing.lines(tx, start=window.start, end=window.end), currency)
        opened = ledger.opened_at(tx, window.start)
        moved = _moved(tx, window, currency)
    books = Books(history=past, spans=spans, lines=charged, moved=moved, window=window, currency=currency)
    return live(books, stated, None if by is None else AXES[by], known_accelerators(app), opened)


def _charged(lines: tuple[ChargeLine, ...], currency: str) -> tuple[Charged, ...]:
    return tuple(
        Charged(
            tenant=line.tenant,
            model=line.model,
            subject=line.subject,
            start=line.start,
            end=line.end,
            amount_micros=line.amount_micros,
        )
        for line in lines
        if line.currency == currency
    )


def _moved(tx: Tx, window: Window, currency: str) -> Moved:
    """Credits less debits of the income accounts, and debits less credits of cash, within the window."""
    income = {
        one.id for one in ledger.accounts(tx) if one.currency == currency and kind_of(one).nature == "income"
    }
    cash = {centre_account(CASH, currency)}
    return Moved(ledger.moved(tx, income, window), -ledger.moved(tx, cash, window))
