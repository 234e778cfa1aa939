"""Readings of declared meters, packed: one row for what one commit brought, read back as whole columns.

A row's bytes are three columns of little-endian 64-bit integers, one after the other: series, microseconds since
1970, value in units of the meter's last decimal. `first` and `last` are the earliest and latest instant. Readings
of time-weighted averages have rows of their own (`levels`), because a period begins with levels from before it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sqlalchemy import Connection, and_, func, insert, or_, select

from penstock.base.window import Window, to_us
from penstock.store.tables import METER_READINGS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from penstock.billing.metering.aggregate import Columns

_READ_AT_ONCE = 4_096


def add(tx: Connection, readings: "Sequence[Sequence[int]] | NDArray", *, levels: bool) -> None:
    """Keep readings as three columns of equal length: series, microseconds and value.

    `levels`: they are those of time-weighted averages.
    """
    import numpy as np

    columns = np.array(readings, dtype="<i8")
    if columns.size == 0:
        return
    row = {
        "levels": levels,
        "first": int(columns[1].min()),
        "last": int(columns[1].max()),
        "readings": np.ascontiguousarray(columns).tobytes(),
    }
    tx.execute(insert(METER_READINGS), row)


def known_until(tx: Connection) -> int:
    """The number of the last row."""
    return tx.execute(select(func.coalesce(func.max(METER_READINGS.c.number), 0))).scalar_one()


def columns(tx: Connection, window: Window, until: int, after: int = 0) -> "Columns":
    """Every reading that counts for the window, and perhaps others, of the rows numbered in (after, until]."""
    import numpy as np

    from penstock.billing.metering.aggregate import Columns

    table = METER_READINGS
    start, end = to_us(window.start), to_us(window.end)
    touching = and_(table.c.first < end, or_(table.c.last >= start, table.c.levels))
    query = select(table.c.levels, table.c.readings).where(
        touching, table.c.number > after, table.c.number <= until
    )
    parts = []
    options = {"yield_per": _READ_AT_ONCE}
    with tx.execute(query.order_by(table.c.number), execution_options=options) as found:
        for levels, packed in found:
            part = np.frombuffer(packed, dtype="<i8").reshape(3, -1)
            inside = (part[1] < end) & ((part[1] >= start) | levels)
            parts.append(part if inside.all() else part[:, inside])
    whole = np.concatenate(parts, axis=1) if parts else np.empty((3, 0), dtype=np.int64)
    return Columns(whole[0], whole[1], whole[2])
