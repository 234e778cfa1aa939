"""The ladder on a terminal: its rungs as bars, its lines in time and in money."""

from collections.abc import Mapping
from datetime import tzinfo

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from penstock.insight.ladder import Axis
from penstock.insight.model import Ladder
from penstock.web.documents.ladder_figures import date_time, hours, money, money_decimals, share, zone_name
from penstock.web.documents.ladder_view import lines_with_time, notes, rungs
from penstock.web.documents.ladder_words import LINE_WORDS, LOSS_WORDS, RUNG_WORDS, Language

_BAR_CELLS = 30
_STYLES = {
    "not_available": "bright_black",
    "not_sold": "white",
    "not_occupied": "blue",
    "not_active": "yellow",
    "not_effective": "red",
    "effective": "green",
}
_TEXT: dict[Language, dict[str, str]] = {
    "en": {
        "title": "Where every card-hour went",
        "population": "{devices} devices commissioned, {hours} card-hours of capacity",
        "of_capacity": "of capacity",
        "of_above": "of {rung}",
        "line": "line",
        "rung": "rung",
        "hours": "card-hours",
        "value": "list value",
        "cost": "carried cost",
        "sum": "sum = capacity",
        "measured": "measured",
        "derived": "derived",
        "nobody": "(not sold)",
        "unnamed": "(none)",
        "devices": "devices",
        "model": "model",
        "node": "node",
        "tenant": "tenant",
        "tranche": "tranche",
    },
    "zh": {
        "title": "每一个卡时去了哪里",
        "population": "在册 {devices} 台设备，总容量 {hours} 卡时",
        "of_capacity": "占总容量",
        "of_above": "占{rung}",
        "line": "去向",
        "rung": "层级",
        "hours": "卡时",
        "value": "目录价值",
        "cost": "持有成本",
        "sum": "合计 = 总容量",
        "measured": "实测",
        "derived": "推算",
        "nobody": "（未售）",
        "unnamed": "（无）",
        "devices": "设备",
        "model": "型号",
        "node": "节点",
        "tenant": "租户",
        "tranche": "批次",
    },
}


def render_ladder(ladder: Ladder, language: Language, zone: tzinfo | None = None) -> RenderableType:
    """One ladder: population, rungs with both shares, lines in time and money; times in `zone` or local."""
    text = _TEXT[language]
    capacity = ladder.capacity_card_us
    span = f"{date_time(ladder.start, zone)} – {date_time(ladder.end, zone)} {zone_name(ladder.end, zone)}"
    population = text["population"].format(devices=f"{ladder.devices:,}", hours=hours(capacity, capacity))
    return Group(
        Text(text["title"], style="bold"),
        Text(span),
        Text(f"{population} · {text['measured']}"),
        Padding(_rungs(ladder, language), (1, 0)),
        _lines(ladder, language),
        *(Text(note, style="dim") for note in notes(ladder, language)),
    )


def render_ladder_by(ladders: Mapping[str, Ladder], by: Axis, language: Language) -> RenderableType:
    """Ladders side by side, a row each: capacity, and each rung as a share of that capacity."""
    text = _TEXT[language]
    table = Table(box=box.SIMPLE_HEAD, title=text["title"], title_justify="left", title_style="bold")
    table.add_column(text[by], no_wrap=True)
    table.add_column(text["devices"], justify="right")
    table.add_column(f"{RUNG_WORDS['capacity'][language]} ({text['hours']})", justify="right")
    for name in list(RUNG_WORDS)[1:]:
        table.add_column(RUNG_WORDS[name][language], justify="right")
    largest = max((ladder.capacity_card_us for ladder in ladders.values()), default=0)
    for key, ladder in ladders.items():
        capacity = ladder.capacity_card_us
        shares = (share(rung.card_us, capacity, language) for rung in rungs(ladder)[1:])
        name = key or text["nobody" if by == "tenant" else "unnamed"]
        table.add_row(name, f"{ladder.devices:,}", hours(capacity, largest), *shares)
    return table


def _rungs(ladder: Ladder, language: Language) -> Table:
    text = _TEXT[language]
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    for justify in ("left", "left", "right", "right", "left", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    capacity = ladder.capacity_card_us
    for rung in rungs(ladder):
        row = [
            RUNG_WORDS[rung.name][language],
            Text(_bar(rung.card_us, capacity), style="green" if rung.name == "effective" else "cyan"),
            hours(rung.card_us, capacity),
            share(rung.card_us, capacity, language),
            text["of_capacity"],
        ]
        if rung.above != "capacity":
            above = text["of_above"].format(rung=RUNG_WORDS[rung.above][language])
            row += [share(rung.card_us, rung.above_us, language), above]
        table.add_row(*row)
    return table


def _lines(ladder: Ladder, language: Language) -> Table:
    text = _TEXT[language]
    capacity = ladder.capacity_card_us
    values = [line.list_value_micros for line in ladder.lines]
    costs = [line.carried_cost_micros for line in ladder.lines]
    decimals = money_decimals([sum(values), sum(costs)])
    table = Table(box=box.SIMPLE, show_footer=True, padding=(0, 1))
    table.add_column(text["rung"], text["sum"], no_wrap=True)
    table.add_column(text["line"], no_wrap=True)
    table.add_column(text["hours"], hours(capacity, capacity), justify="right")
    table.add_column(text["of_capacity"], share(capacity, capacity, language), justify="right")
    for title, amounts in ((text["value"], values), (text["cost"], costs)):
        total = money(sum(amounts), ladder.currency, language, decimals)
        table.add_column(f"{title} ({text['derived']})", total, justify="right")
    for line in lines_with_time(ladder):
        table.add_row(
            LOSS_WORDS[line.rung][language],
            Text(LINE_WORDS[line.line][language], style=_STYLES[line.rung]),
            hours(line.card_us, capacity),
            share(line.card_us, capacity, language),
            money(line.list_value_micros, ladder.currency, language, decimals),
            money(line.carried_cost_micros, ladder.currency, language, decimals),
        )
    return table


def _bar(part: int, whole: int) -> str:
    """Filled eighths of cells; at least a sliver for what is not nothing."""
    eighths = 0 if not whole else max(round(8 * _BAR_CELLS * part / whole), bool(part))
    full, rest = divmod(eighths, 8)
    return "█" * full + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[rest]
