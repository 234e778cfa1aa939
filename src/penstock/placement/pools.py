"""Pools in the order in which a job should have them: what runs it, then the fastest, then the cheapest."""

from collections.abc import Iterable, Mapping

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import Precision
from penstock.fleet.device import Device
from penstock.lease.job import Job
from penstock.placement import calendar, software
from penstock.placement.filters import names

PRECISIONS: tuple[Precision, ...] = ("bf16", "fp16", "fp32", "fp64")
"""Where a job names no precision, pools are compared by the first of these that both were measured at."""

type Measured = Mapping[str, Mapping[Precision, float]]
"""Model -> precision -> dense PFLOPS of one device, measured."""


class Pool(msgspec.Struct, frozen=True, kw_only=True):
    """The devices of one model as one job sees them.

    `rules` speak against its software there, `named` is false where the job wants other models.
    `pflops` is measured dense PFLOPS of one device at `precision`; the price is per card-hour, None where
    the model is not for sale. `price_micros_per_pflops_hour` is that of what is delivered.
    """

    model: str
    stack: str
    devices: int
    named: bool
    rules: tuple[str, ...]
    precision: Precision | None
    pflops: float | None
    price_micros_per_card_hour: Micros | None
    price_micros_per_pflops_hour: Micros | None

    @property
    def fits(self) -> bool:
        """Whether the job may run there at all."""
        return self.named and not self.rules


def pools(
    job: Job,
    devices: Iterable[Device],
    measured: Measured,
    prices: Mapping[str, Micros],
    precision: Precision | None = None,
) -> tuple[Pool, ...]:
    """Every pool of devices on sale: those that fit first, by measured throughput, then by price."""
    groups: dict[str, list[Device]] = {}
    for device in devices:
        if calendar.sellable(device):
            groups.setdefault(device.model, []).append(device)
    found = (_pool(job, group, measured, prices, precision) for group in groups.values())
    return tuple(sorted(found, key=_order))


def preference(measured: Measured, prices: Mapping[str, Micros]) -> tuple[str, ...]:
    """Models for a job that takes any: the fastest as measured first, then the cheapest."""
    models = {*measured, *prices}
    return tuple(
        sorted(models, key=lambda m: (-(_rate(measured.get(m, {}), None)[1] or 0.0), prices.get(m, 0), m))
    )


def _pool(
    job: Job,
    group: list[Device],
    measured: Measured,
    prices: Mapping[str, Micros],
    precision: Precision | None,
) -> Pool:
    first = group[0]
    at, pflops = _rate(measured.get(first.model, {}), precision)
    price = prices.get(first.model)
    return Pool(
        model=first.model,
        stack=first.stack,
        devices=len(group),
        named=names(job.spec.resources, first),
        rules=software.against(job, first),
        precision=at,
        pflops=pflops,
        price_micros_per_card_hour=price,
        price_micros_per_pflops_hour=round(price / pflops) if price is not None and pflops else None,
    )


def _rate(
    rates: Mapping[Precision, float], precision: Precision | None
) -> tuple[Precision | None, float | None]:
    at = precision or next((p for p in PRECISIONS if p in rates), None)
    return at, rates.get(at) if at else None


def _order(pool: Pool) -> tuple[bool, float, bool, int, str]:
    price = pool.price_micros_per_card_hour
    return (not pool.fits, -(pool.pflops or 0.0), price is None, price or 0, pool.model)
