"""What declared meters measured in whole windows, kept in memory and brought up to date by what is new.

Only a saving of work: whatever is kept can be made again from the readings.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec
from sqlalchemy import Connection

from penstock.base.window import Window
from penstock.billing.metering.model import Aggregation, MeteredQuantity
from penstock.store import metering, readings

WINDOWS_KEPT = 256
_MERGED = {
    Aggregation.COUNT: Fraction.__add__,
    Aggregation.SUM: Fraction.__add__,
    Aggregation.MAX: max,
}
"""How a quantity follows from those of two sets of readings; other meters are aggregated anew."""

type Quantities = Mapping[str, list[MeteredQuantity]]
"""Tenant -> its quantities."""


class Totals:
    """Asked within write transactions only: in those, no reading with a lower number is still on its way."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Window, tuple[int, Quantities]] = OrderedDict()

    def of(self, tx: Connection, window: Window) -> Quantities:
        """What every tenant used in the window, by everything known."""
        until = readings.known_until(tx)
        known_until, found = self._kept.pop(window, (0, None))
        if found is None or known_until < until:
            found = _later(tx, window, known_until, until, found)
        self._kept[window] = (until, found)
        if len(self._kept) > WINDOWS_KEPT:
            self._kept.popitem(last=False)
        return found


def _later(tx: Connection, window: Window, after: int, until: int, earlier: Quantities | None) -> Quantities:
    declared = {one.id: one for one in metering.meters(tx)}
    if earlier is not None:
        changed = metering.changed_meters(tx, window, after, until)
        if not changed:
            return earlier
        if all(declared[name].aggregation in _MERGED for name in changed):
            kinds = {name: meter.aggregation for name, meter in declared.items()}
            return _merged(earlier, metering.quantities(tx, window, known_until=until, after=after), kinds)
    return _by_tenant(metering.quantities(tx, window, known_until=until))


def _by_tenant(quantities: Iterable[MeteredQuantity]) -> Quantities:
    found: defaultdict[str, list[MeteredQuantity]] = defaultdict(list)
    for one in quantities:
        found[one.tenant].append(one)
    return dict(found)


def _merged(
    earlier: Quantities, new: Iterable[MeteredQuantity], kinds: Mapping[str, Aggregation]
) -> Quantities:
    found = dict(earlier)
    for tenant, more in _by_tenant(new).items():
        known = {(one.meter, *one.dimensions.values()): one for one in found.get(tenant, ())}
        for one in more:
            key = (one.meter, *one.dimensions.values())
            known[key] = _sum(known[key], one, kinds[one.meter]) if key in known else one
        found[tenant] = [*known.values()]
    return found


def _sum(one: MeteredQuantity, other: MeteredQuantity, kind: Aggregation) -> MeteredQuantity:
    quantity = _MERGED[kind](one.quantity, other.quantity)
    return msgspec.structs.replace(
        one,
        numerator=quantity.numerator,
        denominator=quantity.denominator,
        events=one.events + other.events,
    )
