"""What electricity costs: watts × PUE × the price by hour of the day."""

from collections.abc import Sequence

from penstock.base.money import Micros, round_half_up
from penstock.fleet.accelerators import Catalogue
from penstock.insight.economics.plan import Power, Tariff, Tranche
from penstock.insight.economics.tranches import Served, cards
from penstock.insight.economics.units import PPM

HOURS_PER_DAY = 24
PUE_UNIT = 1_000
W_PER_KW = 1_000


def server_watts(tranche: Tranche, known: Catalogue) -> int:
    """Watts of one server at full load: as given, else what its cards' sheets say; 0 where nobody says."""
    if tranche.watts_per_server is not None:
        return tranche.watts_per_server
    accelerator = known.get(tranche.model)
    return round(accelerator.power_watts * tranche.cards_per_server) if accelerator else 0


def price_per_kwh(power: Power) -> Micros:
    """The mean price over a day of even load, in micros."""
    if power.per_kwh is not None:
        return power.per_kwh
    return round_half_up(sum(hours(one) * one.per_kwh for one in power.tariff), HOURS_PER_DAY)


def hours(tariff: Tariff) -> int:
    """How long it holds in a day; it may pass midnight."""
    return (tariff.to_hour - tariff.from_hour) % HOURS_PER_DAY or HOURS_PER_DAY


def per_card_hour(power: Power, tranche: Tranche, known: Catalogue) -> Micros:
    """Electricity of one let card for an hour, in micros."""
    scaled = server_watts(tranche, known) * round(power.pue * PUE_UNIT) * price_per_kwh(power)
    return round_half_up(scaled, W_PER_KW * PUE_UNIT * tranche.cards_per_server)


def power_cost(power: Power | None, tranche: Tranche, row: Served, known: Catalogue) -> Micros:
    """Electricity of one month: let servers at their full watts, the others at the idle share."""
    if power is None or not cards(tranche):
        return 0
    drawing = row.let * PPM + (row.capacity - row.let) * power.idle
    watts, pue = server_watts(tranche, known), round(power.pue * PUE_UNIT)
    scaled = drawing * watts * pue * price_per_kwh(power)
    return round_half_up(scaled, PPM * PPM * W_PER_KW * PUE_UNIT * tranche.cards_per_server)


def covered(tariffs: Sequence[Tariff]) -> list[int]:
    """How many tariffs hold in each hour of the day; each should be one."""
    counts = [0] * HOURS_PER_DAY
    for one in tariffs:
        for hour in range(hours(one)):
            counts[(one.from_hour + hour) % HOURS_PER_DAY] += 1
    return counts
