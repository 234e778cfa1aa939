"""A line of the ladder opened, as a terminal shows it."""

from penstock.cli import formats
from penstock.cli.call import Call
from penstock.cli.language import _
from penstock.cli.output import note, print_table
from penstock.insight.opened import Interval, causes

SHOWN_MAX = 20


def print_opened(found: list[Interval], line: str, call: Call, *, every: bool) -> None:
    """What is behind the line, then its longest intervals; both sum to the line."""
    rows = causes(found)
    print_table(
        ("TENANT", "JOB", "LEASE", "DEVICES", "CARD-HOURS", "LIST VALUE", "CARRIED COST", "WHY"),
        [
            (
                row.tenant or formats.NONE,
                row.job or formats.NONE,
                row.lease or formats.NONE,
                str(row.devices),
                formats.hours(row.card_us),
                formats.price(row.list_value_micros),
                formats.price(row.carried_cost_micros),
                row.why or formats.word(line),
            )
            for row in (rows if every else rows[:SHOWN_MAX])
        ],
        right=(3, 4, 5, 6),
    )
    print()
    longest = sorted(found, key=lambda one: (-one.card_us, one.device, one.start))
    shown = longest if every else longest[:SHOWN_MAX]
    print_table(
        ("DEVICE", "FROM", "TO", "CARD-HOURS", "TENANT", "JOB"),
        [
            (
                one.device,
                call.time(one.start),
                call.time(one.end),
                formats.hours(one.card_us),
                one.tenant or formats.NONE,
                one.job or formats.NONE,
            )
            for one in shown
        ],
        right=(3,),
    )
    total = formats.hours(sum(one.card_us for one in found))
    note(
        _("{shown} of {all} intervals; together they are {hours} card-hours").format(
            shown=len(shown), all=len(found), hours=total
        )
    )
