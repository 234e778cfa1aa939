"""`penstock price`: price books, tried out without a centre, and published to one."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.billing.metering.cloudevents import read_lines
from penstock.billing.metering.model import MeterEvent
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.rating import rate_events
from penstock.billing.pricing.signed import PublishedBook
from penstock.billing.pricing.simulate import DifferenceDocument
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.language import _
from penstock.cli.options import Tenant
from penstock.cli.output import note, print_fields, print_json, print_table
from penstock.cli.rateview import show_rated
from penstock.fleet.accelerators import catalogue
from penstock.lease.jobfile.document import SIZE_MAX_BYTES

app = tree("price")
Book = Annotated[Path, Parameter(name="BOOK", help="Price book in YAML or JSON.")]
AsJson = Annotated[bool, Parameter(name="--json", help="Print the results as JSON.", negative="")]
EVENTS_BYTES_MAX = 1 << 30


@app.command
def check(book: Book, /, *, as_json: AsJson = False) -> None:
    """Read a price book and say every mistake in it; nothing is sent."""
    found = read_book(book)
    if as_json:
        print_json({"price_book": found.id, "items": [item.id for item in found.items]})
    else:
        print(_("{book} can be used: {count} items").format(book=found.id, count=len(found.items)))


@app.command
def rate(
    *,
    book: Annotated[Path, Parameter(help="Price book in YAML or JSON.")],
    events: Annotated[Path, Parameter(help="CloudEvents, one in a line.")],
    tenant: Annotated[str, Parameter(help="Whom an event without subject is about.")] = "",
    as_json: AsJson = False,
) -> int:
    """Rate a file of usage events under a price book, with no centre at all.

    Shows each line with the tiers that it hits, what rounding changes, taxes and the total. Card time is an
    event of type card_time whose data has model, cards and seconds.
    """
    terms = read_book(book)
    readings = read_lines(read_text(events, EVENTS_BYTES_MAX).splitlines(), tenant)
    result = rate_events(terms, [one for one in readings if isinstance(one, MeterEvent)])
    malformed = [(number, one) for number, one in _numbered(readings) if isinstance(one, Refusal)]
    if as_json:
        print_json(
            msgspec.to_builtins(result)
            | {"malformed": [{"event": number, "refusal": refusal} for number, refusal in malformed]}
        )
    else:
        show_rated(result)
        for number, refusal in malformed:
            note(f"{events}:{number}: {refusal.code}: {refusal.message}")
    return 1 if malformed or result.refused else 0


def _numbered(readings: list[MeterEvent | Refusal]) -> list[tuple[int, MeterEvent | Refusal]]:
    return list(enumerate(readings, 1))


def read_book(path: Path) -> PriceBook:
    """The price book of a file, or its mistakes as a refusal."""
    found = parse_book(read_text(path, SIZE_MAX_BYTES), str(path), catalogue())
    if isinstance(found, tuple):
        raise Refused(*found)
    return found


def read_text(path: Path, bytes_max: int) -> str:
    """The text of a file that can be read and is not too large."""
    try:
        if path.stat().st_size > bytes_max:
            raise Refused(invalid("file_too_large", f"{path} is too large", "split it", str(path)))
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Refused(
            invalid("file_unreadable", f"{path}: {error.strerror}", "name another file", str(path))
        ) from error
    except UnicodeDecodeError as error:
        raise Refused(
            invalid("text_not_utf8", f"{path} is not UTF-8", "save it as UTF-8", str(path))
        ) from error


@app.command
def publish(book: Book, /, *, call: Call = CALL) -> None:
    """Publish a price book; its hourly items become offers. It never changes afterwards."""
    read_book(book)
    with call.client() as client:
        answer = client.post("price-books", content=book.read_bytes(), filename=str(book))
    call.show(answer, PublishedBook, lambda found: _table([found], call))


@app.command(name="list")
def list_books(*, call: Call = CALL) -> None:
    """List price books, newest first."""
    with call.client() as client:
        call.show_list(client.items("price-books"), PublishedBook, lambda found: _table(found, call))


@app.command
def show(
    book: Annotated[str, Parameter(name="BOOK", help="Price book id.")], /, *, call: Call = CALL
) -> None:
    """Print a price book as it was published."""
    with call.client() as client:
        answer = client.get("price-books", book)
    call.show(answer, PublishedBook, lambda found: print(found.document.rstrip("\n")))


@app.command
def simulate(
    book: Book,
    /,
    *,
    month: Annotated[str | None, Parameter(help="Month to rate again, such as 2026-11.")] = None,
    start: Annotated[
        str | None, Parameter(name="--from", help="Beginning of the period, instead of a month.")
    ] = None,
    end: Annotated[
        str | None, Parameter(name="--to", help="End of the period, which is not part of it.")
    ] = None,
    tenant: Tenant = None,
    call: Call = CALL,
) -> None:
    """Rate a past period again under another price book; nothing is charged or changed."""
    read_book(book)
    first, after = parse.period(month, start, end, utc=call.utc)
    with call.client() as client:
        answer = client.post(
            "price-books",
            "simulate",
            content=book.read_bytes(),
            filename=str(book),
            start=first,
            end=after,
            tenant=tenant,
        )
    call.show(answer, DifferenceDocument, _differences)


def _table(books: list[PublishedBook], call: Call) -> None:
    rows = [
        (book.id, book.currency, call.time(book.start), call.time(book.end), call.time(book.published_at))
        for book in books
    ]
    print_table(("BOOK", "CURRENCY", "FROM", "TO", "PUBLISHED"), rows)


def _differences(found: DifferenceDocument) -> None:
    def money(amount: int | None) -> str:
        return formats.NONE if amount is None else formats.money(amount, found.currency)

    rows = [
        (
            formats.word(d.mode),
            d.item,
            formats.word(d.kind),
            money(d.before_micros),
            money(d.after_micros),
            money(d.difference_micros),
        )
        for d in found.differences
    ]
    print_table(("MODE", "ITEM", "FOR", "BEFORE", "AFTER", "DIFFERENCE"), rows, right=(3, 4, 5))
    print()
    print_fields([("before", money(found.before_micros)), ("after", money(found.after_micros))])
