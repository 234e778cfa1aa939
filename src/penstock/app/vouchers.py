"""Compute vouchers: programmes are published, vouchers granted within their rules, issuers' payments recorded."""

import msgspec

from penstock.app import books
from penstock.app.access import known_as, qualified, readable_tenant, require_operator, visible
from penstock.app.catalogue import known_accelerators
from penstock.app.context import App
from penstock.base.ids import check_id, derived_id
from penstock.base.money import AMOUNT_MAX_MICROS, Micros
from penstock.base.refusal import Refusal, Refused, ensure, invalid, not_found
from penstock.billing.pricing.agreement import parse_programme
from penstock.billing.pricing.check import unknown
from penstock.billing.pricing.signed import PublishedProgramme, programme_of
from penstock.billing.pricing.voucher import Voucher, class_of, grant_micros
from penstock.lease.tenant import Principal
from penstock.ledger.chart import CASH, VOUCHER_PAID, VOUCHER_RECEIVABLE, centre_account
from penstock.ledger.model import Transfer
from penstock.store import audit, contracts, ledger, settings
from penstock.store.database import Tx


class NewVoucher(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to grant on: a contract of so much on chips of one model, under a programme."""

    id: str
    programme: str
    contract: str
    model: str
    contract_micros: Micros


class NewIssuerPayment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money from an issuer of vouchers; `id` is its reference: the same payment is booked once."""

    id: str
    amount_micros: Micros


def publish_programme(
    app: App, principal: Principal, document: str, filename: str = "programme.yaml"
) -> PublishedProgramme:
    """Publish a voucher programme. The same document again changes nothing."""
    require_operator(principal)
    found = parse_programme(document, filename)
    if isinstance(found, tuple):
        raise Refused(*found)
    if found.currency != app.policy.currency:
        raise Refused(
            Refusal(
                "currency_mismatch", f"it pays in {found.currency}", f"use {app.policy.currency}", "currency"
            )
        )
    now = app.now()
    programme = PublishedProgramme(id=found.id, document=document, issuer=found.issuer, published_at=now)
    with app.database.write() as tx:
        if settings.first_time(tx, "voucher_programme", programme.id, {"document": document}):
            contracts.add_programme(tx, programme)
            audit.record(tx, now, principal.token, "publish_voucher_programme", programme.id)
        return _programme(tx, programme.id)


def _programme(tx: Tx, name: str) -> PublishedProgramme:
    programme = contracts.programme(tx, name)
    if programme is None:
        known = [one.id for one in contracts.programmes(tx)]
        raise Refused(unknown("voucher_programme", name, known, "programme"))
    return programme


def grant_voucher(app: App, principal: Principal, request: NewVoucher) -> Voucher:
    """Grant what the programme allows now: its share of the contract, within the company's yearly cap."""
    require_operator(principal)
    if not 0 < request.contract_micros <= AMOUNT_MAX_MICROS:
        raise Refused(
            invalid("amount_absurd", "no contract is of that", "give its amount", "contract_micros")
        )
    chips = known_accelerators(app)
    accelerator = chips.get(request.model)
    if accelerator is None:
        raise Refused(unknown("model", request.model, chips, "model"))
    now = app.now()
    with app.database.write() as tx:
        signed = contracts.contract(tx, known_as(principal, request.contract))
        if signed is None:
            raise Refused(not_found("contract", request.contract))
        name = qualified(signed.tenant, request.id)
        if not settings.first_time(tx, "voucher", name, request):
            return visible(principal, "voucher", name, contracts.voucher(tx, name))
        programme = programme_of(_programme(tx, request.programme).document)
        chip_class = class_of(programme, accelerator.vendor)
        if chip_class is None:
            raise Refused(
                Refusal(
                    "chip_not_covered", f"{programme.id} pays nothing for {request.model}", "choose another"
                )
            )
        earlier = [v for v in contracts.vouchers(tx, signed.tenant) if v.programme == programme.id]
        amount = ensure(grant_micros(programme, chip_class, request.contract_micros, earlier, now))
        voucher = Voucher(
            id=name,
            programme=programme.id,
            tenant=signed.tenant,
            contract=signed.id,
            chip_class=chip_class.id,
            amount_micros=amount,
            granted_at=now,
            currency=programme.currency,
        )
        contracts.add_voucher(tx, voucher)
        audit.record(tx, now, principal.token, "grant_voucher", name, f"{amount} micros")
        return voucher


def list_vouchers(app: App, principal: Principal, tenant: str | None = None) -> tuple[Voucher, ...]:
    """Vouchers of one tenant, or for staff of all."""
    with app.database.read() as tx:
        return contracts.vouchers(tx, readable_tenant(principal, tenant))


def list_programmes(app: App) -> tuple[PublishedProgramme, ...]:
    """Every voucher programme: they are public."""
    with app.database.read() as tx:
        return contracts.programmes(tx)


def issuer_paid(app: App, principal: Principal, request: NewIssuerPayment) -> Transfer:
    """Record that an issuer paid for vouchers. Safe to repeat."""
    require_operator(principal)
    currency, now = app.policy.currency, app.now()
    if not 0 < request.amount_micros <= AMOUNT_MAX_MICROS:
        raise Refused(
            invalid("amount_absurd", "that cannot be paid", "give a positive amount", "amount_micros")
        )
    transfer = Transfer(
        id=derived_id(VOUCHER_PAID, ensure(check_id(request.id))),
        debit=centre_account(CASH, currency),
        credit=centre_account(VOUCHER_RECEIVABLE, currency),
        amount_micros=request.amount_micros,
        currency=currency,
        at=now,
        kind=VOUCHER_PAID,
        key=request.id,
    )
    with app.database.write() as tx:
        known = ledger.transfer(tx, transfer.id)
        books.book(tx, [transfer], now)
        if known is None:
            audit.record(
                tx, now, principal.token, "issuer_paid", request.id, f"{request.amount_micros} micros"
            )
        return known or transfer
