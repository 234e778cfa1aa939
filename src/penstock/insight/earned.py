"""What a running centre earned and cost over a window, from its own books: whole, or by model, node, tenant, tranche.

Revenue is what was charged for service within the window, without the tax that is inside its prices. Depreciation,
interest and electricity are those that the ladder carries; what the centre says of its other costs is shared by card
time in service. By tenant, the name '' holds what was not sold.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

import msgspec

from penstock.base.figure import Figure
from penstock.base.money import Micros
from penstock.base.quantity import Status
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window, to_us
from penstock.fleet.device import Device
from penstock.insight.economics.calendar import months_later
from penstock.insight.economics.plan import CentreCosts, Cost, Subsidy
from penstock.insight.economics.units import part
from penstock.insight.ladder import Axis
from penstock.insight.layers import service_us
from penstock.insight.model import Ladder

YEAR_US = 365 * 24 * US_PER_HOUR
MONTHS_PER_YEAR = 12
_EARNED = ("revenue", "subsidy")
type Rows = dict[str, dict[str, Micros]]
"""Line -> group -> amount."""


class Charged(msgspec.Struct, frozen=True, kw_only=True):
    """What was charged for a time of service, without tax, or a party's share of it.

    `devices` are those of the attempt, lease or contract; `model` is empty where only they tell it.
    """

    tenant: str
    model: str = ""
    devices: tuple[str, ...] = ()
    start: datetime
    end: datetime
    amount_micros: Micros
    line: Literal["revenue", "revenue_share"] = "revenue"


class Moved(msgspec.Struct, frozen=True):
    """What moved on the ledger in the window, in micros: booked as income, of that as subsidies, received, billed."""

    income: Micros
    subsidies: Micros
    received: Micros
    tax: Micros
    vouchers: Micros


class LiveAccounts(msgspec.Struct, frozen=True, kw_only=True):
    """One group's profit and loss and its card time. `ledger` is filled for the whole centre only.

    `result` is before income tax. That is due on the whole centre's result of the window, where there is one; losses
    of other times are not set off.
    """

    profit: dict[str, Figure]
    card_hours: dict[str, Figure]
    per_card_hour: dict[str, Figure]
    ledger: dict[str, Figure]


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of a window; charges in `currency` only. Ladders are by the axis asked for, or model."""

    ladders: dict[str, Ladder]
    devices: tuple[Device, ...]
    lines: tuple[Charged, ...]
    moved: Moved
    window: Window
    currency: str
    opened: datetime
    """Fixed costs are counted from here on."""


def live(books: Books, costs: CentreCosts, by: Axis | None) -> dict[str, LiveAccounts]:
    """Accounts by group, or the whole under ''; the groups sum to the whole to the micro."""
    axis: Axis = by or "model"
    earned = _earned(books, axis)
    names = sorted({*books.ladders, *(name for groups in earned.values() for name in groups)})
    stated = [_fixed_costs(books, costs, names), {"subsidy": _subsidies(books, costs, names, axis)}]
    rows = {name: _row(name, books.ladders.get(name), earned, stated, costs) for name in names}
    if by is not None:
        return {
            name: _accounts(row, books.ladders.get(name), books, f"{by} {name or '-'}", costs)
            for name, row in rows.items()
        }
    whole: dict[str, Micros] = defaultdict(int, revenue=0, result=0)
    for row in rows.values():
        for line, amount in row.items():
            whole[line] += amount
    if costs.income_tax:
        whole["income_tax"] = part(max(whole["result"], 0), costs.income_tax)
        whole["net"] = whole["result"] - whole["income_tax"]
    return {"": _accounts(dict(whole), _summed(books.ladders), books, "the centre", costs, books.moved)}


