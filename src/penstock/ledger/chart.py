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
REVENUE_COMPUTE, REVENUE_USAGE, REVENUE_PACKAGE = "revenue/compute", "revenue/usage", "revenue/package"
DEFERRED, VAT, SLA_CREDITS, VOUCHER_RECEIVABLE = "deferred", "vat", "sla_credits", "voucher_receivable"
OWNER_SHARE, BROKER_SHARE, SUBSIDIES = "share/owner", "share/broker", "subsidies"
REVENUE = {
    "hourly": REVENUE_HOURLY,
    "compute": REVENUE_COMPUTE,
    "usage": REVENUE_USAGE,
    "package": REVENUE_PACKAGE,
}
"""The revenue account of each of the four modes."""
SHARES = {"owner": OWNER_SHARE, "broker": BROKER_SHARE}

TENANT_KINDS: dict[str, Kind] = {
    PREPAID: Kind("liability", "money of a tenant that the centre keeps; below zero within the credit limit"),
    RECEIVABLE: Kind("asset", "what a tenant owes for service past its balance and credit limit"),
}
CENTRE_KINDS: dict[str, Kind] = {
    CASH: Kind("asset", "money received, less money paid out"),
    REVENUE_HOURLY: Kind("income", "charges per card-hour, less credit notes"),
    REVENUE_COMPUTE: Kind("income", "charges by compute scale, less credit notes"),
    REVENUE_USAGE: Kind("income", "charges by usage, less credit notes"),
    REVENUE_PACKAGE: Kind("income", "packages as they are earned, minimums, true-ups, less credit notes"),
    DEFERRED: Kind("liability", "paid or owed for packages and not earned yet"),
    VAT: Kind("liability", "tax on what was invoiced"),
    SLA_CREDITS: Kind("income", "given back for availability below what was promised"),
    VOUCHER_RECEIVABLE: Kind("asset", "what issuers of vouchers owe for the invoices that vouchers paid"),
    SUBSIDIES: Kind("income", "public money for running the centre, as an operator enters it"),
    OWNER_SHARE: Kind("liability", "the centre owner's share of revenue, not paid out yet"),
    BROKER_SHARE: Kind("liability", "the broker's share of revenue, not paid out yet"),
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
GIVEN_BACK, RECOGNITION, REVENUE_SHARE, TAX, CREDIT_SPLIT, VOUCHER, VOUCHER_PAID, SHARE_PAID = (
    "given_back",
    "recognition",
    "revenue_share",
    "tax",
    "credit_split",
    "voucher",
    "voucher_paid",
    "share_paid",
)
TRANSFER_KINDS: dict[str, str] = {
    TOP_UP: "a payment into the prepaid balance: cash -> prepaid",
    CHARGE: "a rated line: prepaid (captured from a hold, or available) or receivable -> revenue",
    CLEARING: "what is owed, paid from the balance: prepaid -> receivable",
    INVOICE_ROUNDING: "an invoice's fen: between prepaid or receivable and rounding, either way",
    CREDIT_NOTE: "part of an invoice given back: revenue -> prepaid",
    MANUAL: "an operator's own entry, between any two accounts",
    GIVEN_BACK: "a line below zero: revenue, deferred or sla_credits -> prepaid",
    RECOGNITION: "a package's fee as it is earned: deferred -> revenue/package, back where it is refunded",
    REVENUE_SHARE: "an owner's or broker's part of what was earned: revenue <-> share",
    TAX: "an invoice's tax: prepaid or receivable, or where it is inside the price revenue, -> vat",
    CREDIT_SPLIT: "a credit note's other modes and its tax: revenue or vat -> revenue",
    VOUCHER: "what a voucher pays of an invoice: voucher_receivable -> prepaid",
    VOUCHER_PAID: "an issuer pays for vouchers: cash -> voucher_receivable",
    SHARE_PAID: "a share is paid out: share -> cash",
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
