"""The accelerators that a site added to the built-in catalogue, or put in place of its entries."""

from collections.abc import Iterable

from sqlalchemy import Connection, delete

from penstock.store import rows, settings
from penstock.store.tables import CATALOGUE, CatalogueEntry


def entries(tx: Connection) -> tuple[CatalogueEntry, ...]:
    """All of them, by id."""
    return rows.many(tx, CATALOGUE, order=[CATALOGUE.c.id])


def save(tx: Connection, added: Iterable[CatalogueEntry]) -> None:
    """Add entries, or overwrite those with their ids."""
    for entry in added:
        rows.save(tx, CATALOGUE, entry)
    settings.bump(tx)


def remove(tx: Connection, name: str) -> bool:
    """Take out a site's own entry, so that the built-in one counts again; whether there was one."""
    settings.bump(tx)
    return tx.execute(delete(CATALOGUE).where(CATALOGUE.c.id == name)).rowcount > 0
