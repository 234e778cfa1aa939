"""Published books, signed contracts and voucher programmes as they are kept: the document, and what happened since."""

from datetime import datetime
from functools import lru_cache

import msgspec

from penstock.base.money import Micros
from penstock.billing.pricing.agreement import parse_contract, parse_programme
from penstock.billing.pricing.amend import amended, renewed
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.contract import Change, Contract
from penstock.billing.pricing.reading import Read
from penstock.billing.pricing.voucher import Programme

replace = msgspec.structs.replace


class PublishedBook(msgspec.Struct, frozen=True, kw_only=True):
    """A price book as it was published; it never changes."""

    id: str
    document: str
    currency: str
    start: datetime
    published_at: datetime
    end: datetime | None = None


class SignedContract(msgspec.Struct, frozen=True, kw_only=True):
    """A contract as it was signed, its changes since, and until when it has been charged."""

    id: str
    tenant: str
    price_book: str
    document: str
    start: datetime
    end: datetime
    signed_at: datetime
    changes: tuple[Change, ...] = ()
    terminated_at: datetime | None = None
    accrued_until: datetime | None = None
    ahead_micros: Micros | None = None
    """What it will come to soon after that without any use; None once it is over or before it was charged."""


class PublishedProgramme(msgspec.Struct, frozen=True, kw_only=True):
    """A voucher programme as it was published."""

    id: str
    document: str
    issuer: str
    published_at: datetime


@lru_cache(maxsize=256)
def book_of(document: str) -> PriceBook:
    """The book of a document that was checked when it was published."""
    found = parse_book(document, "book")
    assert isinstance(found, PriceBook), "a published book was checked"
    return found


@lru_cache(maxsize=4096)
def _contract_of(document: str) -> Contract:
    found = parse_contract(document, "contract")
    assert isinstance(found, Read), "a signed contract was checked"
    return found.value


@lru_cache(maxsize=64)
def programme_of(document: str) -> Programme:
    """The programme of a document that was checked when it was published."""
    found = parse_programme(document, "programme")
    assert isinstance(found, Programme), "a published programme was checked"
    return found


def contract_of(signed: SignedContract, now: datetime) -> Contract:
    """The contract as it stands: with its changes, and renewed as often as has come due by now."""
    plain = replace(_contract_of(signed.document), id=signed.id, tenant=signed.tenant)
    standing = plain if signed.terminated_at is not None else renewed(plain, now)
    return amended(standing, signed.changes)


def runs_until(signed: SignedContract, now: datetime) -> datetime:
    """When the contract ends, as far as is known now."""
    end = contract_of(signed, now).end
    return end if signed.terminated_at is None else min(end, signed.terminated_at)
