"""What a running centre earned and cost over a window, from its own books: whole, or by model, node, tenant, tranche.

Revenue is what was charged for service within the window. Depreciation is that of the card-hour book, electricity
follows the devices' time, and what the centre says of its other costs is shared by card time in service. By tenant,
the name '' holds what was not sold.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

import msgspec

from penstock.base.figure import Figure
from penstock.base.money import Micros
from penstock.base.quantity import Status
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window, to_us
from penstock.fleet.accelerators import Catalogue
from penstock.fleet.device import Device
from penstock.insight.economics.calendar import months_later
from penstock.insight.economics.carrying import DRAWING, Tariffed
from penstock.insight.economics.loans import amortise
from penstock.insight.economics.plan import CentreCosts, Cost, Loan
from penstock.insight.economics.power import PUE_UNIT, W_PER_KW
from penstock.insight.economics.units import PPM, part
from penstock.insight.ladder import RUNG_OF, Axis, grouping, ladder_by
from penstock.insight.model import History, Ladder, Span

YEAR_US = 365 * 24 * US_PER_HOUR
MONTHS_PER_YEAR = 12


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged for a time of service; `subject` is the attempt or lease that had the devices."""

    tenant: str
    model: str
    subject: str
    start: datetime
    end: datetime
    amount_micros: Micros


class Moved(msgspec.Struct, frozen=True):
    """What moved on the ledger in the window: income booked, money received, in micros."""

    income: Micros
    received: Micros


class LiveAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """One group's profit and loss and its card time. `ledger` is filled for the whole centre only."""

    profit: dict[str, Figure]
    card_hours: dict[str, Figure]
    per_card_hour: dict[str, Figure]
    ledger: dict[str, Figure]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of a window; charges in `currency` only."""

    history: History
    spans: list[Span]
    lines: tuple[Charged, ...]
    moved: Moved
    window: Window
    currency: str


def live(
    books: Books, costs: CentreCosts, by: Axis | None, known: Catalogue, opened: datetime
) -> dict[str, LiveAccounts]:
    """Accounts by group, or the whole under ''; the groups sum to the whole to the micro."""
    axis: Axis = by or "model"
    ladders = ladder_by(books.spans, books.history, books.window, axis, books.currency)
    earned = _revenue(books, axis)
    power = _power(books, costs, axis, known)
    names = sorted({*ladders, *earned})
    shared = _shared(books, costs, names, ladders, opened)
    rows = {
        name: _row(ladders.get(name), earned.get(name, 0), power.get(name, 0), shared[name], costs)
        for name in names
    }
    if by is not None:
        return {
            name: _accounts(row, ladders.get(name), books, f"{by} {name or '-'}")
            for name, row in rows.items()
        }
    whole: dict[str, Micros] = defaultdict(int)
    for row in rows.values():
        for line, amount in row.items():
            whole[line] += amount
    return {"": _accounts(dict(whole), _summed(ladders), books, "the centre", books.moved)}


def charged_within(line: Charged, window: Window) -> Micros:
    """Of a charge, what falls into the window by time; the parts of any cuts sum to the charge."""
    length = (line.end - line.start) // MICROSECOND
    if not length:
        return line.amount_micros if window.contains(line.start) else 0
    ends = (min(max(at, line.start), line.end) for at in (window.start, window.end))
    before, after = ((at - line.start) // MICROSECOND for at in ends)
    return line.amount_micros * after // length - line.amount_micros * before // length


def _revenue(books: Books, axis: Axis) -> dict[str, Micros]:
    devices = {device.id: device for device in books.history.devices}
    held = {attempt.id: attempt.devices for attempt in books.history.attempts}
    held |= {lease.id: lease.devices for lease in books.history.leases}
    earned: dict[str, Micros] = defaultdict(int)
    for line in books.lines:
        amount = charged_within(line, books.window)
        if axis in ("tenant", "model"):
            earned[line.tenant if axis == "tenant" else line.model] += amount
            continue
        own = [devices[name] for name in held.get(line.subject, ()) if name in devices]
        for number, device in enumerate(own):
            earned[_group(device, axis)] += amount * (number + 1) // len(own) - amount * number // len(own)
        if not own:
            earned[""] += amount
    return earned


def _group(device: Device, axis: Axis) -> str:
    return device.node if axis == "node" else device.tranche


def _power(books: Books, costs: CentreCosts, axis: Axis, known: Catalogue) -> dict[str, Micros]:
    power = costs.power
    if power is None:
        return {}
    devices = {device.id: device for device in books.history.devices}
    priced, group = Tariffed(power, costs.utc_offset_hours), grouping(axis, books.history)
    sums: dict[str, int] = defaultdict(int)
    for span in books.spans:
        device = devices[span.device]
        accelerator = known.get(device.model)
        if accelerator is None or not accelerator.power_watts:
            continue
        drawn = PPM if RUNG_OF[span.line] in DRAWING else power.idle
        watts = round(accelerator.power_watts / accelerator.devices_per_card)
        start, end = max(span.start, books.window.start), min(span.end, books.window.end)
        if start < end:
            worth = priced.until(to_us(end)) - priced.until(to_us(start))
            sums[group(span, device)] += worth * watts * drawn * (span.high - span.low)
    scale = W_PER_KW * PPM * 1000 * US_PER_HOUR * PUE_UNIT
    return {name: amount * round(power.pue * PUE_UNIT) // scale for name, amount in sums.items()}


def _shared(
    books: Books, costs: CentreCosts, names: list[str], ladders: Mapping[str, Ladder], opened: datetime
) -> dict[str, dict[str, Micros]]:
    """Costs of the centre as a whole, shared by card time in service; rounding goes to the last."""
    whole: dict[str, Micros] = defaultdict(int)
    for running in costs.costs:
        if running.share is None:
            whole[running.kind] += _fixed(running, books.window, opened)
    whole["interest"] += sum(_interest(loan, books.window) for loan in costs.loans)
    weights = [ladders[name].capacity_card_us if name in ladders else 0 for name in names]
    total, so_far = sum(weights), 0
    shared: dict[str, dict[str, Micros]] = {}
    for name, weight in zip(names, weights, strict=True):
        ends = (so_far, so_far + weight)
        shared[name] = {
            line: amount * ends[1] // total - amount * ends[0] // total if total else 0
            for line, amount in whole.items()
        }
        so_far += weight
    if names and not total:
        shared[names[-1]] = dict(whole)
    return shared


def _fixed(running: Cost, window: Window, opened: datetime) -> Micros:
    """An amount a year or month, by time; `plan` has no meaning for a centre that runs, and counts as a year."""
    yearly = (running.amount or 0) * (MONTHS_PER_YEAR if running.every == "month" else 1)
    start, end = ((at - opened) // MICROSECOND for at in (window.start, window.end))
    return yearly * end // YEAR_US - yearly * start // YEAR_US


def _interest(loan: Loan, window: Window) -> Micros:
    """Interest of the months of a loan, each spread evenly over its time."""
    total = 0
    for number, instalment in enumerate(amortise(loan.principal, loan.rate, loan.term, loan.repayment)):
        first = datetime.combine(months_later(loan.drawn, number), datetime.min.time(), window.start.tzinfo)
        last = datetime.combine(
            months_later(loan.drawn, number + 1), datetime.min.time(), window.start.tzinfo
        )
        length = (last - first) // MICROSECOND
        ends = (min(max(at, first), last) for at in (window.start, window.end))
        before, after = ((at - first) // MICROSECOND for at in ends)
        total += instalment.interest * after // length - instalment.interest * before // length
    return total


def _row(
    ladder: Ladder | None, earned: Micros, power: Micros, shared: Mapping[str, Micros], costs: CentreCosts
) -> dict[str, Micros]:
    lines: dict[str, Micros] = defaultdict(int, shared)
    lines["revenue"] = earned
    lines["depreciation"] = sum(line.depreciation_micros for line in ladder.lines) if ladder else 0
    lines["power"] += power
    for running in costs.costs:
        if running.share is not None:
            lines[running.kind] += part(earned, running.share)
    lines["result"] = earned - sum(
        amount for line, amount in lines.items() if line not in ("revenue", "result")
    )
    return dict(lines)


def _accounts(
    row: Mapping[str, Micros], ladder: Ladder | None, books: Books, about: str, moved: Moved | None = None
) -> LiveAccounts:
    span = f"{about}, {books.window.start:%Y-%m-%d %H:%M} to {books.window.end:%Y-%m-%d %H:%M} UTC"
    money = f"micros {books.currency}"

    def figure(value: float | int | None, unit: str, status: Status) -> Figure:
        return Figure(value=value, unit=unit, population=span, status=status)

    def per(amount: Micros, card_us: int) -> int | None:
        return round(amount * US_PER_HOUR / card_us) if card_us else None

    times = {
        name: getattr(ladder, f"{name}_card_us") if ladder else 0
        for name in ("capacity", "available", "sold", "occupied", "active", "effective")
    }
    cost = row["revenue"] - row["result"]
    ledger: dict[str, Figure] = {}
    if moved is not None:
        ledger = {
            "income_booked": figure(moved.income, money, "measured"),
            "booked_elsewhere": figure(moved.income - row["revenue"], money, "derived"),
            "received": figure(moved.received, money, "measured"),
        }
    return LiveAccounts(
        profit={
            line: figure(amount, money, "measured" if line == "revenue" else "derived")
            for line, amount in row.items()
        },
        card_hours={
            name: figure(card_us / US_PER_HOUR, "card-hours", "measured") for name, card_us in times.items()
        },
        per_card_hour={
            "revenue_sold": figure(
                per(row["revenue"], times["sold"]), f"{money} per card-hour sold", "derived"
            ),
            "cost_capacity": figure(
                per(cost, times["capacity"]), f"{money} per card-hour in service", "derived"
            ),
            "cost_sold": figure(per(cost, times["sold"]), f"{money} per card-hour sold", "derived"),
            "result_capacity": figure(
                per(row["result"], times["capacity"]), f"{money} per card-hour in service", "derived"
            ),
        },
        ledger=ledger,
    )


def _summed(ladders: Mapping[str, Ladder]) -> Ladder | None:
    found = list(ladders.values())
    if not found:
        return None
    names = ("capacity", "available", "sold", "occupied", "active", "effective")
    times = {f"{name}_card_us": sum(getattr(one, f"{name}_card_us") for one in found) for name in names}
    return msgspec.structs.replace(found[0], lines=(), **times)
