"""`penstock alarms` and `penstock lost`: what costs money now, and which refused demand to serve first."""

from typing import Annotated

from cyclopts import Parameter

from penstock.base.figure import Figure
from penstock.base.money import format_amount
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.language import _, language
from penstock.cli.options import ALWAYS, Span
from penstock.cli.output import print_fields, print_table
from penstock.insight.alarms import Alarm, Thresholds
from penstock.insight.lost import LostRevenue

RAISED = 1
MICROS = "micros "
_DEFAULT = Thresholds()


def alarms(
    *,
    span: Span = ALWAYS,
    idle_share: Annotated[
        float, Parameter(help="Of what a tenant held, the share unused or stalled.")
    ] = _DEFAULT.idle_share,
    sold_floor: Annotated[
        float, Parameter(help="Of a model's available time, the share that should be sold.")
    ] = _DEFAULT.sold_floor,
    backlog_share: Annotated[
        float, Parameter(help="Share of the backlog that few customers should not have.")
    ] = _DEFAULT.backlog_share,
    backlog_customers: Annotated[
        int, Parameter(help="How many customers are few.")
    ] = _DEFAULT.backlog_customers,
    call: Call = CALL,
) -> int:
    """Say what costs money now, with figures and what to do.

    The status is 1 where there is an alarm.

    Tenants that hold cards and do nothing, pools that are hardly sold, models whose rent does not recover their
    depreciation, a backlog of few customers, devices that became slower. Without a time it is the last day.
    """
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        items = list(
            client.items(
                "alarms",
                start=start,
                end=end,
                idle_share=str(idle_share),
                sold_floor=str(sold_floor),
                backlog_share=str(backlog_share),
                backlog_customers=backlog_customers,
            )
        )
    call.show_list(items, Alarm, _print_alarms)
    return RAISED if items else 0


def _print_alarms(found: list[Alarm]) -> None:
    if not found:
        print(_("no alarms"))
    for index, alarm in enumerate(found):
        if index:
            print()
        message, remedy = _said(alarm)
        print(f"{formats.word(alarm.code)} {alarm.about}: {message}")
        print(_("  remedy: {remedy}").format(remedy=remedy))
        rows = [
            (name, _value(one), one.unit.removeprefix(MICROS), one.population, formats.word(one.status))
            for name, one in alarm.figures.items()
        ]
        print_table(("FIGURE", "VALUE", "UNIT", "POPULATION", "STATUS"), rows, right=(1,))


def _said(alarm: Alarm) -> tuple[str, str]:
    """What it says and what to do, in the language of this command line."""
    if language() == "en":
        return alarm.message, alarm.remedy
    from penstock.web.documents.alarm_words import SENTENCES

    message, remedy = SENTENCES[alarm.code]
    return message.format(about=alarm.about), remedy


def _value(figure: Figure) -> str:
    if figure.value is None:
        return formats.NONE
    if figure.unit.startswith(MICROS):
        return format_amount(int(figure.value))
    if figure.unit == "share":
        return formats.share(figure.value)
    return f"{figure.value:,}" if isinstance(figure.value, int) else f"{figure.value:,.4g}"


def lost(*, span: Span = ALWAYS, call: Call = CALL) -> None:
    """Show the demand that was refused or kept waiting, by what would have let it in.

    Which chip to port to or to buy, which size of gang to defragment for, which price was too high: in card-hours
    and in money. Without a time it is the last seven days.
    """
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        answer = client.get("lost", start=start, end=end)
    call.show(answer, LostRevenue, lambda found: _print_lost(found, call))


def _print_lost(found: LostRevenue, call: Call) -> None:
    print_fields(
        [
            ("from", call.time(found.start)),
            ("to", call.time(found.end)),
            ("jobs", str(found.submitted)),
            ("quotes", str(found.quoted)),
            ("never served", str(found.refused)),
            ("asked for", f"{formats.hours(found.lost_card_us)} {_('card-hours')}"),
            ("list value lost", formats.money(found.lost_value_micros, found.currency)),
        ]
    )
    if not found.rows:
        return
    print()
    rows = [
        (
            formats.word(row.remedy),
            row.what,
            formats.word(row.reason),
            formats.word(row.source),
            str(row.asks),
            str(row.tenants),
            str(row.refused),
            formats.hours(row.lost_card_us),
            formats.money(row.lost_value_micros, found.currency),
            formats.hours(row.delayed_card_us),
            formats.hours(row.idle_card_us),
        )
        for row in found.rows
    ]
    titles = (
        "REMEDY",
        "WHAT",
        "REASON",
        "ASKED BY",
        "ASKS",
        "TENANTS",
        "REFUSED",
        "LOST CARD-HOURS",
        "LIST VALUE",
        "WAITED CARD-HOURS",
        "IDLE CARD-HOURS",
    )
    print_table(titles, rows, right=(4, 5, 6, 7, 8, 9, 10))
    print(
        _(
            "asks and waiting are measured; what was lost and its list value are derived from what was asked for"
        )
    )
