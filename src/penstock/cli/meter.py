"""`penstock meter`: what is counted besides card time."""

from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter

from penstock.billing.metering.model import Aggregation, Meter
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.output import print_fields, print_table

app = tree("meter")


@app.command(name="list")
def list_meters(*, call: Call = CALL) -> None:
    """List the declared meters."""
    with call.client() as client:
        call.show_list(client.items("meters"), Meter, _table)


@app.command
def declare(
    meter: Annotated[str, Parameter(help="Meter id.")],
    aggregation: Annotated[Aggregation, Parameter(help="How a period's values become one quantity.")],
    /,
    *,
    unit: Annotated[str, Parameter(help="What is counted, such as token or GB.")],
    value: Annotated[str, Parameter(help="Name of the value in the events' data; `count` has none.")] = "",
    event_type: Annotated[str, Parameter(help="Type of the events that it reads; by default its id.")] = "",
    by: Annotated[tuple[str, ...], Parameter(help="Names in the data that quantities are grouped by.")] = (),
    decimals: Annotated[int, Parameter(help="Places after the point that are kept.")] = 6,
    negative: Annotated[bool, Parameter(help="Take values below zero too.", negative="")] = False,
    late: Annotated[str, Parameter(help="How long after a period its late events still count.")] = "3d",
    name: Annotated[str, Parameter(help="Name for people.")] = "",
    call: Call = CALL,
) -> None:
    """Declare a meter. It never changes: declare another one instead."""
    body = {
        "id": meter,
        "aggregation": aggregation,
        "unit": unit,
        "value": value,
        "event_type": event_type,
        "dimensions": by,
        "decimals": decimals,
        "negative": negative,
        "late_seconds": parse.duration(late, "--late") // timedelta(seconds=1),
        "name": name,
    }
    with call.client() as client:
        call.show(client.post("meters", body=body), Meter, _fields)


def _table(meters: list[Meter]) -> None:
    rows = [
        (
            one.id,
            formats.word(one.aggregation),
            one.value or formats.NONE,
            one.unit,
            one.reads,
            ", ".join(one.dimensions) or formats.NONE,
            formats.duration(one.late_window),
        )
        for one in meters
    ]
    print_table(("METER", "AGGREGATION", "VALUE", "UNIT", "EVENTS", "BY", "LATE EVENTS"), rows)


def _fields(meter: Meter) -> None:
    print_fields(
        [
            ("meter", meter.id),
            ("name", meter.name),
            ("aggregation", formats.word(meter.aggregation)),
            ("value", meter.value),
            ("unit", meter.unit),
            ("events", meter.reads),
            ("by", ", ".join(meter.dimensions)),
            ("decimals", str(meter.decimals)),
            ("late events", formats.duration(meter.late_window)),
        ]
    )
