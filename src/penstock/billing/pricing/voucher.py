"""Compute vouchers (算力券): how much of a contract a programme pays, and its cap per company and year.

The rule's form is that of Hangzhou's: a share of the contract by class of chip (30 % on domestic compute,
20 % on other), and so much per company and year.
"""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.money import MICROS_PER_FEN, MICROS_PER_UNIT, Micros, format_amount
from penstock.base.refusal import Refusal


class ChipClass(msgspec.Struct, frozen=True, kw_only=True):
    """Chips of these vendors (none named: all others), and the share of a contract that is paid for them."""

    id: str
    share: Fraction
    vendors: tuple[str, ...] = ()


class Programme(msgspec.Struct, frozen=True, kw_only=True):
    """Who issues vouchers, over which time, for which chips, and up to how much per company and calendar year."""

    id: str = msgspec.field(name="programme")
    issuer: str
    currency: str
    start: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="until")
    classes: tuple[ChipClass, ...]
    yearly_cap: Fraction
    zone: str = "Asia/Shanghai"


class Voucher(msgspec.Struct, frozen=True, kw_only=True):
    """What a programme grants a tenant for one contract; `used_micros` is what invoices have taken of it."""

    id: str
    programme: str
    tenant: str
    contract: str
    chip_class: str
    amount_micros: Micros
    granted_at: datetime
    currency: str = "CNY"
    used_micros: Micros = 0

    @property
    def left_micros(self) -> Micros:
        """What can still be taken."""
        return self.amount_micros - self.used_micros


def class_of(programme: Programme, vendor: str) -> ChipClass | None:
    """The class of a vendor's chips; the one without vendors takes what no other names."""
    wanted = vendor.casefold()
    named = [one for one in programme.classes if wanted in (name.casefold() for name in one.vendors)]
    others = [one for one in programme.classes if not one.vendors]
    return next(iter([*named, *others]), None)


def grant_micros(
    programme: Programme,
    chip_class: ChipClass,
    contract_micros: Micros,
    earlier: Iterable[Voucher],
    at: datetime,
) -> Micros | Refusal:
    """What may be granted now, in whole fen: the class's share of the contract, within what is left of the year.

    `earlier`: the company's vouchers of this programme.
    """
    if not programme.start <= at < programme.end:
        return Refusal("programme_closed", f"{programme.id} does not run then", "choose another", "programme")
    zone = ZoneInfo(programme.zone)
    year = at.astimezone(zone).year
    claimed = sum(one.amount_micros for one in earlier if one.granted_at.astimezone(zone).year == year)
    cap = int(programme.yearly_cap * MICROS_PER_UNIT)
    share = int(contract_micros * chip_class.share) // MICROS_PER_FEN * MICROS_PER_FEN
    amount = min(share, cap - claimed)
    if amount <= 0:
        return Refusal(
            "voucher_cap_reached",
            f"{format_amount(claimed)} of {format_amount(cap)} {programme.currency} of {year} is claimed",
            "ask again next year",
            "programme",
        )
    return amount


def redeemable(vouchers: Iterable[Voucher], gross_micros: Micros) -> tuple[tuple[Voucher, Micros], ...]:
    """What each voucher pays of an invoice, the oldest first, all together at most the invoice."""
    left, found = gross_micros, []
    for voucher in sorted(vouchers, key=lambda one: (one.granted_at, one.id)):
        amount = min(voucher.left_micros, left)
        if amount > 0:
            found.append((voucher, amount))
            left -= amount
    return tuple(found)
