"""The accounts of a running centre as sections, in one language."""

from collections.abc import Mapping

from penstock.insight.earned import LiveAccounts
from penstock.insight.economics.plan import CostKind
from penstock.web.documents.economics_view import View
from penstock.web.documents.ladder_words import Language
from penstock.web.documents.sections import Section, notes_of, shown, status, unit

_LINES = ("revenue", "depreciation", "power", "interest", "result")
_WHERE_SOME = ("revenue_share", "subsidy")


def sections(found: Mapping[str, LiveAccounts], language: Language) -> list[Section]:
    """The whole with all its lines, or the groups side by side."""
    if list(found) == [""]:
        return _whole(found[""], language)
    view = View(language)
    kinds = [line for line in (*CostKind.__value__.__args__, *_WHERE_SOME) if line not in _LINES]
    lines = [
        *_LINES[:-1],
        *(k for k in kinds if any(k in one.profit and one.profit[k].value for one in found.values())),
        "result",
    ]
    rows = tuple(
        (
            name or "–",
            *(shown(one.profit.get(line), language) for line in lines),
            shown(one.card_hours["capacity"], language),
            shown(one.card_hours["sold"], language),
            shown(one.per_card_hour["result_capacity"], language),
        )
        for name, one in found.items()
    )
    columns = (
        *view.columns("tranche_or_group"),
        *(view.line(line) for line in (*lines, "capacity_hours", "sold_hours", "result_capacity")),
    )
    notes = _tags(next(iter(found.values())), lines, view) if found else ()
    return [Section(view.title("profit"), columns, rows, notes, frozenset(range(1, len(columns))))]


def _tags(one: LiveAccounts, lines: list[str], view: View) -> tuple[str, ...]:
    """The unit and time of groups side by side, and which lines are measured, derived or claimed."""
    by_status: dict[str, list[str]] = {}
    for line in (line for line in lines if line in one.profit):
        by_status.setdefault(status(one.profit[line], view.language), []).append(view.line(line))
    comma, colon = ("、", "：") if view.language == "zh" else (", ", ": ")
    said = (f"{word}{colon}{comma.join(names)}" for word, names in by_status.items())
    revenue = one.profit["revenue"]
    time = revenue.population.partition(", ")[2]
    return (f"{unit(revenue, view.language)} · {time} · {' · '.join(said)}",)


def _whole(one: LiveAccounts, language: Language) -> list[Section]:
    view = View(language)
    parts = (("profit", one.profit), ("cash", one.ledger), ("per_card_hour", one.per_card_hour))
    tables = []
    for name, figures in parts:
        rows = tuple(
            (view.line(key), shown(figure, language), unit(figure, language), status(figure, language))
            for key, figure in figures.items()
        )
        columns = view.columns("line", "value", "unit", "status")
        tables.append(Section(view.title(name), columns, rows, notes_of(figures.values()), frozenset({1})))
    return tables
