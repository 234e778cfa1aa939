"""What was charged for a window, by whom and for which devices: by the card-hour, by contract, and shared."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache

from penstock.app.accrual import book_in_force
from penstock.base.money import Micros, round_half_up
from penstock.base.window import Window
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.signed import book_of, contract_of
from penstock.billing.pricing.tax import net_share
from penstock.insight.earned import Charged
from penstock.ledger.chart import REVENUE_SHARE, SHARES, centre_account
from penstock.store import billing, contracts, jobs, leases, ledger
from penstock.store.database import Tx

HOURLY = "hourly"
_MONTH = timedelta(days=31)


def charged(tx: Tx, window: Window, currency: str, *, located: bool) -> Iterator[Charged]:
    """Every charge that touches the window, without the tax inside its price, and what of it others get.

    `located`: with the devices of each attempt and lease, which only accounts by their place need.
    """
    yield from _by_card_hour(tx, window, currency, located=located)
    yield from _by_contract(tx, window, currency)
    yield from _shares(tx, window, currency)


def _by_card_hour(tx: Tx, window: Window, currency: str, *, located: bool) -> Iterator[Charged]:
    lines = [one for one in billing.lines(tx, start=window.start, end=window.end) if one.currency == currency]
    subjects = {one.subject for one in lines} if located else set[str]()
    held = {name: one.devices for name, one in jobs.attempts_by_ids(tx, subjects).items()}
    held |= {name: one.devices for name, one in leases.by_ids(tx, subjects).items()}

    @cache
    def book(tenant: str, year: int, month: int) -> PriceBook | None:
        first = window.start.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
        after = (first + _MONTH).replace(day=1)
        return book_in_force(tx, tenant, Window(first, after))

    for one in lines:
        taxed = book(one.tenant, one.start.year, one.start.month)
        yield Charged(
            tenant=one.tenant,
            model=one.model,
            devices=held.get(one.subject, ()),
            start=one.start,
            end=one.end,
            amount_micros=_net(taxed, HOURLY, one.start, one.amount_micros),
        )


def _net(book: PriceBook | None, mode: str, at: datetime, amount: Micros) -> Micros:
    """Without the tax that the book has inside its prices, to the nearest micro."""
    if book is None:
        return amount
    share = net_share(book, mode, at)
    return round_half_up(amount * share.numerator, share.denominator)


def _by_contract(tx: Tx, window: Window, currency: str) -> Iterator[Charged]:
    lines = [one for one in contracts.lines_in(tx, window) if one.currency == currency]
    books = {one.id: book_of(one.document) for one in contracts.books(tx)} if lines else {}
    signed = {one.id: one for one in contracts.contracts(tx)} if lines else {}
    for one in lines:
        agreed = contract_of(signed[one.contract], window.end)
        named = (item.devices for item in agreed.items if item.item == one.item)
        book = books[signed[one.contract].price_book]
        yield Charged(
            tenant=one.tenant,
            devices=tuple(dict.fromkeys(device for devices in named for device in devices)),
            start=one.start,
            end=one.end,
            amount_micros=_net(book, one.mode, one.start, one.amount_micros),
        )


def _shares(tx: Tx, window: Window, currency: str) -> Iterator[Charged]:
    """The parties' shares, when they were booked; a share that went back counts against it."""
    parties = {centre_account(name, currency) for name in SHARES.values()}
    tenants = {one.id: one.tenant for one in contracts.contracts(tx)}
    for one in ledger.transfers_of_kind(tx, REVENUE_SHARE, window):
        if one.debit in parties or one.credit in parties:
            contract = one.key.split("/")[1]
            yield Charged(
                tenant=tenants[contract],
                start=one.at,
                end=one.at,
                amount_micros=one.amount_micros if one.credit in parties else -one.amount_micros,
                line="revenue_share",
            )