def charged_within(line: Charged, window: Window) -> Micros:
    """Of a charge, what falls into the window by time; the parts of any cuts sum to the charge."""
    length = (line.end - line.start) // MICROSECOND
    if not length:
        return line.amount_micros if window.contains(line.start) else 0
    ends = (min(max(at, line.start), line.end) for at in (window.start, window.end))
    before, after = ((at - line.start) // MICROSECOND for at in ends)
    return line.amount_micros * after // length - line.amount_micros * before // length


def _earned(books: Books, axis: Axis) -> Rows:
    devices = {device.id: device for device in books.devices}
    earned: Rows = {"revenue": defaultdict(int)}
    for line in books.lines:
        amount, groups = charged_within(line, books.window), earned.setdefault(line.line, defaultdict(int))
        own = [devices[name] for name in line.devices if name in devices]
        if axis == "tenant":
            groups[line.tenant] += amount
        elif axis == "model" and line.model:
            groups[line.model] += amount
        elif not own:
            groups[""] += amount
        else:
            for number, device in enumerate(own):
                shared = amount * (number + 1) // len(own) - amount * number // len(own)
                groups[getattr(device, axis)] += shared
    return earned


def _fixed_costs(books: Books, costs: CentreCosts, names: list[str]) -> Rows:
    """Costs of the centre as a whole, shared by card time in service."""
    whole: dict[str, Micros] = defaultdict(int)
    for running in costs.costs:
        if running.share is None:
            whole[running.kind] += _fixed(running, books.window, books.opened)
    return {line: _shared(amount, names, _card_times(books)) for line, amount in whole.items()}


def _card_times(books: Books) -> dict[str, int]:
    return {name: one.capacity_card_us for name, one in books.ladders.items()}


def _shared(amount: Micros, names: list[str], weights: Mapping[str, int]) -> dict[str, Micros]:
    """An amount by weights, to the micro; all to the last where none weighs anything."""
    total, so_far, shared = sum(weights.get(name, 0) for name in names), 0, dict[str, Micros]()
    for name in names:
        ends = (so_far, so_far + weights.get(name, 0))
        shared[name] = amount * ends[1] // total - amount * ends[0] // total if total else 0
        so_far = ends[1]
    if names and not total:
        shared[names[-1]] = amount
    return shared


def _fixed(running: Cost, window: Window, opened: datetime) -> Micros:
    """An amount a year or month, by time."""
    yearly = (running.amount or 0) * (MONTHS_PER_YEAR if running.every == "month" else 1)
    start, end = ((at - opened) // MICROSECOND for at in (window.start, window.end))
    return yearly * end // YEAR_US - yearly * start // YEAR_US


def _subsidies(books: Books, costs: CentreCosts, names: list[str], axis: Axis) -> dict[str, Micros]:
    """Public money: for running the centre as booked, shared by card time; for assets over their life, to their groups.

    Nothing of a grant counts before the first of its devices is in service.
    """
    found = _shared(books.moved.subsidies, names, _card_times(books))
    for subsidy in costs.subsidies:
        own = [one for one in books.devices if one.tranche == subsidy.tranche and one.commissioned_at]
        if not own:
            continue
        start, end = _life(subsidy, own)
        line = Charged(tenant="", start=start, end=end, amount_micros=subsidy.amount)
        weights = _card_times(books) if axis == "tenant" else _served(own, axis, books.window)
        for name, share in _shared(charged_within(line, books.window), names, weights).items():
            found[name] += share
    return found


def _life(subsidy: Subsidy, own: list[Device]) -> tuple[datetime, datetime]:
    """From when the money and the first device are there, over the devices' longest accounting life."""
    first = min(device.commissioned_at for device in own if device.commissioned_at)
    start = max(_midnight(subsidy.on), first)
    months = max(device.life_years for device in own) * MONTHS_PER_YEAR
    return start, start + timedelta(days=(months_later(start.date(), months) - start.date()).days)


def _served(own: list[Device], axis: Axis, window: Window) -> dict[str, int]:
    """Time in service within the window by group."""
    times: dict[str, int] = defaultdict(int)
    for device in own:
        since, until = service_us(device, to_us(window.end))
        times[getattr(device, axis)] += max(until - max(since, to_us(window.start)), 0)
    return times


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


def _row(
    name: str, ladder: Ladder | None, earned: Rows, stated: list[Rows], costs: CentreCosts
) -> dict[str, Micros]:
    lines: dict[str, Micros] = defaultdict(int)
    for line in ("depreciation", "interest", "power"):
        lines[line] = sum(getattr(one, f"{line}_micros") for one in ladder.lines) if ladder else 0
    for rows in (earned, *stated):
        for line, groups in rows.items():
            lines[line] += groups.get(name, 0)
    for running in costs.costs:
        if running.share is not None:
            lines[running.kind] += part(lines["revenue"], running.share)
    lines["result"] = sum(amount if line in _EARNED else -amount for line, amount in lines.items())
    return dict(lines)


def _accounts(
    row: Mapping[str, Micros],
    ladder: Ladder | None,
    books: Books,
    about: str,
    costs: CentreCosts,
    moved: Moved | None = None,
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
        elsewhere = moved.income - moved.subsidies - row["revenue"] + row.get("revenue_share", 0)
        ledger = {
            "income_booked": figure(moved.income, money, "measured"),
            "booked_elsewhere": figure(elsewhere, money, "derived"),
            "received": figure(moved.received, money, "measured"),
            "subsidies_booked": figure(moved.subsidies, money, "measured"),
            "vat_booked": figure(moved.tax, money, "measured"),
            "vouchers_billed": figure(moved.vouchers, money, "measured"),
        }
    return LiveAccounts(
        profit={line: figure(amount, money, status_of(line, costs)) for line, amount in row.items()},
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


def status_of(line: str, costs: CentreCosts) -> Status:
    """Measured is what the books hold; claimed are amounts that the centre only says."""
    if line in ("revenue", "revenue_share") or (line == "subsidy" and not costs.subsidies):
        return "measured"
    said = {running.kind for running in costs.costs if running.share is None}
    return "claimed" if line == "subsidy" or line in said else "derived"


def _summed(ladders: Mapping[str, Ladder]) -> Ladder | None:
    found = list(ladders.values())
    if not found:
        return None
    names = ("capacity", "available", "sold", "occupied", "active", "effective")
    times = {f"{name}_card_us": sum(getattr(one, f"{name}_card_us") for one in found) for name in names}
    return msgspec.structs.replace(found[0], lines=(), **times)
