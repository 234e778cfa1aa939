"""`penstock usage` and `penstock charges`."""

from penstock.billing.model import ChargeLine, UsageEvent
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.options import ALWAYS, Span, Tenant
from penstock.cli.output import print_table


def usage(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """List what was observed of jobs and leases."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("usage", tenant=tenant, start=start, end=end)
        call.show_list(items, UsageEvent, lambda events: _events(events, call))


def charges(*, tenant: Tenant = None, span: Span = ALWAYS, call: Call = CALL) -> None:
    """List what the usage costs, line by line."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = client.items("charges", tenant=tenant, start=start, end=end)
        call.show_list(items, ChargeLine, lambda lines: _lines(lines, call))


def _events(events: list[UsageEvent], call: Call) -> None:
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
