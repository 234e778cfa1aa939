"""What an operator should not have to find out alone: each alarm with its figures, their population, and what to do."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from penstock.base.figure import Figure
from penstock.base.money import Micros
from penstock.base.quantity import card_hours
from penstock.base.window import US_PER_HOUR, to_us
from penstock.fleet.calibration import Drift
from penstock.fleet.device import Device, DeviceState
from penstock.insight.model import Ladder, Line
from penstock.insight.value import Depreciation
from penstock.lease.offer import Lease, LeaseState

type Code = Literal["idle_holdings", "pool_idle", "rent_below_carrying", "backlog_concentrated", "drift"]

GENERAL_PURPOSE = (0.10, 0.15)
"""Utilisation of general-purpose enterprise compute centres, claimed of IDC; not of AI centres."""
SOURCE_OF_IT = "IDC, quoted in 蓝鲸财经 / 新眸, 2024-11-11"
_HOUR = timedelta(hours=1)
_HOLDS = (LeaseState.RESERVED, LeaseState.ACTIVE, LeaseState.SUSPENDED)


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """When an alarm is raised. Shares are fractions."""

    idle_share: float = 0.5
    """Of the card time that a tenant held: unused or stalled."""
    idle_card_hours: float = 1.0
    """Less than this is not worth an alarm."""
    sold_floor: float = 0.3
    """Of a model's available card time: sold."""
    backlog_share: float = 0.8
    backlog_customers: int = 3
    """So many customers with that share of the backlog are few."""


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that costs money now. `about` is a tenant, a model or a device; figures go by name."""

    code: Code
    about: str
    message: str
    remedy: str
    figures: dict[str, Figure]


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What alarms are computed from: the ladders of one window, and the state at its end."""

    by_tenant: dict[str, Ladder]
    by_model: dict[str, Ladder]
    devices: tuple[Device, ...]
    leases: tuple[Lease, ...]
    prices: Mapping[str, Micros]
    drifts: tuple[Drift, ...] = ()
    at: datetime
    currency: str = "CNY"


def alarms(seen: Seen, when: Thresholds) -> tuple[Alarm, ...]:
    """All alarms, by kind and then the largest first."""
    return (
        *_idle_holdings(seen.by_tenant, when),
        *_idle_pools(seen.by_model, when),
        *_rents(seen),
        *_backlog(seen.leases, seen.at, when),
        *_drifted(seen.drifts),
    )


def _card_hours(ladder: Ladder, *lines: Line) -> float:
    return card_hours(sum(line.card_us for line in ladder.lines if line.line in lines))


def _idle_holdings(ladders: Mapping[str, Ladder], when: Thresholds) -> Iterator[Alarm]:
    held = {tenant: ladder for tenant, ladder in ladders.items() if tenant and ladder.capacity_card_us}
    idle = {name: _card_hours(one, Line.RESERVED_UNUSED, Line.STALLED) for name, one in held.items()}
    for tenant in sorted(idle, key=lambda name: (-idle[name], name)):
        ladder, hours = held[tenant], card_hours(held[tenant].capacity_card_us)
        share = idle[tenant] / hours
        if share < when.idle_share or idle[tenant] < when.idle_card_hours:
            continue
        population = f"card time that {tenant} held"
        yield Alarm(
            code="idle_holdings",
            about=tenant,
            message=f"{tenant} held {hours:,.1f} card-hours; on {share:.1%} of them nothing was done",
            remedy="tell the tenant; offer to end the lease early, or a smaller one with spot above it; "
            "or let others use it with a lease that lends its idle devices",
            figures={
                "held": _hours(hours, population),
                "reserved_unused": _hours(_card_hours(ladder, Line.RESERVED_UNUSED), population),
                "stalled": _hours(_card_hours(ladder, Line.STALLED), population),
                "idle_share": _share(share, population),
            },
        )


def _idle_pools(ladders: Mapping[str, Ladder], when: Thresholds) -> Iterator[Alarm]:
    pools = {model: one for model, one in ladders.items() if one.available_card_us}
    for model in sorted(
        pools, key=lambda name: (pools[name].sold_card_us - pools[name].available_card_us, name)
    ):
        ladder = pools[model]
        sold = ladder.sold_card_us / ladder.available_card_us
        if sold >= when.sold_floor:
            continue
        population = f"{ladder.devices} commissioned devices of {model}"
        free = max((line for line in ladder.lines if line.rung == "not_sold"), key=lambda line: line.card_us)
        figures = {name: _hours(card_hours(time), population) for name, time in _rungs(ladder)}
        figures["sold_of_available"] = _share(sold, population)
        figures["list_value_lost"] = _money(
            sum(line.list_value_micros for line in ladder.lines if line.rung == "not_sold"),
            ladder.currency,
            population,
        )
        note = ""
        if sold <= GENERAL_PURPOSE[1]:
            note = "; 10 to 15 % is claimed of general-purpose enterprise centres, not of AI centres"
            for name, value in zip(("benchmark_low", "benchmark_high"), GENERAL_PURPOSE, strict=True):
                figures[name] = Figure(
                    value=value,
                    unit="share",
                    population="general-purpose enterprise compute centres",
                    status="claimed",
                    source=SOURCE_OF_IT,
                )
        yield Alarm(
            code="pool_idle",
            about=model,
            message=f"of {model}'s available time {sold:.1%} was sold, under the floor of {when.sold_floor:.0%}{note}",
            remedy=f"most of it stood free as {free.line}: "
            f"see `penstock ladder --line {free.line}` and `penstock lost`",
            figures=figures,
        )


