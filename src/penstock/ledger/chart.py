"""The chart of accounts: which accounts there are, what each means, how their ids are made.

A balance is credits less debits. So what the centre owes (prepaid money) and what it has earned are
positive, and what it owns (cash, receivables) is negative; all of one currency sum to zero.
"""

from datetime import datetime
from typing import Literal

import msgspec

from penstock.base.money import Micros, format_amount
from penstock.base.refusal import Refusal
from penstock.ledger.model import Account

type Nature = Literal["asset", "liability", "income", "equity"]

BASE_CURRENCY = "CNY"


class Kind(msgspec.Struct, frozen=True):
    """One kind of account: its class in a balance sheet and what it means."""

    nature: Nature
    meaning: str


PREPAID, RECEIVABLE = "prepaid", "receivable"
CASH, REVENUE_HOURLY, ROUNDING = "cash", "revenue/hourly", "rounding"

TENANT_KINDS: dict[str, Kind] = {
    PREPAID: Kind("liability", "money of a tenant that the centre keeps; below zero within the credit limit"),
    RECEIVABLE: Kind("asset", "what a tenant owes for service past its balance and credit limit"),
}
CENTRE_KINDS: dict[str, Kind] = {
    CASH: Kind("asset", "money received, less money paid out"),
    REVENUE_HOURLY: Kind("income", "charges per card-hour, less credit notes"),
    ROUNDING: Kind("income", "what rounding invoice lines to fen left over"),
}

TOP_UP, CHARGE, CLEARING, INVOICE_ROUNDING, CREDIT_NOTE = (
    "top_up",
    "charge",
    "clearing",
    "invoice_rounding",
    "credit_note",
)
MANUAL = "manual"
TRANSFER_KINDS: dict[str, str] = {
    TOP_UP: "a payment into the prepaid balance: cash -> prepaid",
    CHARGE: "a rated line: prepaid (captured from a hold, or available) or receivable -> revenue",
    CLEARING: "what is owed, paid from the balance: prepaid -> receivable",
    INVOICE_ROUNDING: "an invoice's fen: between prepaid or receivable and rounding, either way",
    CREDIT_NOTE: "part of an invoice given back: revenue -> prepaid",
    MANUAL: "an operator's own entry, between any two accounts",
}
"""A reversal's kind is that of its original with `_reversal` appended."""


def tenant_account(tenant: str, name: str) -> str:
    """The id of a tenant's account, such as `tenant/acme/prepaid`."""
    assert name in TENANT_KINDS, name
    return f"tenant/{tenant}/{name}"


def centre_account(name: str, currency: str = BASE_CURRENCY) -> str:
    """The id of the centre's account, such as `centre/cash`; other currencies append theirs: `centre/cash/usd`."""
    assert name in CENTRE_KINDS, name
    suffix = "" if currency == BASE_CURRENCY else f"/{currency.lower()}"
    return f"centre/{name}{suffix}"


def kind_of(account: Account) -> Kind:
    """What an account is, from its id."""
    owner, _, path = account.id.partition("/")
    if owner == "tenant":
        return TENANT_KINDS[path.partition("/")[2]]
    return CENTRE_KINDS[path.removesuffix(f"/{account.currency.lower()}")]


def tenant_accounts(
    tenant: str, currency: str, credit_limit_micros: Micros, created_at: datetime
) -> tuple[Account, Account]:
    """A tenant's prepaid account, which may fall to minus its credit limit, and its receivable."""
    assert credit_limit_micros >= 0
    return (
        Account(
            id=tenant_account(tenant, PREPAID),
            currency=currency,
            created_at=created_at,
            floor_micros=-credit_limit_micros,
        ),
        Account(id=tenant_account(tenant, RECEIVABLE), currency=currency, created_at=created_at),
    )


def centre_accounts(currency: str, created_at: datetime) -> tuple[Account, ...]:
    """The centre's own accounts in one currency; none has a limit."""
    return tuple(
        Account(id=centre_account(name, currency), currency=currency, created_at=created_at)
        for name in CENTRE_KINDS
    )


def with_credit_limit(prepaid: Account, credit_limit_micros: Micros) -> Account | Refusal:
    """The prepaid account under another credit limit; not below what is already used or held."""
    assert credit_limit_micros >= 0
    used = max(prepaid.held_micros - prepaid.balance_micros, 0)
    if credit_limit_micros < used:
        return Refusal(
            "credit_in_use",
            f"{format_amount(used)} {prepaid.currency} of the credit is used or held",
            "set a higher limit, or wait until it is paid",
            "credit_limit_micros",
        )
    return msgspec.structs.replace(prepaid, floor_micros=-credit_limit_micros)
