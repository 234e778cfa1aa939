"""What the centre earned and cost, from its own books, and what it says of its other costs."""

from datetime import datetime

import msgspec

from penstock.app import asking
from penstock.app.access import require_audit, require_operator
from penstock.app.charged import charged
from penstock.app.context import App
from penstock.app.ladders import ladders_in
from penstock.app.reports import AXES as LADDER_AXES
from penstock.app.reports import asked_window
from penstock.base.refusal import Refused, invalid
from penstock.base.window import Window
from penstock.insight.earned import Books, LiveAccounts, Moved, live
from penstock.insight.economics.check import check_costs
from penstock.insight.economics.plan import CentreCosts
from penstock.insight.economics.planfile import read_as
from penstock.lease.tenant import Principal
from penstock.ledger.chart import CASH, SUBSIDIES, VAT, VOUCHER_RECEIVABLE, centre_account, kind_of
from penstock.store import audit, fleet, ledger, settings
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
    window, currency = asked_window(start, end, app.now()), app.policy.currency
    axis = None if by is None else AXES[by]
    with app.database.read() as tx:
        books = Books(
            ladders=ladders_in(tx, [window], axis or "model", currency)[0],
            devices=fleet.devices(tx),
            lines=tuple(charged(tx, window, currency, located=axis in ("node", "tranche"))),
            moved=_moved(tx, window, currency),
            window=window,
            currency=currency,
            opened=ledger.opened_at(tx, window.start),
        )
        stated = costs(tx)
    return live(books, stated, axis)


def _moved(tx: Tx, window: Window, currency: str) -> Moved:
    """Credits less debits of income and tax, debits less credits of cash and of what voucher issuers owe."""
    income = {
        one.id for one in ledger.accounts(tx) if one.currency == currency and kind_of(one).nature == "income"
    }

    def own(name: str) -> int:
        return ledger.moved(tx, {centre_account(name, currency)}, window)

    return Moved(
        income=ledger.moved(tx, income, window),
        subsidies=own(SUBSIDIES),
        received=-own(CASH),
        tax=own(VAT),
        vouchers=-own(VOUCHER_RECEIVABLE),
    )
