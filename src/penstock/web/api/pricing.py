"""Endpoints of price books, contracts, vouchers, and comparisons of what things cost."""

from datetime import datetime

from litestar import Router, get, post
from litestar.params import FromPath, FromQuery, JSONBody, RawBody

from penstock.app import accrual, comparing, contracts, vouchers
from penstock.billing.pricing.compare import Comparison
from penstock.billing.pricing.shown import Statement
from penstock.billing.pricing.signed import PublishedBook, PublishedProgramme, SignedContract
from penstock.billing.pricing.simulate import DifferenceDocument
from penstock.billing.pricing.voucher import Voucher
from penstock.ledger.model import Transfer
from penstock.web.edge import Page, text_of
from penstock.web.given import GivenApp, GivenPrincipal


@get("/price-books", sync_to_thread=True)
def list_books(centre: GivenApp, principal: GivenPrincipal) -> Page[PublishedBook]:  # noqa: ARG001
    """Every price book."""
    return Page(contracts.list_books(centre))


@post("/price-books", sync_to_thread=True)
def publish_book(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str] = "book.yaml"
) -> PublishedBook:
    """Publish a price book from YAML or JSON."""
    return contracts.publish_book(centre, principal, text_of(body, filename), filename)


@get("/price-books/{name:str}", sync_to_thread=True)
def show_book(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> PublishedBook:  # noqa: ARG001
    """One price book."""
    return contracts.show_book(centre, name)


@post("/price-books/simulate", sync_to_thread=True, status_code=200)
def simulate(
    centre: GivenApp,
    principal: GivenPrincipal,
    body: RawBody,
    start: FromQuery[datetime],
    end: FromQuery[datetime],
    tenant: FromQuery[str | None] = None,
    filename: FromQuery[str] = "book.yaml",
) -> DifferenceDocument:
    """Rate a past period again under another price book; nothing is charged."""
    text = text_of(body, filename)
    return comparing.simulate_book(centre, principal, text, tenant, start, end, filename)


@post("/comparisons", sync_to_thread=True, status_code=200)
def compare(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[comparing.NewComparison]
) -> Comparison:
    """Price one need under every mode that can serve it."""
    return comparing.compare_modes(centre, principal, data)


@get("/contracts", sync_to_thread=True)
def list_contracts(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[SignedContract]:
    """Contracts, oldest first."""
    return Page(contracts.list_contracts(centre, principal, tenant))


@post("/contracts", sync_to_thread=True)
def sign_contract(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str] = "contract.yaml"
) -> SignedContract:
    """Sign a contract from YAML or JSON."""
    return contracts.sign_contract(centre, principal, text_of(body, filename), filename)


@get("/contracts/{name:str}", sync_to_thread=True)
def show_contract(centre: GivenApp, principal: GivenPrincipal, name: FromPath[str]) -> SignedContract:
    """One contract."""
    return contracts.show_contract(centre, principal, name)


@get("/contracts/{name:str}/statement", sync_to_thread=True)
def show_statement(
    centre: GivenApp,
    principal: GivenPrincipal,
    name: FromPath[str],
    until: FromQuery[datetime | None] = None,
) -> Statement:
    """What a contract comes to, position by position; nothing is charged."""
    return accrual.show_statement(centre, principal, name, until)


@post("/contracts/{name:str}/changes", sync_to_thread=True)
def change_contract(
    centre: GivenApp,
    principal: GivenPrincipal,
    name: FromPath[str],
    data: JSONBody[contracts.NewChange],
) -> SignedContract:
    """Change how many of an item are agreed."""
    return contracts.change_contract(centre, principal, name, data)


@post("/contracts/{name:str}/termination", sync_to_thread=True)
def terminate_contract(
    centre: GivenApp,
    principal: GivenPrincipal,
    name: FromPath[str],
    data: JSONBody[contracts.NewTermination],
) -> SignedContract:
    """End a contract early."""
    return contracts.terminate_contract(centre, principal, name, data)


@get("/voucher-programmes", sync_to_thread=True)
def list_programmes(centre: GivenApp, principal: GivenPrincipal) -> Page[PublishedProgramme]:  # noqa: ARG001
    """Every voucher programme."""
    return Page(vouchers.list_programmes(centre))


@post("/voucher-programmes", sync_to_thread=True)
def publish_programme(
    centre: GivenApp, principal: GivenPrincipal, body: RawBody, filename: FromQuery[str] = "programme.yaml"
) -> PublishedProgramme:
    """Publish a voucher programme from YAML or JSON."""
    return vouchers.publish_programme(centre, principal, text_of(body, filename), filename)


@get("/vouchers", sync_to_thread=True)
def list_vouchers(
    centre: GivenApp, principal: GivenPrincipal, tenant: FromQuery[str | None] = None
) -> Page[Voucher]:
    """Vouchers, oldest first."""
    return Page(vouchers.list_vouchers(centre, principal, tenant))


@post("/vouchers", sync_to_thread=True)
def grant_voucher(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[vouchers.NewVoucher]
) -> Voucher:
    """Grant what a programme allows for a contract."""
    return vouchers.grant_voucher(centre, principal, data)


@post("/voucher-payments", sync_to_thread=True)
def issuer_paid(
    centre: GivenApp, principal: GivenPrincipal, data: JSONBody[vouchers.NewIssuerPayment]
) -> Transfer:
    """Record what an issuer of vouchers paid."""
    return vouchers.issuer_paid(centre, principal, data)


ROUTER = Router(
    "/",
    route_handlers=[
        list_books,
        publish_book,
        show_book,
        simulate,
        compare,
        list_contracts,
        sign_contract,
        show_contract,
        show_statement,
        change_contract,
        terminate_contract,
        list_programmes,
        publish_programme,
        list_vouchers,
        grant_voucher,
        issuer_paid,
    ],
)
