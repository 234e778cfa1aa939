"""`penstock port first`: demand that software kept out, by rule, and so what to port first."""

from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.language import _
from penstock.cli.options import ALWAYS, Span
from penstock.cli.output import print_fields, print_table
from penstock.insight.refused import RefusedDemand

_WHY_WIDTH = 60


def first(*, span: Span = ALWAYS, call: Call = CALL) -> None:
    """Show the demand that software kept out, rule by rule, in money: what to port first.

    Jobs have several rules, so the rows overlap. Without a time it is the last seven days.
    """
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        answer = client.get("port", "first", start=start, end=end)
    call.show(answer, RefusedDemand, lambda found: _print(found, call))


def _print(found: RefusedDemand, call: Call) -> None:
    print_fields(
        [
            ("from", call.time(found.start)),
            ("to", call.time(found.end)),
            ("jobs", str(found.submitted)),
            ("kept out by software", f"{found.refused} ({formats.share(found.share)})"),
            ("asked for", f"{formats.hours(found.card_us)} {_('card-hours')}"),
            ("list value lost", formats.money(found.value_micros, found.currency)),
        ]
    )
    if not found.rules:
        return
    print()
    rows = [
        (
            row.rule,
            str(row.jobs),
            str(row.tenants),
            formats.hours(row.card_us),
            formats.money(row.value_micros, found.currency),
            formats.money(row.alone_value_micros, found.currency),
            f"{row.effort_days:g}",
            row.why[:_WHY_WIDTH],
        )
        for row in found.rules
    ]
    titles = ("RULE", "JOBS", "TENANTS", "CARD-HOURS", "LIST VALUE", "ALONE", "DAYS", "WHAT")
    print_table(titles, rows, right=(1, 2, 3, 4, 5, 6))
