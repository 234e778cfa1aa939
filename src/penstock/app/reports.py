"""The card-hour book, and the check of both books."""

from datetime import datetime, timedelta
from itertools import pairwise

import msgspec
from msgspec.structs import replace

from penstock.app import asking
from penstock.app.access import require_audit
from penstock.app.context import App
from penstock.app.ladders import ladder_and_parts, ladders, ladders_in
from penstock.base.refusal import Refused, ensure, invalid
from penstock.base.window import Window, check_window
from penstock.billing.check import check as check_bills
from penstock.insight.attribution import attribute
from penstock.insight.check import check_ladder, check_settled, check_spans
from penstock.insight.efficiency import utilisation
from penstock.insight.ladder import RUNG_OF, Axis, grouping, ladder
from penstock.insight.model import History, Ladder, Line, Span
from penstock.insight.opened import Interval, intervals
from penstock.lease.tenant import Principal
from penstock.ledger.check import check as check_ledger
from penstock.store import audit, billing, charged, closings, contracts, fleet, jobs, ledger, settings
from penstock.store.settled import HOUR, floor
from penstock.store.tables import AuditEntry
from penstock.store.world import history

AXES: dict[str, Axis] = {
    "model": "model",
    "node": "node",
    "tenant": "tenant",
    "tranche": "tranche",
    "site": "site",
}
DEFAULT_WINDOW = timedelta(days=7)


class CheckReport(msgspec.Struct, frozen=True):
    """What is wrong with the books; nothing, when `ok`. `checked` counts what was looked at."""

    ok: bool
    money: tuple[str, ...]
    card_hours: tuple[str, ...]
    audit: tuple[str, ...]
    checked: dict[str, int]


def show_ladder(
    app: App,
    principal: Principal,
    start: datetime | None = None,
    end: datetime | None = None,
    by: str | None = None,
) -> dict[str, Ladder]:
    """The ladder of a window (the last seven days where none is given), whole under '' or by a group."""
    require_audit(principal)
    axis, window = None if by is None else _axis(by), asked_window(start, end, app.now())
    found = ladders(app, window, axis)
    with app.database.read() as tx:
        stated = jobs.finished_with_flops(tx, window)
        used = utilisation(stated, fleet.devices(tx), fleet.nodes(tx), window, axis) if stated else {}
    return {name: replace(one, mfu=used.get(name)) if name in used else one for name, one in found.items()}


def asked_window(start: datetime | None, end: datetime | None, now: datetime) -> Window:
    """The window asked for, up to now at most; by default the last seven days of it."""
    until = min(asking.instant(end, "end") or now, now)
    return ensure(check_window(start or until - DEFAULT_WINDOW, until, "start"))


def spans_of(app: App, window: Window) -> tuple[History, list[Span]]:
    """The history of a window and its attribution."""
    with app.database.read() as tx:
        past = history(tx, window)
    return past, attribute(past, window)


def show_ladder_over_time(
    app: App,
    principal: Principal,
    start: datetime | None = None,
    end: datetime | None = None,
    parts: int = 24,
) -> tuple[Ladder, tuple[Ladder, ...]]:
    """The ladder of a window, and those of its parts, which sum to it.

    The parts are equal; where they are longer than an hour they begin at whole hours, as what is settled does.
    """
    require_audit(principal)
    asking.whole_number(parts, 1, 400, "parts")
    window = asked_window(start, end, app.now())
    step = (window.end - window.start) / parts
    cuts = [window.start + step * part for part in range(1, parts)]
    if step > HOUR:
        cuts = [floor(cut, HOUR) for cut in cuts]
    edges = [window.start, *cuts, window.end]
    whole, series = ladder_and_parts(app, [Window(since, until) for since, until in pairwise(edges)])
    return whole, tuple(series)


def show_intervals(
    app: App,
    principal: Principal,
    start: datetime | None = None,
    end: datetime | None = None,
    line: str | None = None,
    by: str | None = None,
    of: str | None = None,
) -> tuple[Interval, ...]:
    """The card-hour book itself: each device's lines over a window, with whom to ask about each and its money.

    Only those of one line, or of one group (`of`) of an axis (`by`), where these are given.
    """
    require_audit(principal)
    if line is not None and line not in RUNG_OF:
        raise Refused(invalid("line_unknown", f"no line {line!r}", f"use one of {', '.join(Line)}", "line"))
    if (by is None) != (of is None):
        raise Refused(invalid("group_incomplete", "a group has an axis and a name", "give both", "of"))
    window = asked_window(start, end, app.now())
    past, spans = spans_of(app, window)
    if by is not None:
        group, devices = grouping(_axis(by), past), {device.id: device for device in past.devices}
        spans = [span for span in spans if group(span, devices[span.device]) == of]
    chosen = None if line is None else Line(line)
    return tuple(intervals(spans, past, window, app.policy.currency, chosen))


def _axis(by: str) -> Axis:
    if by not in AXES:
        raise Refused(invalid("axis_unknown", f"no ladder by {by!r}", f"use one of {', '.join(AXES)}", "by"))
    return AXES[by]


def check_books(app: App, principal: Principal) -> CheckReport:
    """Verify every invariant of both books and of the audit log."""
    require_audit(principal)
    now = app.now()
    with app.database.read() as tx:
        accounts, transfers, holds = ledger.accounts(tx), ledger.transfers(tx), ledger.holds(tx)
        lines, invoices = billing.lines(tx), billing.invoices(tx)
        notes = billing.all_credit_notes(tx)
        sealed = [one.ledger for one in closings.closings(tx) if one.number == 0]
        findings = check_ledger(accounts, transfers, holds, sealed, now)
        contract_lines = contracts.tenant_lines(tx)
        findings += check_bills(billing.usage(tx), lines, transfers, invoices, notes, contract_lines)
        money = [f"{found.code}: {found.message} ({found.where})" for found in findings]
        money += charged.check(tx, lines)
        chain = audit.check(tx)
        entries = audit.count(tx)
        window = Window(ledger.opened_at(tx, now), now)
        past = history(tx, window)
        settled = ladders_in(tx, [window], None, app.policy.currency)[0][""]
    spans = attribute(past, window)
    whole = ladder(spans, past, window, app.policy.currency)
    card_hours = check_spans(past, window, spans) + check_ladder(past, window, whole)
    card_hours += check_settled(settled, whole)
    return CheckReport(
        ok=not (money or card_hours or chain),
        money=tuple(money),
        card_hours=tuple(card_hours),
        audit=tuple(chain),
        checked={
            "accounts": len(accounts),
            "transfers": len(transfers),
            "holds": len(holds),
            "lines": len(lines) + len(contract_lines),
            "spans": len(spans),
            "audit_entries": entries,
        },
    )


def list_audit(app: App, principal: Principal, after: int = 0) -> tuple[AuditEntry, ...]:
    """Audit entries after a sequence number, at most 200."""
    require_audit(principal)
    asking.whole_number(after, 0, 2**63 - 1, "after")
    with app.database.read() as tx:
        return audit.entries(tx, after)


def revision(app: App) -> int:
    """Counts changes, so that a page knows when to look again."""
    with app.database.read() as tx:
        return settings.revision(tx)


class Changes(msgspec.Struct, frozen=True):
    """Counts what changed: what placement looks at, and what people did."""

    revision: int
    acts: int


def changes(app: App) -> Changes:
    """So that a page knows when to look again."""
    with app.database.read() as tx:
        return Changes(settings.revision(tx), audit.count(tx))
