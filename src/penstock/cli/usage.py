"""`penstock usage` and `penstock charges`: what was observed and measured, and what it costs."""

import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from penstock.base.refusal import Refusal, Refused, invalid
from penstock.billing.metering.cloudevents import BATCH, BATCH_MAX
from penstock.billing.metering.difference import Difference
from penstock.billing.metering.model import MeteredQuantity, decimal_text
from penstock.billing.model import ChargeLine, UsageEvent
from penstock.billing.pricing.posting import ContractLine
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, understood
from penstock.cli.language import _
from penstock.cli.options import ALWAYS, Span, Tenant
from penstock.cli.output import print_json, print_table

app = tree("usage")


class Event(msgspec.Struct, frozen=True):
    """A usage event as the centre keeps it."""

    source: str
    id: str
    type: str
    tenant: str
    time: str
    data: str


class RefusedEvent(msgspec.Struct, frozen=True):
    """Which event was refused, and why."""

    index: int
    source: str
    id: str
    refusal: Refusal


class Receipt(msgspec.Struct, frozen=True):
    """What became of the events that were sent."""

    accepted: int
    duplicates: int
    refused: tuple[RefusedEvent, ...]


@app.command(name="list")
def list_usage(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """List what was observed of jobs and leases."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("usage", tenant=tenant, start=start, end=end)
        call.show_list(items, UsageEvent, lambda events: _observed(events, call))


@app.command
def totals(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """Show what declared meters measured over a time."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("usage", "quantities", tenant=tenant, start=start, end=end)
        call.show_list(items, MeteredQuantity, _totals)


@app.command
def events(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """List the latest events that declared meters were sent, newest first."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("usage", "events", tenant=tenant, start=start, end=end)
        call.show_list(items, Event, lambda found: _events(found, call))


@app.command
def send(
    file: Annotated[str, Parameter(help="File of one CloudEvent a line, or - for standard input.")],
    /,
    *,
    call: Call = CALL,
) -> int:
    """Send usage events; each counts once, however often it is sent.

    Ends with status 1 where an event was refused; the others stand.
    """
    lines = [line for line in _read(file).splitlines() if line.strip()]
    accepted, duplicates, refused = 0, 0, list[RefusedEvent]()
    with call.client() as client:
        for start in range(0, len(lines), BATCH_MAX):
            body = b"[" + b",".join(lines[start : start + BATCH_MAX]) + b"]"
            receipt = understood(client.post("usage", "events", content=body, media_type=BATCH), Receipt)
            accepted, duplicates = accepted + receipt.accepted, duplicates + receipt.duplicates
            refused += (msgspec.structs.replace(one, index=start + one.index) for one in receipt.refused)
    whole = Receipt(accepted, duplicates, tuple(refused))
    if call.json:
        print_json(msgspec.to_builtins(whole))
    else:
        _receipt(whole)
    return 1 if refused else 0


@app.command
def changes(
    end: Annotated[str, Parameter(help="End of the closed period, such as 2026-11-01.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Show what late events change of a closed period; the period itself stays."""
    with call.client() as client:
        answer = client.get("closings", "changes", end=parse.instant(end, "END", utc=call.utc))
    call.show(answer, _Changes, lambda found: _differences(found.differences))


@app.command
def adjust(
    end: Annotated[str, Parameter(help="End of the closed period, such as 2026-11-01.")],
    /,
    *,
    call: Call = CALL,
) -> None:
    """Charge what late events change of a closed period; it stands on each tenant's next invoice."""
    with call.client() as client:
        answer = client.post("closings", "adjustments", end=parse.instant(end, "END", utc=call.utc))
    call.show(answer, _Adjustment, _adjusted)


def charges(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """List what the usage costs, line by line."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("charges", tenant=tenant, start=start, end=end)
        call.show_list(items, ChargeLine, lambda lines: _lines(lines, call))


class _Changes(msgspec.Struct, frozen=True):
    differences: tuple[Difference, ...]


class _Adjustment(msgspec.Struct, frozen=True):
    differences: tuple[Difference, ...]
    lines: tuple[ContractLine, ...]


def _adjusted(found: _Adjustment) -> None:
    _differences(found.differences)
    rows = [
        (
            line.tenant,
            line.contract,
            line.item,
            line.quantity,
            line.unit,
            formats.money(line.amount_micros, line.currency, 6),
        )
        for line in found.lines
    ]
    print_table(("TENANT", "CONTRACT", "ITEM", "QUANTITY", "UNIT", "NEXT INVOICE"), rows, right=(3, 5))


def _read(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refused(
            invalid("file_unreadable", f"{file}: {error.strerror}", "name a file of events", "FILE")
        ) from error


def _observed(events: list[UsageEvent], call: Call) -> None:
    rows = [
        (
            f"{event.subject_kind} {event.subject}",
            event.tenant,
            event.model,
            str(event.devices),
            call.time(event.start),
            call.time(event.end),
            formats.hours(event.quantity),
            formats.yes(event.rated),
        )
        for event in events
    ]
    print_table(("OF", "TENANT", "MODEL", "DEVICES", "FROM", "TO", "CARD-HOURS", "RATED"), rows, right=(3, 6))


def _grouped(one: MeteredQuantity) -> str:
    return ", ".join(f"{name}={value}" for name, value in one.dimensions.items()) or formats.NONE


def _totals(found: list[MeteredQuantity]) -> None:
    rows = [(one.tenant, one.meter, _grouped(one), decimal_text(one), str(one.events)) for one in found]
    print_table(("TENANT", "METER", "BY", "QUANTITY", "EVENTS"), rows, right=(3, 4))


def _differences(found: tuple[Difference, ...]) -> None:
    rows = []
    for one in found:
        known = one.after or one.before
        assert known is not None, "a difference is of something"
        shown = [formats.NONE if side is None else decimal_text(side) for side in (one.before, one.after)]
        rows.append((known.tenant, known.meter, _grouped(known), *shown))
    print_table(("TENANT", "METER", "BY", "WHEN CLOSED", "NOW"), rows, right=(3, 4))


def _events(found: list[Event], call: Call) -> None:
    rows = [
        (
            call.time(parse.instant(one.time, "time", utc=True)),
            one.tenant,
            one.type,
            one.source,
            one.id,
            one.data,
        )
        for one in found
    ]
    print_table(("AT", "TENANT", "TYPE", "SOURCE", "ID", "DATA"), rows)


def _receipt(receipt: Receipt) -> None:
    counts: dict[str, Any] = {"accepted": receipt.accepted, "duplicates": receipt.duplicates}
    print(_("{accepted} accepted, {duplicates} known already").format(**counts))
    for one in receipt.refused:
        place = _("event {number} ({name})").format(number=one.index + 1, name=one.id or formats.NONE)
        print(f"{place}: [{one.refusal.code}] {one.refusal.message}; {one.refusal.remedy}", file=sys.stderr)


def _lines(lines: list[ChargeLine], call: Call) -> None:
    rows = [
        (
            f"{line.subject_kind} {line.subject}",
            line.tenant,
            line.model,
            call.time(line.start),
            call.time(line.end),
            formats.hours(line.quantity),
            formats.price(line.price_micros_per_card_hour),
            formats.money(line.amount_micros, line.currency, 6),
            line.invoice or formats.NONE,
        )
        for line in lines
    ]
    titles = ("OF", "TENANT", "MODEL", "FROM", "TO", "CARD-HOURS", "PER CARD-HOUR", "AMOUNT", "INVOICE")
    print_table(titles, rows, right=(5, 6, 7))