def _rungs(ladder: Ladder) -> tuple[tuple[str, int], ...]:
    return (
        ("capacity", ladder.capacity_card_us),
        ("available", ladder.available_card_us),
        ("sold", ladder.sold_card_us),
        ("occupied", ladder.occupied_card_us),
        ("active", ladder.active_card_us),
        ("effective", ladder.effective_card_us),
    )


def _rents(seen: Seen) -> Iterator[Alarm]:
    """Models whose list price is under what their devices lose in value: no occupancy recovers that."""
    by_model: dict[str, list[Device]] = defaultdict(list)
    for device in seen.devices:
        if device.cost_micros and device.commissioned_at and device.state is not DeviceState.RETIRED:
            by_model[device.model].append(device)
    for model, devices in sorted(by_model.items()):
        price = seen.prices.get(model)
        lost = sum(written_off_per_hour(device, seen.at) for device in devices) // len(devices)
        if price is None or price >= lost:
            continue
        population = f"{len(devices)} devices of {model} with a recorded cost"
        figures = {
            "depreciation": _rate(lost, seen.currency, population, "derived"),
            "list_price": _rate(price, seen.currency, f"offers of {model} in force", "measured"),
            "break_even_share_sold": _share(lost / price if price else None, population),
        }
        ladder = seen.by_model.get(model)
        if ladder is not None and ladder.available_card_us:
            figures["sold_of_available"] = _share(ladder.sold_card_us / ladder.available_card_us, population)
        yield Alarm(
            code="rent_below_carrying",
            about=model,
            message=f"{model} rents for {price / 1e6:.2f} a card-hour and loses {lost / 1e6:.2f} of book value in it: "
            "fully let it would not recover what the books carry",
            remedy="test it for impairment (`penstock plan economics`); raise the price, or sell the devices while "
            "the market pays more than they will earn",
            figures=figures,
        )


def written_off_per_hour(device: Device, at: datetime) -> Micros:
    """What the device loses in book value over the hour from `at`; nothing once it is written off."""
    books = Depreciation(device)
    return books.until(to_us(at + _HOUR)) - books.until(to_us(at))


def backlog(leases: Iterable[Lease], at: datetime) -> dict[str, Micros]:
    """By tenant, what is sold and not yet delivered at an instant: remaining card time at the leases' prices."""
    owed: dict[str, Micros] = defaultdict(int)
    for lease in leases:
        remaining_us = to_us(lease.end) - to_us(max(lease.start, at))
        if lease.state in _HOLDS and remaining_us > 0:
            card_us = remaining_us * len(lease.devices)
            owed[lease.tenant] += card_us * lease.price_micros_per_card_hour // US_PER_HOUR
    return dict(owed)


def _backlog(leases: Sequence[Lease], at: datetime, when: Thresholds) -> Iterator[Alarm]:
    by_currency: dict[str, list[Lease]] = defaultdict(list)
    for lease in leases:
        by_currency[lease.currency].append(lease)
    for currency, own in sorted(by_currency.items()):
        owed = backlog(own, at)
        largest = sorted(owed, key=lambda tenant: (-owed[tenant], tenant))[: when.backlog_customers]
        whole, few = sum(owed.values()), sum(owed[tenant] for tenant in largest)
        if not whole or few < when.backlog_share * whole:
            continue
        population = f"leases of {len(owed)} customers, not yet delivered, in {currency}"
        yield Alarm(
            code="backlog_concentrated",
            about=largest[0],
            message=f"{few / whole:.1%} of the backlog is of {len(largest)} of {len(owed)} customers: "
            f"{', '.join(largest)}",
            remedy="ask for deposits, stagger the ends of their leases, and look for others before they leave",
            figures={
                "backlog": _money(whole, currency, population),
                "of_the_largest": _money(owed[largest[0]], currency, population),
                "share_of_the_largest": _share(owed[largest[0]] / whole, population),
                "share_of_the_few": _share(few / whole, population),
            },
        )


def _drifted(drifts: Iterable[Drift]) -> Iterator[Alarm]:
    for one in drifts:
        unit = "bytes/s" if one.figure == "memory_bandwidth" else f"TFLOPS {one.figure} dense"
        population = f"device {one.device}"
        fall = 1 - one.measured / one.accepted
        cause = "" if one.same_software else "; its software changed in between"
        yield Alarm(
            code="drift",
            about=one.device,
            message=f"{one.device} delivers {fall:.1%} less ({one.figure}) than when it was accepted{cause}",
            remedy="calibrate it again when it is cool and idle; then drain it and ask for its repair",
            figures={
                "accepted": Figure(value=one.accepted, unit=unit, population=population, status="measured"),
                "measured": Figure(value=one.measured, unit=unit, population=population, status="measured"),
            },
        )


def _hours(value: float, population: str) -> Figure:
    return Figure(value=value, unit="card-hours", population=population, status="measured")


def _share(value: float | None, population: str) -> Figure:
    return Figure(value=value, unit="share", population=population, status="derived")


def _money(micros: Micros, currency: str, population: str) -> Figure:
    return Figure(value=micros, unit=f"micros {currency}", population=population, status="derived")


def _rate(micros: Micros, currency: str, population: str, status: Literal["measured", "derived"]) -> Figure:
    return Figure(value=micros, unit=f"micros {currency} per card-hour", population=population, status=status)
