"""Lists a page at a time, newest first, as people look through them."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from penstock.app import money
from penstock.app.access import readable_tenant, require_audit
from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.refusal import Refused, not_found
from penstock.billing.model import ChargeLine, InvoiceHead
from penstock.fleet.device import Calibration, Device, Node
from penstock.lease.tenant import Principal
from penstock.ledger.model import Transfer
from penstock.store import audit, billing, charged, fleet, jobs, ledger
from penstock.store.charged import Used
from penstock.store.tables import AuditEntry

INVOICES_MAX = 200


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant used by the hour: its newest charges, how many there are in all, and what meters counted.

    `used` is by the parts between the edges that were asked for.
    """

    lines: tuple[ChargeLine, ...]
    count: int
    amount_micros: Micros
    used: tuple[Used, ...]


class Occupant(msgspec.Struct, frozen=True):
    """The job on a device, and whose it is."""

    job: str
    tenant: str


def spent(app: App, principal: Principal, tenant: str, edges: Sequence[datetime], limit: int) -> Spent:
    """What a tenant was charged by the hour between the first and the last of the edges, which lie at full hours."""
    readable_tenant(principal, tenant)
    with app.database.read() as tx:
        used = charged.used(tx, tenant, edges)
        lines = billing.recent_lines(tx, tenant, edges[0], limit)
    return Spent(
        lines=lines,
        count=sum(one.lines for one in used),
        amount_micros=sum(one.amount_micros for one in used),
        used=used,
    )


def recent_transfers(
    app: App, principal: Principal, account: str, before: str, limit: int
) -> tuple[Transfer, ...]:
    """Transfers of one account, newest first, from the one after `before`; a tenant sees its own accounts only."""
    money.require_account(principal, account)
    with app.database.read() as tx:
        if ledger.account(tx, account) is None:
            raise Refused(not_found("account", account))
        last = ledger.transfer(tx, before) if before else None
        if before and (last is None or account not in (last.debit, last.credit)):
            raise Refused(not_found("transfer", before))
        place = None if last is None else (last.at, last.id)
        return ledger.recent_transfers(tx, account, place, limit)


def invoice_heads(app: App, principal: Principal, tenant: str | None = None) -> tuple[InvoiceHead, ...]:
    """Invoices without their lines, of one tenant or for staff of all, newest first."""
    with app.database.read() as tx:
        return billing.invoice_heads(tx, readable_tenant(principal, tenant), INVOICES_MAX)


def acts(app: App, principal: Principal, before: int, limit: int) -> tuple[AuditEntry, ...]:
    """Entries of the audit log, newest first."""
    require_audit(principal)
    with app.database.read() as tx:
        return audit.latest(tx, before, limit)


def balances(app: App, principal: Principal) -> tuple[money.Balance, ...]:
    """The money of every tenant, by name."""
    require_audit(principal)
    with app.database.read() as tx:
        return money.balances(tx)


def devices(app: App, principal: Principal) -> tuple[tuple[Node, ...], tuple[Device, ...]]:
    """Nodes and devices as they are."""
    require_audit(principal)
    with app.database.read() as tx:
        return fleet.nodes(tx), fleet.devices(tx)


def layout(app: App, principal: Principal) -> tuple[str, tuple[Node, ...], tuple[Device, ...]]:
    """Nodes and devices as they are, under a name that changes when one of them does."""
    require_audit(principal)
    with app.database.read() as tx:
        return fleet.revision(tx), fleet.nodes(tx), fleet.devices(tx)


def calibrations(app: App, names: list[str]) -> dict[str, Calibration]:
    """The latest calibrations of some devices."""
    with app.database.read() as tx:
        return fleet.calibrations_among(tx, names) if names else {}


def occupants(app: App, names: Iterable[str] | None = None) -> dict[str, Occupant]:
    """Device id -> who is on it, of these devices or of all."""
    with app.database.read() as tx:
        held = jobs.occupied(tx)
    return {name: Occupant(*held[name]) for name in (held if names is None else names) if name in held}
