"""What was charged for a window, by whom and for which devices: by the card-hour, by contract, and shared."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache

import msgspec

from penstock.app.accrual import book_in_force
from penstock.base.money import Micros, round_half_up
from penstock.base.window import EPOCH, Window
from penstock.billing.model import ChargeLine
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.signed import book_of, contract_of
from penstock.billing.pricing.tax import net_share
from penstock.insight.earned import Charged, charged_within
from penstock.ledger.chart import REVENUE_SHARE, SHARES, centre_account
from penstock.store import billing, contracts, jobs, leases, ledger
from penstock.store import charged as sums
from penstock.store.database import Tx
from penstock.store.tables import ChargeHour

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
    @cache
    def book(tenant: str, year: int, month: int) -> PriceBook | None:
        first = window.start.replace(year=year, month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
        after = (first + _MONTH).replace(day=1)
        return book_in_force(tx, tenant, Window(first, after))

    def share(tenant: str, at: datetime) -> Fraction:
        taxed = book(tenant, at.year, at.month)
        return Fraction(1) if taxed is None else net_share(taxed, HOURLY, at)

    if not located and not (window.start - EPOCH) % sums.HOUR and not (window.end - EPOCH) % sums.HOUR:
        hours = sums.hours(tx, window, currency)
        if all(share(one.tenant, one.start) == 1 for one in hours):
            yield from _by_sums(tx, hours, window, currency)
            return
    yield from _by_lines(tx, window, currency, share, located=located)


def _by_sums(tx: Tx, hours: Sequence[ChargeHour], window: Window, currency: str) -> Iterator[Charged]:
    """The hours of a window whose prices hold no tax, with what the lines that reach over its ends have within."""
    for one in hours:
        yield Charged(
            tenant=one.tenant,
            model=one.model,
            start=one.start,
            end=one.start + sums.HOUR,
            amount_micros=one.amount_micros,
        )
    for line in billing.lines_across(tx, window.start, currency):
        if line.end <= window.end:  # counted whole in the hour of its end
            outside = line.amount_micros - charged_within(_whole(line), window)
            yield Charged(
                tenant=line.tenant,
                model=line.model,
                start=window.start,
                end=window.start,
                amount_micros=-outside,
            )
    for line in billing.lines_across(tx, window.end, currency):
        yield _whole(line)


def _whole(line: ChargeLine) -> Charged:
    return Charged(
        tenant=line.tenant,
        model=line.model,
        start=line.start,
        end=line.end,
        amount_micros=line.amount_micros,
    )


def _by_lines(
    tx: Tx, window: Window, currency: str, share: Callable[[str, datetime], Fraction], *, located: bool
) -> Iterator[Charged]:
    lines = [one for one in billing.lines(tx, start=window.start, end=window.end) if one.currency == currency]
    subjects = {one.subject for one in lines} if located else set[str]()
    held = {name: one.devices for name, one in jobs.attempts_by_ids(tx, subjects).items()}
    held |= {name: one.devices for name, one in leases.by_ids(tx, subjects).items()}

    for one in lines:
        yield msgspec.structs.replace(
            _whole(one),
            devices=held.get(one.subject, ()),
            amount_micros=_net(share(one.tenant, one.start), one.amount_micros),
        )


def _net(share: Fraction, amount: Micros) -> Micros:
    """Without the tax that is inside its price, to the nearest micro."""
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
            amount_micros=_net(net_share(book, one.mode, one.start), one.amount_micros),
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
