"""`penstock quote`: can you give me this, from when, at what price, and why not?"""

from typing import Annotated

from cyclopts import Parameter

from penstock.billing.pricing.compare import Comparison
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.language import _
from penstock.cli.options import Id, Tenant
from penstock.cli.output import print_fields, print_table
from penstock.cli.rateview import number
from penstock.lease.offer import Quote

app = tree("quote")


@app.default
def ask(
    accelerators: Annotated[str, Parameter(help="Model and number of devices, such as A100:8.")],
    /,
    *,
    hours: Annotated[float | None, Parameter(help="Length in hours.")] = None,
    start: Annotated[str | None, Parameter(name="--from", help="Beginning; by default now.")] = None,
    end: Annotated[str | None, Parameter(name="--to", help="End, instead of a length.")] = None,
    tenant: Tenant = None,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Ask for devices over a time: whether they are free, from when they would be, and the price."""
    model, devices = parse.wanted(accelerators, "ACCELERATORS")
    body = {
        "id": new_id(own_id, "quote"),
        "model": model,
        "devices": devices,
        "tenant": tenant,
        "start": parse.instant(start, "--from", utc=call.utc),
        "end": parse.instant(end, "--to", utc=call.utc),
        "hours": hours,
    }
    with call.client() as client:
        call.show(client.post("quotes", body=body), Quote, lambda quote: _fields(quote, call))


@app.command
def compare(
    accelerators: Annotated[str, Parameter(help="Model and number of devices, such as A100:8.")],
    /,
    *,
    hours: Annotated[str, Parameter(help="Hours a month that they are used.")] = "730",
    book: Annotated[str | None, Parameter(help="Price book id; by default the newest that is valid.")] = None,
    work: Annotated[
        tuple[str, ...],
        Parameter(help="Usage item and monthly quantity, such as tokens=5000000.", negative=""),
    ] = (),
    call: Call = CALL,
) -> None:
    """Price one need under every mode that can serve it, and say where each begins to beat the hour."""
    model, cards = parse.wanted(accelerators, "ACCELERATORS")
    pairs = (pair.partition("=") for pair in work)
    body = {
        "model": model,
        "cards": cards,
        "hours": hours,
        "price_book": book,
        "work": {item: quantity for item, _equals, quantity in pairs},
    }
    with call.client() as client:
        call.show(client.post("comparisons", body=body), Comparison, _options)


def _options(found: Comparison) -> None:
    rows = [
        (
            option.item,
            formats.word(option.mode),
            number(option.quantity),
            option.unit,
            formats.money(option.month_micros, found.currency),
            formats.price(option.card_hour_micros),
            formats.NONE if option.break_even_hours is None else number(option.break_even_hours),
            formats.word(option.remark) or formats.NONE,
        )
        for option in found.options
    ]
    titles = (
        "ITEM",
        "MODE",
        "QUANTITY",
        "UNIT",
        "A MONTH",
        "PER CARD-HOUR",
        "BEATS HOURLY FROM HOURS",
        "REMARK",
    )
    print_table(titles, rows, right=(2, 4, 5, 6))


@app.command(name="list")
def list_quotes(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List quotes."""
    with call.client() as client:
        call.show_list(client.items("quotes", tenant=tenant), Quote, lambda quotes: _table(quotes, call))


@app.command
def show(quote: Annotated[str, Parameter(help="Quote id.")], /, *, call: Call = CALL) -> None:
    """Show a quote."""
    with call.client() as client:
        call.show(client.get("quotes", quote), Quote, lambda found: _fields(found, call))


def _table(quotes: list[Quote], call: Call) -> None:
    rows = [
        (
            quote.id,
            f"{quote.model}:{quote.devices}",
            call.time(quote.start),
            call.time(quote.end),
            formats.yes(quote.available),
            formats.money(quote.total_micros, quote.currency),
            call.time(quote.expires_at),
            quote.accepted_by or formats.NONE,
        )
        for quote in quotes
    ]
    print_table(("QUOTE", "DEVICES", "FROM", "TO", "FREE", "TOTAL", "EXPIRES", "LEASE"), rows, right=(5,))


def _fields(quote: Quote, call: Call) -> None:
    price = f"{formats.price(quote.price_micros_per_card_hour)} {formats.unit(quote.currency)}"
    refused, floating = not quote.available, quote.from_acceptance and not quote.accepted_by
    print_fields(
        [
            ("quote", quote.id),
            ("tenant", quote.tenant),
            ("devices", f"{quote.devices} × {quote.model}"),
            ("from", _("its acceptance") if floating else call.time(quote.start)),
            ("to", "" if floating else call.time(quote.end)),
            ("length", formats.duration(quote.end - quote.start)),
            ("free over the whole time", formats.yes(quote.available)),
            ("why not", formats.counts(quote.reasons) if refused else ""),
            (
                "free from",
                (call.time(quote.available_from) if quote.available_from else _("not known"))
                if refused
                else "",
            ),
            ("price per card-hour", price),
            ("total", formats.money(quote.total_micros, quote.currency)),
            ("valid until", call.time(quote.expires_at)),
            ("accepted as", quote.accepted_by or ""),
        ]
    )
