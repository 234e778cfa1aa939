"""`penstock ladder`: where every card-hour of a time went."""

import sys
from datetime import UTC
from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.base.quantity import CardMicroseconds
from penstock.base.refusal import Refused, invalid
from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.language import _, language
from penstock.cli.opened import print_opened
from penstock.cli.options import ALWAYS, Span
from penstock.cli.output import draw, print_fields, print_table
from penstock.insight.model import Ladder
from penstock.insight.opened import Interval


def ladder(
    *,
    span: Span = ALWAYS,
    by: Annotated[
        Literal["model", "node", "tenant", "tranche", "site"] | None,
        Parameter(help="One ladder for each of these."),
    ] = None,
    of: Annotated[str | None, Parameter(help="Only this one of --by.")] = None,
    line: Annotated[
        str | None,
        Parameter(
            help="Open a line, such as no_fit_memory: its intervals, with the jobs and reasons behind."
        ),
    ] = None,
    every: Annotated[
        bool, Parameter(name="--all", help="Show lines without card time too.", negative="")
    ] = False,
    call: Call = CALL,
) -> None:
    """Show where every card-hour of a time went, in time and in money.

    The lines sum to capacity. Without a time it is the last seven days.
    """
    if of is not None and by is None:
        raise Refused(invalid("group_incomplete", "--of is given without --by", "give both", "--of"))
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        if line is not None:
            found = client.items("card-hours", start=start, end=end, line=line, by=by if of else None, of=of)
            call.show_list(found, Interval, lambda opened: print_opened(opened, line, call, every=every))
            return
        answer = client.get("ladder", start=start, end=end, by=by)
    if of is not None:
        answer = {of: answer[of]} if of in answer else {}
    call.show(answer, dict[str, Ladder], lambda found: _print(found, call, by, every=every))


def _print(ladders: dict[str, Ladder], call: Call, by: str | None, *, every: bool) -> None:
    for index, (key, one) in enumerate(ladders.items()):
        if index:
            print()
        if sys.stdout.isatty():
            _draw(one, call, f"{_(by)}: {key or _('(none)')}" if by else "")
            continue
        print_ladder(one, call, [(by, key or _("(none)"))] if by else [], every=every)


def _draw(ladder: Ladder, call: Call, heading: str) -> None:
    from penstock.web.documents.ladder_text import render_ladder

    if heading:
        print(heading)
    draw(render_ladder(ladder, "zh" if language() == "zh" else "en", UTC if call.utc else None), broadest=120)
    _print_mfu(ladder)


def print_ladder(ladder: Ladder, call: Call, heading: list[tuple[str, str]], *, every: bool = False) -> None:
    """One ladder: its population, the rungs, and the lines with both kinds of money."""
    capacity = ladder.capacity_card_us
    print_fields(
        [
            *heading,
            ("from", call.time(ladder.start)),
            ("to", call.time(ladder.end)),
            ("devices", str(ladder.devices)),
            ("capacity", f"{formats.hours(capacity)} {_('card-hours')}"),
        ]
    )
    print()
    rungs = (
        ("available", ladder.available_card_us),
        ("sold", ladder.sold_card_us),
        ("occupied", ladder.occupied_card_us),
        ("active", ladder.active_card_us),
        ("effective", ladder.effective_card_us),
    )
    rows = [(_rung(name), formats.hours(time), _share(time, capacity)) for name, time in rungs]
    print_table(("RUNG", "CARD-HOURS", "OF CAPACITY"), rows, right=(1, 2))
    print()
    _print_lines(ladder, every=every)
    _print_mfu(ladder)
    _print_caveats(ladder)


def _print_lines(ladder: Ladder, *, every: bool) -> None:
    rows = [
        (
            _rung(line.rung),
            formats.word(line.line),
            formats.hours(line.card_us),
            formats.share(line.share),
            formats.money(line.list_value_micros, ladder.currency),
            formats.money(line.carried_cost_micros, ladder.currency),
        )
        for line in ladder.lines
        if line.card_us or every
    ]
    rows.append(
        (
            _("total"),
            "",
            formats.hours(sum(line.card_us for line in ladder.lines)),
            _share(sum(line.card_us for line in ladder.lines), ladder.capacity_card_us),
            formats.money(sum(line.list_value_micros for line in ladder.lines), ladder.currency),
            formats.money(sum(line.carried_cost_micros for line in ladder.lines), ladder.currency),
        )
    )
    titles = ("RUNG", "LINE", "CARD-HOURS", "OF CAPACITY", "LIST VALUE", "CARRIED COST")
    print_table(titles, rows, right=(2, 3, 4, 5))
    status = formats.word(ladder.numbers["card_us"].status if ladder.numbers else "measured")
    print(
        _(
            "card-hours are {status}; shares, list value and carried cost (depreciation, interest, power) derived"
        ).format(status=status)
    )


def _print_caveats(ladder: Ladder) -> None:
    if ladder.unpriced_card_us:
        hours = formats.hours(ladder.unpriced_card_us)
        print(
            _("{hours} card-hours had no offer in force; their list value counts as nothing").format(
                hours=hours
            )
        )
    if ladder.uncosted_devices:
        print(
            _("{count} devices have no recorded cost; their carried cost counts as nothing").format(
                count=ladder.uncosted_devices
            )
        )


def _print_mfu(ladder: Ladder) -> None:
    if ladder.mfu is not None and ladder.mfu.value is not None:
        said = _("of the dense peak was used by jobs that state their FLOPs ({status}): {population}")
        told = said.format(status=formats.word(ladder.mfu.status), population=ladder.mfu.population)
        print(f"MFU {ladder.mfu.value:.1f} % {told}")


def _rung(code: str) -> str:
    """In English the code itself."""
    if language() == "en":
        return code
    from penstock.web.documents.ladder_words import LOSS_WORDS, RUNG_WORDS

    return {**RUNG_WORDS, **LOSS_WORDS}[code]["zh"]


def _share(part: CardMicroseconds, whole: CardMicroseconds) -> str:
    return formats.share(part / whole) if whole else formats.NONE
