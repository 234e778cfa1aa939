"""`penstock offer`: prices per card-hour of a model."""

from typing import Annotated

from cyclopts import Parameter

from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id
from penstock.cli.output import print_fields, print_table
from penstock.lease.offer import Offer

app = tree("offer")


@app.command(name="list")
def list_offers(
    *,
    withdrawn: Annotated[bool, Parameter(help="List withdrawn offers too.", negative="")] = False,
    call: Call = CALL,
) -> None:
    """List what is for sale."""
    with call.client() as client:
        items = [item for item in client.items("offers") if withdrawn or item.get("withdrawn_at") is None]
    call.show_list(items, Offer, lambda offers: _table(offers, call))


@app.command
def publish(
    model: Annotated[str, Parameter(help="Accelerator model.")],
    price: Annotated[str, Parameter(help="Price per card-hour, up to six decimals.")],
    /,
    *,
    granularity: Annotated[str, Parameter(help="Started units of time that are charged.")] = "1s",
    minimum: Annotated[str, Parameter(help="Least time that is charged.")] = "0s",
    spot: Annotated[
        str | None, Parameter(help="Price per card-hour of spot work; without it none is sold.")
    ] = None,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Put a price on a model. An offer never changes: publish a new one and withdraw the old."""
    body = {
        "id": new_id(own_id, "offer"),
        "model": model.lower(),
        "price_micros_per_card_hour": parse.price(price, "PRICE"),
        "granularity_s": int(parse.duration(granularity, "--granularity").total_seconds()),
        "minimum_time_s": int(parse.duration(minimum, "--minimum").total_seconds()),
    }
    if spot is not None:
        body["spot_price_micros_per_card_hour"] = parse.price(spot, "--spot")
    with call.client() as client:
        call.show(client.post("offers", body=body), Offer, lambda offer: _fields(offer, call))


@app.command
def withdraw(offer: Annotated[str, Parameter(help="Offer id.")], /, *, call: Call = CALL) -> None:
    """Stop selling at this price; what was sold stays sold."""
    with call.client() as client:
        call.show(client.delete("offers", offer), Offer, lambda found: _fields(found, call))


def _table(offers: list[Offer], call: Call) -> None:
    rows = [
        (
            offer.id,
            offer.model,
            formats.price(offer.price_micros_per_card_hour),
            formats.unit(offer.currency),
            formats.duration(offer.granularity),
            formats.duration(offer.minimum_time),
            call.time(offer.withdrawn_at),
        )
        for offer in offers
    ]
    titles = ("OFFER", "MODEL", "PER CARD-HOUR", "UNIT", "GRANULARITY", "MINIMUM", "WITHDRAWN")
    print_table(titles, rows, right=(2,))


def _fields(offer: Offer, call: Call) -> None:
    unit, spot = formats.unit(offer.currency), offer.spot_price_micros_per_card_hour
    price = f"{formats.price(offer.price_micros_per_card_hour)} {unit}"
    print_fields(
        [
            ("offer", offer.id),
            ("model", offer.model),
            ("price per card-hour", price),
            ("spot price", formats.NONE if spot is None else f"{formats.price(spot)} {unit}"),
            ("granularity", formats.duration(offer.granularity)),
            ("minimum time", formats.duration(offer.minimum_time)),
            ("published", call.time(offer.created_at)),
            ("withdrawn", call.time(offer.withdrawn_at)),
        ]
    )
