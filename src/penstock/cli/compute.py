"""`penstock fleet compute`, `alarms` and `links`: what the fleet delivers."""

from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.output import print_table
from penstock.fleet.calibration import Drift
from penstock.fleet.compute import ModelCompute
from penstock.fleet.device import LinkMeasurement

LINKS_TIMEOUT_S = 300.0


def compute(*, call: Call = CALL) -> None:
    """Show nominal and measured dense PFLOPS of each model, and what a PFLOPS·h costs by both."""
    with call.client() as client:
        items = list(client.items("fleet", "compute"))
    call.show_list(items, ModelCompute, _compute_table)


def alarms(*, call: Call = CALL) -> int:
    """List devices that now deliver less than what they were accepted with.

    Ends with status 1 where there is one.
    """
    with call.client() as client:
        items = list(client.items("fleet", "alarms"))
    call.show_list(items, Drift, lambda found: _alarm_table(found, call))
    return 1 if items else 0


def links(
    node: Annotated[
        str | None,
        Parameter(name="NODE", help="Measure among the devices of this node of the centre's host first."),
    ] = None,
    /,
    *,
    record: Annotated[
        Path | None,
        Parameter(help="Result of a job that measured among nodes: JSON with the nodes as members."),
    ] = None,
    call: Call = CALL,
) -> None:
    """List measured links: bus bandwidth of an all-reduce among devices, or among nodes."""
    with call.client() as client:
        if node is not None:
            client.post("fleet", "nodes", node, "links", repeatable=False, timeout_s=LINKS_TIMEOUT_S)
        if record is not None:
            client.post("fleet", "links", body=_read(record))
        items = list(client.items("fleet", "links"))
    call.show_list(items, LinkMeasurement, lambda found: _link_table(found, call))


def _read(path: Path) -> object:
    try:
        return msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(
            invalid("file_unreadable", f"{path}: {error}", "name the JSON that the job printed", str(path))
        ) from error


def _compute_table(lines: list[ModelCompute]) -> None:
    rows = [
        (
            one.model,
            one.precision,
            str(one.cards),
            str(one.devices),
            _tflops(one.nominal_pflops),
            _tflops(one.measured_pflops),
            formats.share(one.ratio) if one.ratio else formats.NONE,
            _price(one.price_micros_per_card_hour),
            _price(one.price_micros_per_nominal_pflops_hour),
            _price(one.price_micros_per_delivered_pflops_hour),
        )
        for one in lines
    ]
    titles = (
        "MODEL", "PRECISION", "CARDS", "DEVICES", "NOMINAL TFLOPS", "MEASURED TFLOPS", "RATIO", "PER CARD-HOUR",
        "PER NOMINAL PFLOPS·H", "PER DELIVERED PFLOPS·H",
    )  # fmt: skip
    print_table(titles, rows, right=range(2, 10))


def _alarm_table(found: list[Drift], call: Call) -> None:
    rows = [
        (
            one.device,
            one.figure,
            f"{one.accepted:.4g}",
            f"{one.measured:.4g}",
            formats.share(one.measured / one.accepted),
            call.time(one.accepted_at),
            call.time(one.measured_at),
            formats.yes(one.same_software),
        )
        for one in found
    ]
    titles = ("DEVICE", "FIGURE", "ACCEPTED", "MEASURED", "RATIO", "FROM", "TO", "SAME SOFTWARE")
    print_table(titles, rows, right=(2, 3, 4))


def _link_table(found: list[LinkMeasurement], call: Call) -> None:
    rows = [
        (
            one.kind,
            str(len(one.members)),
            f"{one.members[0]} …",
            one.backend,
            formats.size(one.message_bytes),
            f"{one.bus_bytes_per_s / 1e9:.3g} GB/s",
            formats.share(one.spread),
            call.time(one.at),
            "; ".join(one.findings) or formats.NONE,
        )
        for one in found
    ]
    titles = ("AMONG", "COUNT", "FIRST", "BACK END", "MESSAGE", "BUS BANDWIDTH", "SPREAD", "AT", "FINDINGS")
    print_table(titles, rows, right=(1, 4, 5, 6))


def _tflops(pflops: float | None) -> str:
    return formats.NONE if pflops is None else f"{pflops * 1000:.4g}"


def _price(micros: int | None) -> str:
    return formats.NONE if micros is None else formats.price(round(micros, -4))
