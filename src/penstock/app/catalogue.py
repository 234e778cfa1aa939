"""The catalogue of accelerators as this site knows it: the built-in one, with the site's own entries over it."""

import msgspec

from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.fleet.accelerators import CPU, Accelerator, Catalogue, catalogue, find
from penstock.fleet.sitecatalogue import combined, without_sparse
from penstock.lease.tenant import Principal
from penstock.store import audit
from penstock.store import catalogue as stored
from penstock.store.tables import CatalogueEntry


def known_accelerators(app: App) -> Catalogue:
    """Every accelerator by id; a site's own entry stands before the built-in one, whose figures it keeps as claims."""
    with app.database.read() as tx:
        own = stored.entries(tx)
    return combined(catalogue(), (row.entry for row in own)) if own else catalogue()


def show(app: App, name: str) -> tuple[Accelerator, ...]:
    """The accelerators that an id or a family names."""
    found = find(name, known_accelerators(app))
    if not found:
        raise Refused(
            Refusal(
                "accelerator_not_found",
                f"there is no accelerator {name!r}",
                "see `penstock fleet catalogue list`",
                status=404,
            )
        )
    return found


class Imported(msgspec.Struct, frozen=True):
    """Accelerators as they now stand in the catalogue; `flags` say what was not taken as it was written."""

    items: tuple[Accelerator, ...]
    flags: tuple[str, ...]


def import_catalogue(app: App, principal: Principal, given: tuple[Accelerator, ...]) -> Imported:
    """Add accelerators, or put them in place of the built-in entries of their ids; all or none. Safe to repeat.

    A rate that is the sparse one of a known entry is flagged, and the dense one kept.
    """
    require_operator(principal)
    now = app.now()
    built_in = catalogue()
    checked = [without_sparse(one, built_in.get(one.id, one)) for one in given]
    entries = tuple(entry for entry, _said in checked)
    for entry in entries:
        ensure(check_id(entry.id))
        if entry.id == CPU.id:
            raise Refused(
                invalid("id_reserved", "cpu stands for the cores of a host", "choose another id", "id")
            )
    with app.database.write() as tx:
        stored.save(tx, (CatalogueEntry(id=entry.id, at=now, entry=entry) for entry in entries))
        named = ", ".join(entry.id for entry in entries)
        audit.record(
            tx, now, principal.token, "import_catalogue", f"{len(entries)} accelerators", named[:200]
        )
    known = known_accelerators(app)
    return Imported(
        tuple(known[entry.id] for entry in entries), tuple(said for _e, flags in checked for said in flags)
    )


def remove(app: App, principal: Principal, name: str) -> str:
    """Take out a site's own entry; the built-in one of the same id counts again."""
    require_operator(principal)
    now = app.now()
    with app.database.write() as tx:
        if not stored.remove(tx, name):
            raise Refused(not_found("accelerator", name))
        audit.record(tx, now, principal.token, "remove_catalogue_entry", name)
    return name


class CatalogueView(msgspec.Struct, frozen=True):
    """Accelerators, and the ids of those that the site itself entered."""

    items: tuple[Accelerator, ...]
    own: tuple[str, ...]


def view(app: App) -> CatalogueView:
    """The whole catalogue, by id."""
    with app.database.read() as tx:
        own = tuple(row.id for row in stored.entries(tx))
    known = known_accelerators(app)
    return CatalogueView(tuple(known[name] for name in sorted(known)), own)
