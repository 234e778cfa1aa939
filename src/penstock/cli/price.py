"""`penstock price`: price books, tried out without a centre, and published to one."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from cyclopts import Parameter

from penstock.base.money import Micros
from penstock.base.refusal import Refusal, Refused, invalid
from penstock.billing.metering.cloudevents import read_lines
from penstock.billing.metering.model import MeterEvent
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.exact import decimal_text
from penstock.billing.pricing.posting import exact
from penstock.billing.pricing.rating import RatedBill, RatedFile, rate_events
from penstock.cli import formats
from penstock.cli.app import tree
from penstock.cli.language import _
from penstock.cli.output import NONE, note, print_fields, print_json, print_table
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
) -> None:
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
        _show(result)
        for number, refusal in malformed:
            note(f"{events}:{number}: {refusal.code}: {refusal.message}")
    if malformed or result.refused:
        raise SystemExit(1)


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


def _show(result: RatedFile) -> None:
    for bill in result.bills:
        _show_bill(bill, result)
        print()
    for one in result.refused:
        note(f"{one.source} {one.id}: {one.refusal.code}: {one.refusal.message}")
    print(
        _("{events} events, {refused} of them refused").format(
            events=result.events, refused=len(result.refused)
        )
    )


def _show_bill(bill: RatedBill, result: RatedFile) -> None:
    currency = result.currency
    print(f"{bill.tenant}  {bill.window.start.astimezone(ZoneInfo(result.zone)):%Y-%m}")
    rows = []
    for line in bill.lines:
        rows.append(
            (
                line.item,
                formats.word(line.mode),
                "",
                _number(line.quantity),
                line.unit,
                "",
                _fen(line.amount_micros),
            )
        )
        rows += [
            (
                f"  {formats.word(hit.kind)}",
                "",
                str(hit.tier) if hit.tier else NONE,
                _number(hit.quantity),
                "",
                _number(hit.unit_price),
                _number(hit.amount),
            )
            for hit in line.tiers
        ]
    print_table(
        ("ITEM", "MODE", "TIER", "QUANTITY", "UNIT", "UNIT PRICE", "AMOUNT"), rows, right=(2, 3, 5, 6)
    )
    taxes = [
        (f"{tax.rule} {formats.share(float(exact(tax.rate)))}", formats.money(tax.amount_micros, currency))
        for tax in bill.taxes
    ]
    print_fields([("before tax", formats.money(bill.net_micros, currency))])
    for name, amount in taxes:
        print(f"{name}  {amount}")
    print_fields(
        [
            ("total", formats.money(bill.total_micros, currency)),
            ("rounding", formats.money(bill.rounding_micros, currency, 6)),
        ]
    )


def _number(text: str) -> str:
    return decimal_text(exact(text))


def _fen(amount: Micros) -> str:
    return formats.money(amount, "")[:-1]
