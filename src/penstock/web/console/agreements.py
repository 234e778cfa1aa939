"""The market's other modes: one need under every mode, price books, and contracts with what they come to."""

from typing import Any

from litestar import Response, Router, get, post
from litestar.params import FromPath, FromQuery
from litestar.response import Redirect

from penstock.app import accrual, comparing, contracts, fleet, selling
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.billing.pricing.exact import decimal_text
from penstock.billing.pricing.posting import exact
from penstock.billing.pricing.signed import book_of
from penstock.lease.tenant import Scope
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
                model=model, cards=_cards(cards), hours=hours.strip(), price_book=book or None
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
        largest=max((option.month_micros for option in found.options), default=0) if found else 0,
        number=_number,
        refused=refused,
    )


def _cards(text: str) -> int:
    if not (text.strip().isdecimal() and text.isascii()) or len(text) > 9:
        raise Refused(
            invalid("number_malformed", f"{text[:40]!r} is no whole number", "write it as 8", "cards")
        )
    return int(text)


def _number(text: str) -> str:
    """Exact text for people."""
    return decimal_text(exact(text), 2)


@get("/market/prices", sync_to_thread=True)
def books(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Every price book."""
    return _books(centre, visitor, "", ())


def _books(centre: App, visitor: Visitor, text: str, refused: tuple[Refusal, ...]) -> Response[Any]:
    return page(
        "market.prices",
        visitor,
        status=refused[0].status if refused else 200,
        books=contracts.list_books(centre),
        text=text,
        refused=refused,
        now=centre.now(),
    )


@post("/market/prices", sync_to_thread=True)
def publish(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Publish a price book."""
    text = form.get("text", "")
    try:
        book = contracts.publish_book(centre, visitor.principal, text, "book.yaml")
    except Refused as refused:
        return _books(centre, visitor, text, refused.refusals)
    return Redirect(f"/market/prices/{book.id}", status_code=303)


@get("/market/prices/{name:str}", sync_to_thread=True)
def show_book(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One price book: what is in it, and its text."""
    published = contracts.show_book(centre, name)
    return page("market.book", visitor, published=published, book=book_of(published.document))


@get("/market/contracts", sync_to_thread=True)
def list_contracts(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Contracts of the tenant that is signed in, or of all."""
    return _contracts(centre, visitor, "", ())


def _contracts(centre: App, visitor: Visitor, text: str, refused: tuple[Refusal, ...]) -> Response[Any]:
    return page(
        "market.contracts",
        visitor,
        status=refused[0].status if refused else 200,
        contracts=contracts.list_contracts(centre, visitor.principal),
        text=text,
        refused=refused,
        now=centre.now(),
    )


@post("/market/contracts", sync_to_thread=True)
def sign(centre: GivenApp, visitor: GivenVisitor, form: GivenForm) -> Response[Any]:
    """Sign a contract."""
    text = form.get("text", "")
    try:
        signed = contracts.sign_contract(centre, visitor.principal, text, "contract.yaml")
    except Refused as refused:
        return _contracts(centre, visitor, text, refused.refusals)
    return Redirect(f"/market/contracts/{signed.id}", status_code=303)


@get("/market/contracts/{name:str}", sync_to_thread=True)
def show_contract(centre: GivenApp, visitor: GivenVisitor, name: FromPath[str]) -> Response[Any]:
    """One contract and what it comes to so far, position by position."""
    signed = contracts.show_contract(centre, visitor.principal, name)
    return page(
        "market.contract",
        visitor,
        contract=signed,
        statement=accrual.show_statement(centre, visitor.principal, name, None),
        number=_number,
        may_end=visitor.principal.may(Scope.OPERATOR) and signed.terminated_at is None,
    )


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
    route_handlers=[compare, books, publish, show_book, list_contracts, sign, show_contract, terminate],
    include_in_schema=False,
)
