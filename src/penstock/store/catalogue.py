"""The accelerators that a site added to the built-in catalogue, or put in place of its entries."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete

from penstock.base.window import EPOCH, Window, from_us
from penstock.store import rows, settings, settled
from penstock.store.remembered import Remembered
from penstock.store.tables import CATALOGUE, CatalogueEntry

_entries = Remembered[tuple[CatalogueEntry, ...]](
    settings.SELDOM, lambda tx: rows.many(tx, CATALOGUE, order=[CATALOGUE.c.id])
)


def entries(tx: Connection) -> tuple[CatalogueEntry, ...]:
    """All of them, by id."""
    return _entries(tx)


def save(tx: Connection, added: Iterable[CatalogueEntry]) -> None:
    """Add entries, or overwrite those with their ids."""
    for entry in added:
        rows.save(tx, CATALOGUE, entry)
    settled.changed(tx, [Window(EPOCH, from_us(settled.horizon_us(tx)))])  # of other power, for one
    settings.bump(tx, settings.SELDOM)
    settings.bump(tx)


def remove(tx: Connection, name: str) -> bool:
    """Take out a site's own entry, so that the built-in one counts again; whether there was one."""
    settings.bump(tx, settings.SELDOM)
    settings.bump(tx)
    settled.changed(tx, [Window(EPOCH, from_us(settled.horizon_us(tx)))])
    return tx.execute(delete(CATALOGUE).where(CATALOGUE.c.id == name)).rowcount > 0
