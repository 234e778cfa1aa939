"""What a fleet computes, claimed beside measured, and what a PFLOPS·h of it costs by each."""

from collections.abc import Iterable, Mapping

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import PRECISION_ORDER, Precision
from penstock.fleet.calibration import measured_by_model
from penstock.fleet.device import Calibration, Device, DeviceState


class ModelCompute(msgspec.Struct, frozen=True, kw_only=True):
    """One model of a fleet at one precision, dense. Nominal and measured PFLOPS are of one device.

    `cards` counts packages: one that shows as two devices is one card, and its rate counts once. Prices are
    per PFLOPS·h: nominal by the sheet, delivered by what accepted devices were measured at (their median).
    """

    model: str
    precision: Precision
    cards: int
    devices: int
    measured_devices: int
    nominal_pflops: float | None
    measured_pflops: float | None
    price_micros_per_card_hour: Micros | None = None
    price_micros_per_nominal_pflops_hour: Micros | None = None
    price_micros_per_delivered_pflops_hour: Micros | None = None

    @property
    def ratio(self) -> float | None:
        """Measured of nominal, a fraction."""
        if not (self.nominal_pflops and self.measured_pflops):
            return None
        return self.measured_pflops / self.nominal_pflops


def fleet_compute(
    devices: Iterable[Device], calibrations: Mapping[str, Calibration], prices: Mapping[str, Micros]
) -> tuple[ModelCompute, ...]:
    """Every model at every precision that its sheet names or that was measured; retired devices are left out."""
    groups: dict[str, list[Device]] = {}
    for device in devices:
        if device.state is not DeviceState.RETIRED:
            groups.setdefault(device.model, []).append(device)
    measured = measured_by_model((d for group in groups.values() for d in group), calibrations)
    return tuple(
        _line(model, precision, group, calibrations, measured.get(model, {}), prices.get(model))
        for model, group in sorted(groups.items())
        for precision in PRECISION_ORDER
        if precision in measured.get(model, {}) or any(r.precision == precision for r in group[0].nominal)
    )


def _line(
    model: str,
    precision: Precision,
    group: list[Device],
    calibrations: Mapping[str, Calibration],
    measured: Mapping[Precision, float],
    price: Micros | None,
) -> ModelCompute:
    nominal = next((r.tflops / 1000 for r in group[0].nominal if r.precision == precision), None)
    delivered = measured.get(precision)
    accepted = [c for d in group if (c := calibrations.get(d.id)) is not None and c.accepted]
    return ModelCompute(
        model=model,
        precision=precision,
        cards=len({device.card or device.id for device in group}),
        devices=len(group),
        measured_devices=sum(any(r.precision == precision for r in c.measured) for c in accepted),
        nominal_pflops=nominal,
        measured_pflops=delivered,
        price_micros_per_card_hour=price,
        price_micros_per_nominal_pflops_hour=_per_pflops_hour(price, nominal),
        price_micros_per_delivered_pflops_hour=_per_pflops_hour(price, delivered),
    )


def _per_pflops_hour(price: Micros | None, pflops: float | None) -> Micros | None:
    return None if price is None or not pflops else round(price / pflops)
