"""Payments, balances, usage and the ledger as people ask for them."""

from datetime import datetime

import msgspec

from penstock.app import asking, books
from penstock.app.access import readable_tenant, require, require_audit, require_operator
from penstock.app.context import App
from penstock.base.ids import check_id
from penstock.base.money import AMOUNT_MAX_MICROS, Micros
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.billing.payment import clear, owed, top_up
from penstock.lease.tenant import Principal, Scope, Tenant, TenantState
from penstock.ledger.beancount import export
from penstock.ledger.chart import MANUAL, PREPAID, RECEIVABLE, tenant_account
from penstock.ledger.entry import reversal
from penstock.ledger.model import Account, Transfer
from penstock.store import audit, billing, ledger, tenants
from penstock.store.database import Tx

TRANSFERS_MAX = 10_000


class NewPayment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money that came in. `id` is the payer's reference: the same payment is booked once."""

    id: str
    amount_micros: Micros
    note: str = ""


class NewRefund(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A payment to give back: its id, how much of it (None: all), and why."""

    id: str
    payment: str
    amount_micros: Micros | None = None
    reason: str = ""


class NewTransfer(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One entry of an operator: `amount_micros` from `debit` to `credit`."""

    id: str
    debit: str
    credit: str
    amount_micros: Micros
    currency: str = "CNY"
    note: str = ""


class NewTransfers(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Entries to post; `linked`: all take effect, or none."""

    transfers: tuple[NewTransfer, ...]
    linked: bool = False


class RefusedTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """Which entry was refused (its place, from 0), and why."""

    index: int
    id: str
    refusal: Refusal


class PostedTransfers(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the entries."""

    posted: int
    duplicates: int
    refused: tuple[RefusedTransfer, ...]


class Balance(msgspec.Struct, frozen=True, kw_only=True):
    """What a tenant has, what is set aside, what can be spent (credit included), and what is owed."""

    tenant: str
    balance_micros: Micros
    held_micros: Micros
    available_micros: Micros
    owed_micros: Micros
    credit_limit_micros: Micros
    currency: str
    state: TenantState


def pay(app: App, principal: Principal, tenant: str, request: NewPayment) -> Transfer:
    """Book a payment into the prepaid balance; what is owed is paid from it at once. Safe to repeat."""
    require_operator(principal)
    if not 0 < request.amount_micros <= AMOUNT_MAX_MICROS:
        raise Refused(
            invalid(
                "amount_absurd",
                f"{request.amount_micros} micros cannot be paid",
                "give a positive amount, up to a trillion units",
                "amount_micros",
            )
        )
    asking.text(request.note, "note")
    name = f"payment/{tenant}/{ensure(check_id(request.id))}"
    now = app.now()
    with app.database.write() as tx:
        row = _tenant(tx, tenant)
        payment = top_up(name, tenant, request.amount_micros, row.currency, now, request.note)
        known = ledger.transfer(tx, name)
        books.book(tx, [payment], now)
        if known is None:
            settle_debt(tx, tenant, name, now)
            audit.record(tx, now, principal.token, "pay", tenant, f"{request.amount_micros} micros")
        return known or payment


def refund(app: App, principal: Principal, tenant: str, request: NewRefund) -> Transfer:
    """Pay back a payment, in whole or in part, as far as the balance allows: its reversal. Safe to repeat."""
    require_operator(principal)
    asking.text(request.reason, "reason")
    name = f"refund/{tenant}/{ensure(check_id(request.id))}"
    now = app.now()
    with app.database.write() as tx:
        _tenant(tx, tenant)
        paid = f"payment/{tenant}/{request.payment.rpartition('/')[2]}"
        original = ledger.transfer(tx, paid)
        if original is None:
            raise Refused(not_found("payment", request.payment))
        known = ledger.transfer(tx, name)
        back = reversal(original, name, now, request.amount_micros)
        books.book(tx, [back], now)
        if known is None:
            audit.record(tx, now, principal.token, "refund", tenant, f"{paid}: {request.reason}")
        return known or back


def post_transfers(app: App, principal: Principal, request: NewTransfers) -> PostedTransfers:
    """Post an operator's own entries, each for itself or all linked; one status each. Safe to repeat.

    They may move money between any two accounts, within the ledger's rules, and are of kind `manual`.
    """
    require_operator(principal)
    if len(request.transfers) > TRANSFERS_MAX:
        raise Refused(
            invalid(
                "batch_too_large",
                f"{len(request.transfers):,} transfers",
                f"post at most {TRANSFERS_MAX:,} at once",
                "transfers",
            )
        )
    now = app.now()
    entries = [
        Transfer(
            id=f"manual/{ensure(check_id(one.id, f'transfers.{index}.id'))}",
            debit=one.debit,
            credit=one.credit,
            amount_micros=one.amount_micros,
            currency=one.currency,
            at=now,
            kind=MANUAL,
            key=asking.text(one.note, f"transfers.{index}.note"),
        )
        for index, one in enumerate(request.transfers)
    ]
    with app.database.write() as tx:
        outcome = ledger.post(tx, entries, now, linked=request.linked)
        posted = outcome.statuses.count("ok")
        if posted:
            audit.record(tx, now, principal.token, "post_transfers", f"{posted} transfers")
    refused = [
        RefusedTransfer(index=index, id=one.id, refusal=status)
        for index, (one, status) in enumerate(zip(request.transfers, outcome.statuses, strict=True))
        if isinstance(status, Refusal)
    ]
    return PostedTransfers(
        posted=posted, duplicates=outcome.statuses.count("duplicate"), refused=tuple(refused)
    )


def settle_debt(tx: Tx, tenant: str, cause: str, now: datetime) -> None:
    """Pay what a tenant owes from what it has, as far as that goes."""
    prepaid, receivable = _accounts(tx, tenant)
    transfer = clear(prepaid, receivable, cause, now)
    if transfer is not None:
        books.book(tx, [transfer], now)


def balance(app: App, principal: Principal, tenant: str) -> Balance:
    """A tenant's money."""
    require(principal, Scope.READ, tenant)
    with app.database.read() as tx:
        return _balance(_tenant(tx, tenant), *_accounts(tx, tenant))


def balances(tx: Tx) -> tuple[Balance, ...]:
    """The money of every tenant, by name."""
    opened = {account.id: account for account in ledger.accounts(tx, "tenant/")}

    def account(row: Tenant, kind: str) -> Account:
        name = tenant_account(row.id, kind)
        blank = Account(id=name, currency=row.currency, created_at=row.created_at)
        return opened.get(name, blank)

    return tuple(
        _balance(row, account(row, PREPAID), account(row, RECEIVABLE)) for row in tenants.tenants(tx)
    )


def _balance(row: Tenant, prepaid: Account, receivable: Account) -> Balance:
    return Balance(
        tenant=row.id,
        balance_micros=prepaid.balance_micros,
        held_micros=prepaid.held_micros,
        available_micros=prepaid.available_micros,
        owed_micros=owed(receivable),
        credit_limit_micros=row.credit_limit_micros,
        currency=row.currency,
        state=row.state,
    )


def list_usage(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> tuple[UsageEvent, ...]:
    """What was observed, of one tenant or for staff of all."""
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    with app.database.read() as tx:
        return billing.usage(tx, readable_tenant(principal, tenant), start, end)


def list_charges(
    app: App, principal: Principal, tenant: str | None, start: datetime | None, end: datetime | None
) -> tuple[ChargeLine, ...]:
    """What it cost, of one tenant or for staff of all."""
    start, end = asking.instant(start, "start"), asking.instant(end, "end")
    with app.database.read() as tx:
        return billing.lines(tx, readable_tenant(principal, tenant), start, end)


def list_accounts(app: App, principal: Principal, tenant: str | None) -> tuple[Account, ...]:
    """A tenant's accounts, or for staff all of them."""
    owner = readable_tenant(principal, tenant)
    with app.database.read() as tx:
        return ledger.accounts(tx, "" if owner is None else f"tenant/{owner}/")


def list_transfers(app: App, principal: Principal, account: str) -> tuple[Transfer, ...]:
    """The transfers of one account; a tenant sees its own accounts only."""
    require_account(principal, account)
    with app.database.read() as tx:
        if ledger.account(tx, account) is None:
            raise Refused(not_found("account", account))
        return ledger.transfers(tx, account)


def require_account(principal: Principal, account: str) -> None:
    """A tenant's account may be read by itself, any other by who audits."""
    owner, _, rest = account.partition("/")
    if owner == "tenant":
        require(principal, Scope.READ, rest.partition("/")[0])
    else:
        require_audit(principal)


def export_beancount(app: App, principal: Principal) -> str:
    """The whole ledger in beancount's language, for a second opinion."""
    require_audit(principal)
    with app.database.read() as tx:
        return export(ledger.accounts(tx), ledger.transfers(tx))


def _tenant(tx: Tx, name: str) -> Tenant:
    row = tenants.tenant(tx, name)
    if row is None:
        raise Refused(not_found("tenant", name))
    return row


def tenant_accounts_of(tx: Tx, name: str) -> tuple[Tenant, Account, Account]:
    """A tenant with its prepaid and receivable accounts."""
    return (_tenant(tx, name), *_accounts(tx, name))


def _accounts(tx: Tx, tenant: str) -> tuple[Account, Account]:
    prepaid = ledger.account(tx, tenant_account(tenant, PREPAID))
    receivable = ledger.account(tx, tenant_account(tenant, RECEIVABLE))
    assert prepaid is not None, "a tenant has its accounts"
    assert receivable is not None, "a tenant has its accounts"
    return prepaid, receivable
