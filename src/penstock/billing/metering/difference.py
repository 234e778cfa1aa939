"""What late events change of a period that is closed: a document of differences; the period itself stays."""

from collections.abc import Iterable

import msgspec

from penstock.billing.metering.model import MeteredQuantity


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One quantity as it was closed, and as it is with everything known since; None: there was none."""

    before: MeteredQuantity | None
    after: MeteredQuantity | None


def difference(before: Iterable[MeteredQuantity], after: Iterable[MeteredQuantity]) -> list[Difference]:
    """What differs between two aggregations of one period, in order."""
    old, new = ({_key(one): one for one in found} for found in (before, after))
    return [
        Difference(before=old.get(key), after=new.get(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def _key(one: MeteredQuantity) -> tuple[str, ...]:
    return (one.tenant, one.meter, one.start.isoformat(), one.end.isoformat(), *one.dimensions.values())
