"""Money before service: how much to hold, how much is missing, and when a tenant is warned and suspended."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from penstock.base.money import MICROS_PER_FEN, Micros, format_amount
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refusal
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window
from penstock.billing.rate import Terms, accrued
from penstock.lease.tenant import Tenant, TenantState
from penstock.ledger.model import Account


def lease_price(devices: int, window: Window, terms: Terms) -> Micros:
    """The whole price of a lease: what is quoted, what is held, and to the micro what its lines sum to."""
    return accrued(window.duration_us, devices, terms, began_at=window.start, final=True)


def job_price(
    devices: int, terms: Terms, time_limit_s: int | None, horizon: timedelta, share: int = WHOLE
) -> Micros:
    """What an on-demand attempt sets aside before it may start: its price up to its time limit.

    A job without a limit, or with a longer one than `horizon`, sets aside the horizon's price and then
    lives on the available balance.
    """
    limit = horizon if time_limit_s is None else min(timedelta(seconds=time_limit_s), horizon)
    dearest = msgspec.structs.replace(terms, price_micros_per_card_hour=terms.dearest_micros, bands=())
    return accrued(limit // MICROSECOND, devices, dearest, final=True, share=share)


def top_up_need(prepaid: Account, amount_micros: Micros) -> Micros:
    """What must be paid in before an amount can be held, in whole fen; 0 if it can be held now."""
    if prepaid.floor_micros is None:
        return 0
    missing = max(amount_micros - prepaid.available_micros, 0)
    return -(-missing // MICROS_PER_FEN) * MICROS_PER_FEN


def check_cover(prepaid: Account, amount_micros: Micros) -> Refusal | None:
    """Refuses what the balance cannot cover, and says how much is missing."""
    if (need := top_up_need(prepaid, amount_micros)) == 0:
        return None
    return Refusal(
        "insufficient_funds",
        f"{format_amount(amount_micros)} {prepaid.currency} must be set aside,"
        f" {format_amount(prepaid.available_micros)} is available",
        f"top up {format_amount(need)} {prepaid.currency} or more",
        prepaid.id,
        402,
    )


class Burn(msgspec.Struct, frozen=True, kw_only=True):
    """Something that costs money: per hour, with what its hold still has, until it is sure to end.

    `fixed_micros`: what it will cost soon whatever the hours, such as fees of a contract.
    """

    micros_per_hour: Micros = 0
    held_micros: Micros = 0
    fixed_micros: Micros = 0
    ends_at: datetime | None = None


def burn_of(
    devices: int,
    terms: Terms,
    held_micros: Micros = 0,
    ends_at: datetime | None = None,
    share: int = WHOLE,
) -> Burn:
    """The burn of one attempt on demand or lease, rounded up."""
    hourly = -(-devices * share * terms.dearest_micros // WHOLE)
    return Burn(micros_per_hour=hourly, held_micros=held_micros, ends_at=ends_at)


def need_micros(burns: Iterable[Burn], now: datetime, ahead: timedelta) -> Micros:
    """What will fall on the available balance within `ahead`: each burn's cost beyond its own hold."""
    need = 0
    for burn in burns:
        left = ahead if burn.ends_at is None else max(min(ahead, burn.ends_at - now), timedelta(0))
        cost = -(-burn.micros_per_hour * (left // MICROSECOND) // US_PER_HOUR)
        need += max(cost + burn.fixed_micros - burn.held_micros, 0)
    return need


def funds(
    tenant: Tenant,
    prepaid: Account,
    burns: Iterable[Burn],
    now: datetime,
    grace: timedelta,
    owed_micros: Micros = 0,
) -> Tenant:
    """The tenant with the state that its money asks for; the same value if nothing changes.

    Free is the available balance (credit limit included) less what is owed. ACTIVE becomes NOTICE as soon
    as free money does not last through the grace period at the present burn. NOTICE becomes ACTIVE again
    when it does, and SUSPENDED once the grace period has passed and nothing is free. SUSPENDED becomes
    ACTIVE when something is free again, and it lasts.
    """
    free = prepaid.available_micros - owed_micros
    lasts = free >= need_micros(burns, now, grace)
    match tenant.state:
        case TenantState.ACTIVE if not lasts:
            return msgspec.structs.replace(tenant, state=TenantState.NOTICE, notice_at=now)
        case TenantState.NOTICE if lasts:
            return msgspec.structs.replace(tenant, state=TenantState.ACTIVE, notice_at=None)
        case TenantState.NOTICE if (
            free <= 0 and tenant.notice_at is not None and now - tenant.notice_at >= grace
        ):
            return msgspec.structs.replace(tenant, state=TenantState.SUSPENDED)
        case TenantState.SUSPENDED if lasts and free > 0:
            return msgspec.structs.replace(tenant, state=TenantState.ACTIVE, notice_at=None)
    return tenant
