"""Price books are published, contracts are signed, changed and ended; nothing of it is charged here (`accrual`)."""

from datetime import datetime

import msgspec

from penstock.app.access import (
    known_as,
    qualified,
    readable_tenant,
    require_operator,
    visible,
)
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused, ensure, not_found
from penstock.base.window import check_instant
from penstock.billing.pricing.agreement import check_contract, parse_contract
from penstock.billing.pricing.amend import check_change
from penstock.billing.pricing.book import HourlyItem, PriceBook
from penstock.billing.pricing.check import parse_book, unknown
from penstock.billing.pricing.contract import Change, Contract
from penstock.billing.pricing.hourly import offer_of
from penstock.billing.pricing.reading import Read
from penstock.billing.pricing.signed import PublishedBook, SignedContract, book_of, contract_of, runs_until
from penstock.lease.tenant import Principal
from penstock.store import audit, contracts, leases, settings, tenants
from penstock.store import metering as meters
from penstock.store.database import Tx

replace = msgspec.structs.replace


class NewChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """From a time on (none: now) so many of an item; the same id again changes nothing."""

    id: str
    item: str
    quantity: str
    at: datetime | None = None
    devices: tuple[str, ...] = ()


class NewTermination(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """When a contract ends early (none: now)."""

    at: datetime | None = None


def checked_book(app: App, principal: Principal, document: str, filename: str = "book.yaml") -> PriceBook:
    """A price book as it would be published; nothing is."""
    require_operator(principal)
    found = parse_book(document, filename, known_accelerators(app))
    if isinstance(found, tuple):
        raise Refused(*found)
    if found.currency != app.policy.currency:
        raise Refused(
            Refusal(
                "currency_mismatch",
                f"the book is in {found.currency}, the centre's accounts in {app.policy.currency}",
                f"write the prices in {app.policy.currency}",
                "currency",
            )
        )
    return found


def publish_book(app: App, principal: Principal, document: str, filename: str = "book.yaml") -> PublishedBook:
    """Publish a price book; its hourly items become offers. The same book again changes nothing."""
    found = checked_book(app, principal, document, filename)
    now = app.now()
    book = PublishedBook(
        id=found.id,
        document=document,
        currency=found.currency,
        start=found.start,
        end=found.end,
        published_at=now,
    )
    with app.database.write() as tx:
        if settings.first_time(tx, "price_book", book.id, {"document": document}):
            contracts.add_book(tx, book)
            _declare_meters(tx, found)
            for item in (one for one in found.items if isinstance(one, HourlyItem)):
                offer = offer_of(found, item, now)
                if leases.offer(tx, offer.id) is None:
                    leases.add_offer(tx, offer)
            audit.record(tx, now, principal.token, "publish_price_book", book.id)
        return _published(tx, book.id)


def _declare_meters(tx: Tx, book: PriceBook) -> None:
    """The book's meters are declared with it; one that is known must be the same."""
    for meter in book.meters:
        known = meters.meter(tx, meter.id)
        if known is None:
            meters.add_meter(tx, meter)
        elif known != meter:
            raise Refused(
                Refusal(
                    "meter_differs",
                    f"the meter {meter.id!r} is declared otherwise",
                    "write it as `penstock meter list` shows it, or use another id",
                    "meters",
                )
            )


def _published(tx: Tx, name: str) -> PublishedBook:
    book = contracts.book(tx, name)
    if book is None:
        raise Refused(not_found("price_book", name))
    return book


def list_books(app: App) -> tuple[PublishedBook, ...]:
    """Every price book: prices are public."""
    with app.database.read() as tx:
        return contracts.books(tx)


def show_book(app: App, name: str) -> PublishedBook:
    """One price book."""
    with app.database.read() as tx:
        return _published(tx, name)


def checked_contract(
    app: App, principal: Principal, document: str, filename: str = "contract.yaml"
) -> Contract:
    """A contract as it would be signed; nothing is."""
    require_operator(principal)
    with app.database.read() as tx:
        return _agreed(tx, document, filename)


def _agreed(tx: Tx, document: str, filename: str) -> Contract:
    read = parse_contract(document, filename)
    if not isinstance(read, Read):
        raise Refused(*read)
    agreed = read.value
    published = contracts.book(tx, agreed.book)
    if tenants.tenant(tx, agreed.tenant) is None:
        raise Refused(replace(not_found("tenant", agreed.tenant), where=read.places.of("tenant")))
    if published is None:
        known = [book.id for book in contracts.books(tx)]
        raise Refused(unknown("price_book", agreed.book, known, read.places.of("price_book")))
    refusals = check_contract(agreed, read.places, book_of(published.document))
    if refusals:
        raise Refused(*refusals)
    return agreed


def sign_contract(
    app: App, principal: Principal, document: str, filename: str = "contract.yaml"
) -> SignedContract:
    """Sign a contract with a tenant. The same document again changes nothing."""
    require_operator(principal)
    now = app.now()
    with app.database.write() as tx:
        agreed = _agreed(tx, document, filename)
        name = qualified(agreed.tenant, agreed.id)
        if settings.first_time(tx, "contract", name, {"document": document}):
            signed = SignedContract(
                id=name,
                tenant=agreed.tenant,
                price_book=agreed.book,
                document=document,
                start=agreed.start,
                end=agreed.end,
                signed_at=now,
            )
            _refuse_overlap(tx, signed, now)
            contracts.add_contract(tx, signed)
            audit.record(tx, now, principal.token, "sign_contract", name, agreed.tenant)
        return visible(principal, "contract", name, contracts.contract(tx, name))


def _refuse_overlap(tx: Tx, signed: SignedContract, now: datetime) -> None:
    """A tenant has one contract at a time, so that nothing is discounted or covered twice."""
    for other in contracts.contracts(tx, signed.tenant):
        if other.start < signed.end and signed.start < runs_until(other, now):
            raise Refused(
                Refusal(
                    "contract_overlaps",
                    f"{other.id} runs until {runs_until(other, now).isoformat()}",
                    "change that one, end it, or begin later",
                    "from",
                )
            )


def change_contract(app: App, principal: Principal, name: str, request: NewChange) -> SignedContract:
    """Change how many of an item are agreed from a time on, prorated to the second. Safe to repeat."""
    require_operator(principal)
    name, now = known_as(principal, name), app.now()
    at = now if request.at is None else ensure(check_instant(request.at, "at"))
    with app.database.write() as tx:
        signed = visible(principal, "contract", name, contracts.contract(tx, name))
        if not settings.first_time(tx, "contract_change", f"{name}/{request.id}", request):
            return signed
        change = Change(at=at, item=request.item, quantity=request.quantity, devices=request.devices)
        book = book_of(_published(tx, signed.price_book).document)
        if book.item(change.item) is None:
            raise Refused(unknown("item", change.item, [item.id for item in book.items], "item"))
        refusal = check_change(contract_of(signed, now), change, now)
        if refusal or runs_until(signed, now) <= at:
            raise Refused(
                refusal or Refusal("contract_ended", f"{name} has ended then", "sign another", "at")
            )
        signed = replace(signed, changes=(*signed.changes, change))
        contracts.put_contract(tx, signed)
        audit.record(tx, now, principal.token, "change_contract", name, f"{change.quantity} {change.item}")
        return signed


def terminate_contract(app: App, principal: Principal, name: str, request: NewTermination) -> SignedContract:
    """End a contract early, by its own conditions. Safe to repeat."""
    require_operator(principal)
    name, now = known_as(principal, name), app.now()
    at = now if request.at is None else ensure(check_instant(request.at, "at"))
    with app.database.write() as tx:
        signed = visible(principal, "contract", name, contracts.contract(tx, name))
        if signed.terminated_at is not None:
            if request.at is not None and at != signed.terminated_at:
                raise Refused(
                    Refusal("contract_ended", f"{name} ends at {signed.terminated_at}", "leave it so", "at")
                )
            return signed
        end = contract_of(signed, now).end
        if not max(now, signed.start) <= at < end and not (request.at is None and signed.start <= at < end):
            raise Refused(
                Refusal(
                    "termination_outside", f"{at.isoformat()} is not ahead in it", "choose a time in it", "at"
                )
            )
        signed = replace(signed, terminated_at=at)
        contracts.put_contract(tx, signed)
        audit.record(tx, now, principal.token, "terminate_contract", name, at.isoformat())
        return signed


def list_contracts(app: App, principal: Principal, tenant: str | None = None) -> tuple[SignedContract, ...]:
    """Contracts of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return contracts.contracts(tx, readable_tenant(principal, tenant))


def show_contract(app: App, principal: Principal, name: str) -> SignedContract:
    """One contract."""
    name = known_as(principal, name)
    with app.database.read() as tx:
        return visible(principal, "contract", name, contracts.contract(tx, name))
