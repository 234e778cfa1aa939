"""Lists a page at a time, newest first, as people look through them."""

from datetime import datetime, timedelta

import msgspec

from penstock.app import money
from penstock.app.access import readable_tenant, require_audit
from penstock.app.context import App
from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.base.refusal import Refused, not_found
from penstock.billing.model import ChargeLine, InvoiceHead
from penstock.fleet.device import Calibration, Device, Node
from penstock.lease.tenant import Principal
from penstock.ledger.model import Transfer
from penstock.store import billing, fleet, jobs, ledger

INVOICES_MAX = 200
DAY = timedelta(days=1)


class RecentCharges(msgspec.Struct, frozen=True, kw_only=True):
    """The newest charges after an instant, and how many there are in all."""

    lines: tuple[ChargeLine, ...]
    count: int
    amount_micros: Micros


class UsedInPart(msgspec.Struct, frozen=True, kw_only=True):
    """What a meter counted of a model in one day, and what was charged for it."""

    meter: str
    model: str
    day: datetime
    card_us: CardMicroseconds
    amount_micros: Micros


class Occupant(msgspec.Struct, frozen=True):
    """The job on a device, and whose it is."""

    job: str
    tenant: str


def recent_charges(app: App, principal: Principal, tenant: str, since: datetime, limit: int) -> RecentCharges:
    """What a tenant was charged after an instant, newest first."""
    readable_tenant(principal, tenant)
    with app.database.read() as tx:
        count, amount = billing.count_lines(tx, tenant, since)
        return RecentCharges(
            lines=billing.recent_lines(tx, tenant, since, limit), count=count, amount_micros=amount
        )


def usage_by_day(
    app: App, principal: Principal, tenant: str, since: datetime, until: datetime
) -> tuple[UsedInPart, ...]:
    """Card time by meter, model and day, in order; days count from `since`."""
    readable_tenant(principal, tenant)
    with app.database.read() as tx:
        found = billing.used_by_part(tx, tenant, since, until, DAY)
    return tuple(
        UsedInPart(meter=meter, model=model, day=day, card_us=card_us, amount_micros=amount)
        for (meter, model, day), (card_us, amount) in sorted(found.items())
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


def calibrations(app: App, names: list[str]) -> dict[str, Calibration]:
    """The latest calibrations of some devices."""
    with app.database.read() as tx:
        return fleet.calibrations_among(tx, names) if names else {}


def occupants(app: App) -> dict[str, Occupant]:
    """Device id -> who is on it."""
    with app.database.read() as tx:
        return {device: Occupant(job, tenant) for device, (job, tenant) in jobs.occupied(tx).items()}
