"""The market's other modes: one need under every mode, price books, and contracts with what they come to."""

import secrets
from collections.abc import Callable
from typing import Any, NamedTuple

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from penstock.app import accrual, comparing, contracts, fleet, selling
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused
from penstock.billing.pricing.signed import PublishedBook, SignedContract, book_of, contract_of
from penstock.lease.tenant import Principal, Scope
from penstock.web.console.fields import instant, whole
from penstock.web.console.pages import Fields, page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.given import GivenApp

MONTH_HOURS = "730"


@get("/market/compare", sync_to_thread=True)
def compare(
    centre: GivenApp,
    visitor: GivenVisitor,
    model: FromQuery[str] = "",
    cards: FromQuery[str] = "8",
    hours: FromQuery[str] = MONTH_HOURS,
    book: FromQuery[str] = "",
) -> Response[Any]:
    """What some cards of a model cost a month in every mode, and from how many hours each beats the hour."""
    books = contracts.list_books(centre)
    models = sorted({offer.model for offer in selling.list_offers(centre) if offer.withdrawn_at is None})
    models = models or sorted({device.model for device in fleet.devices_of(centre)})
    found, refused = None, ()
    if books and models and model:
        try:
            request = comparing.NewComparison(
                model=model, cards=whole(cards, "cards"), hours=hours.strip(), price_book=book or None
            )
            found = comparing.compare_modes(centre, visitor.principal, request)
        except Refused as declined:
            refused = declined.refusals
    return page(
        "market.compare",
        visitor,
        status=refused[0].status if refused else 200,
        books=books,
        models=models,
        fields=Fields({"model": model, "cards": cards, "hours": hours, "book": book}),
        found=found,
        refused=refused,
    )


class _Kind(NamedTuple):
    """Texts that are listed on a page, checked while they are typed, and kept."""

    place: str
    listed: Callable[[App, Visitor], tuple[Any, ...]]
    check: Callable[[App, Principal, str], Any]
    keep: Callable[[App, Principal, str], PublishedBook | SignedContract]


BOOKS = _Kind(
    "prices", lambda centre, _: contracts.list_books(centre), contracts.checked_book, contracts.publish_book
)
CONTRACTS = _Kind(
    "contracts",
    lambda centre, visitor: contracts.list_contracts(centre, visitor.principal),
    contracts.checked_contract,
    contracts.sign_contract,
)


def _listing(
    kind: _Kind, centre: App, visitor: Visitor, text: str = "", refused: tuple[Refusal, ...] = ()
) -> Response[Any]:
    return page(
        f"market.{kind.place}",
        visitor,
        status=refused[0].status if refused else 200,
        listed=kind.listed(centre, visitor),
        text=text,
        refused=refused,
        now=centre.now(),
    )


def _kept(kind: _Kind, centre: App, visitor: Visitor, text: str) -> Response[Any]:
    try:
        kept = kind.keep(centre, visitor.principal, text)
    except Refused as refused:
        return _listing(kind, centre, visitor, text, refused.refusals)
    return Redirect(f"/market/{kind.place}/{kept.id}", status_code=303)


def _checked(kind: _Kind, centre: App, visitor: Visitor, text: str) -> Response[Any]:
    refused, checked = (), None
    if text.strip():
        try:
            checked = kind.check(centre, visitor.principal, text)
        except Refused as declined:
            refused = declined.refusals
    return page("market.checked", visitor, refused=refused, checked=checked)


@get("/market/prices", sync_to_thread=True)
def books(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Every price book."""
    return _listing(BOOKS, centre, visitor)


@post("/market/prices", sync_to_thread=True)
def publish(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Publish a price book."""
    return _kept(BOOKS, centre, visitor, form.get("text", ""))


@post("/market/prices/check", sync_to_thread=True, status_code=200)
def check_book(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """What is wrong with a price book, each with its line, or what it holds."""
    return _checked(BOOKS, centre, visitor, form.get("text", ""))


@get("/market/prices/{name:str}", sync_to_thread=True)
def show_book(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One price book: what is in it, and its text."""
    published = contracts.show_book(centre, name)
    return page("market.book", visitor, published=published, book=book_of(published.document))


@get("/market/contracts", sync_to_thread=True)
def list_contracts(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Contracts of the tenant that is signed in, or of all."""
    return _listing(CONTRACTS, centre, visitor)


@post("/market/contracts", sync_to_thread=True)
def sign(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Sign a contract."""
    return _kept(CONTRACTS, centre, visitor, form.get("text", ""))


@post("/market/contracts/check", sync_to_thread=True, status_code=200)
def check_contract(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """What is wrong with a contract, each with its line, or what it agrees."""
    return _checked(CONTRACTS, centre, visitor, form.get("text", ""))


@get("/market/contracts/{name:str}", sync_to_thread=True)
def show_contract(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One contract and what it comes to so far, position by position."""
    return _contract(centre, visitor, name, {}, ())


def _contract(
    centre: App, visitor: Visitor, name: str, fields: dict[str, str], refused: tuple[Refusal, ...]
) -> Response[Any]:
    signed = contracts.show_contract(centre, visitor.principal, name)
    now = centre.now()
    agreed = contract_of(signed, now)
    runs = visitor.principal.may(Scope.OPERATOR) and signed.terminated_at is None and now < agreed.end
    return page(
        "market.contract",
        visitor,
        status=refused[0].status if refused else 200,
        contract=signed,
        shares=agreed.shares,
        agreed=[one for one in agreed.items if one.end is None or one.end > now],
        items=[one.id for one in book_of(contracts.show_book(centre, signed.price_book).document).items],
        statement=accrual.show_statement(centre, visitor.principal, name, None),
        runs=runs,
        fields=Fields({"id": f"change-{secrets.token_hex(4)}", **fields}),
        refused=refused,
    )


@post("/market/contracts/{name:str}/changes", sync_to_thread=True)
def change(centre: GivenApp, visitor: GivenVisitor, form: GivenForm, name: FromPath[str]) -> Response[Any]:
    """Change how many of an item are agreed; the same form sent twice is one change."""
    try:
        request = contracts.NewChange(
            id=form.get("id", ""),
            item=form.get("item", ""),
            quantity=form.get("quantity", "").strip(),
            at=instant(form["at"], "at", visitor.taste.zone) if form.get("at") else None,
        )
        contracts.change_contract(centre, visitor.principal, name, request)
    except Refused as refused:
        return _contract(centre, visitor, name, form, refused.refusals)
    return Redirect(f"/market/contracts/{name}", status_code=303)


@post("/market/contracts/{name:str}/terminate", sync_to_thread=True)
def terminate(
    centre: GivenApp,
    visitor: GivenVisitor,
    form: GivenForm,  # noqa: ARG001
    name: FromPath[str],
) -> Redirect:
    """End a contract now, by its own conditions."""
    contracts.terminate_contract(centre, visitor.principal, name, contracts.NewTermination(at=None))
    return Redirect(f"/market/contracts/{name}", status_code=303)


ROUTER = Router(
    "/",
    route_handlers=[
        compare,
        books,
        publish,
        check_book,
        show_book,
        list_contracts,
        sign,
        check_contract,
        show_contract,
        change,
        terminate,
    ],
    include_in_schema=False,
)
