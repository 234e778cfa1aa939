"""Planned centres side by side: alternatives under the same futures, and remedies on the same month."""

from collections.abc import Iterable, Sequence

from penstock.insight.economics.outlook import Outlook
from penstock.insight.model import Line
from penstock.sim.planning.remedies import Remedied, Remedies
from penstock.web.documents.charts import columns, ranges, stacked
from penstock.web.documents.economics_words import COLUMNS, STATUS
from penstock.web.documents.ladder_words import LINE_WORDS, Language
from penstock.web.documents.outlook_view import OutlookView
from penstock.web.documents.outlook_words import LADDER_LINES, QUANTITIES, REMEDIES, TERMS, WORDS
from penstock.web.documents.plan_html import Picture, page
from penstock.web.documents.sections import NONE, Section, amount, shown, status, unit, unit_words


def compared(outlooks: Sequence[Outlook], language: Language) -> list[Section]:
    """Alternatives side by side: the ends and, where evidence allows, the middle of each quantity."""
    views = [OutlookView(outlook, language) for outlook in outlooks]
    rows = []
    for name in outlooks[0].spreads:
        cells = []
        for view in views:
            spread = view.outlook.spreads[name]
            low, high = (view.number(spread, spread.quantiles.get(percent)) for percent in ("5", "95"))
            single = f" ({shown(spread.single, language)})" if spread.single else ""
            cells.append(NONE if low == NONE else f"{low} … {high}{single}")
        said = unit_words(outlooks[0].spreads[name].unit, language)
        rows.append((QUANTITIES[name][language], *cells, said))
    for word, figures in (
        ("break_even", [outlook.break_even_occupancy for outlook in outlooks]),
        ("loss", [outlook.loss_probability for outlook in outlooks]),
    ):
        rows.append(
            (WORDS[word][language], *(shown(one, language) for one in figures), unit(figures[0], language))
        )
    titles = (WORDS["quantity"][language], *(outlook.name for outlook in outlooks), WORDS["unit"][language])
    notes = tuple(f"{view.outlook.name}: {note}" for view in views for note in view.said().notes)
    read = WORDS["ends"][language].format(
        futures=outlooks[0].futures, seed=outlooks[0].seed, status=STATUS["derived"][language]
    )
    right = frozenset(range(1, len(titles) - 1))
    table = Section(WORDS["spreads"][language], titles, tuple(rows), (read,), right)
    return [Section(WORDS["findings"][language], notes=notes), table]


def comparison(outlooks: Sequence[Outlook], language: Language) -> str:
    """One page of alternatives."""
    title = " / ".join(outlook.name for outlook in outlooks)
    lede = WORDS["lede"][language].format(futures=outlooks[0].futures, seed=outlooks[0].seed)
    drawn = {WORDS["spreads"][language]: comparison_pictures(outlooks, language)}
    return page(title, WORDS["compared"][language], lede, compared(outlooks, language), language, drawn)


def comparison_pictures(outlooks: Sequence[Outlook], language: Language) -> list[Picture]:
    """Profit on one scale, and where the card-hours go where there is evidence of demand for all."""
    nets = [(outlook.name, outlook.spreads["net"]) for outlook in outlooks]
    rows = [
        (
            name,
            net.quantiles["5"],
            net.quantiles.get("50"),
            net.quantiles["95"],
            amount(round(net.quantiles["5"]), language),
            amount(round(net.quantiles["95"]), language),
        )
        for name, net in nets
    ]
    drawn = [Picture(ranges(rows), WORDS["net_ranges"][language].format(currency=outlooks[0].currency))]
    means = [{line: one.mean or 0.0 for line, one in outlook.ladder.items()} for outlook in outlooks]
    if all(sum(one.values()) > 0 for one in means):
        names = dict.fromkeys(line for one in means for line in one)
        words = {line: line_word(line, language) for line in in_order(names)}
        bars = [(outlook.name, list(one.items())) for outlook, one in zip(outlooks, means, strict=True)]
        drawn.append(Picture(stacked(bars, words), WORDS["ladders"][language]))
    return drawn


def line_word(name: str, language: Language) -> str:
    """A line of the card-hour book, or time set aside."""
    return (LADDER_LINES[name] if name in LADDER_LINES else LINE_WORDS[Line(name)])[language]


def in_order(lines: Iterable[str]) -> list[str]:
    """Lines in the order of the ladder from the effective one on; time set aside before the idle ones."""
    order = [Line.PRODUCTIVE.value, *LADDER_LINES, *reversed([line.value for line in Line])]
    return sorted(lines, key=order.index)


class RemediesView:
    """The month under each remedy, in one language."""

    def __init__(self, found: Remedies, language: Language) -> None:
        self.found, self.language = found, language

    def word(self, name: str) -> str:
        """A word of the report."""
        return REMEDIES[name][self.language]

    def sections(self) -> list[Section]:
        """The table, what is taken for granted, and what was not played."""
        made = [self.table(), self.terms(), self.not_played()]
        return [section for section in made if section.rows or section.notes]

    def table(self) -> Section:
        """The ladder and the money side by side."""
        played, language = self.found.played, self.language
        percent = unit_words("percent of card-hours in service", language).removeprefix("percent ")
        money = self.found.currency

        def row(name: str, cells: Sequence[str], of: str) -> tuple[str, ...]:
            return (name, *cells, of)

        rows = [
            row(
                line_word(line, self.language),
                [f"{one.ladder.get(line, 0.0):.1f} %" for one in played],
                percent,
            )
            for line in self.lines()
        ]
        rows += [
            row(QUANTITIES["occupancy"][language], [f"{one.let_percent:.1f} %" for one in played], percent),
            row(
                QUANTITIES["refused"][language],
                [f"{one.refused_card_hours:,.0f}" for one in played],
                unit_words("card-hours refused", language),
            ),
            *(
                row(name, [amount(getattr(one, field), language) for one in played], money)
                for name, field in (
                    (QUANTITIES["revenue"][language], "revenue_micros"),
                    (QUANTITIES["net"][language], "net_micros"),
                    (self.word("gain"), "net_gain_micros"),
                )
            ),
        ]
        titles = (self.found.month, *(self.word(one.name) for one in played), WORDS["unit"][language])
        note = f"{played[0].population} · {STATUS['derived'][language]}"
        right = frozenset(range(1, len(titles) - 1))
        return Section(self.word("title"), titles, tuple(rows), (note, self.word("costs")), right)

    def lines(self) -> list[str]:
        """The lines that have any time, in the order of the ladder from the effective one on."""
        return in_order(
            {line for one in self.found.played for line, percent in one.ladder.items() if percent > 0.05}
        )

    def terms(self) -> Section:
        """What each remedy takes for granted, with the source of each figure."""
        rows = []
        for one in self.found.played:
            if not one.terms and one.assumed:
                rows.append((self.word(one.name), self.granted(one), NONE, NONE, self.word("assumed")))
            for name, figure in one.terms.items():
                source = self.word(figure.source) if figure.source in REMEDIES else figure.source
                percent = " %，" if self.language == "zh" and figure.unit.startswith("percent") else " "
                value = f"{figure.value:g}{percent}{unit_words(figure.unit, self.language)}"
                said = (TERMS[name][self.language], value, status(figure, self.language), source)
                rows.append((self.word(one.name), *said))
        titles = (
            self.word("remedy"),
            self.word("granted"),
            WORDS["value"][self.language],
            COLUMNS["status"][self.language],
            COLUMNS["source"][self.language],
        )
        return Section(self.word("terms"), titles, tuple(rows))

    def granted(self, one: Remedied) -> str:
        """In words, where no figure says it."""
        return one.assumed if self.language == "en" else self.word(f"{one.name}_granted")

    def not_played(self) -> Section:
        """Remedies with nothing to work on."""
        missing = (
            f"{self.word(name)}: {why if self.language == 'en' else self.word(f'{name}_idle')}"
            for name, why in self.found.not_played.items()
        )
        return Section(self.word("not_played"), notes=tuple(missing))

    def pictures(self) -> dict[str, list[Picture]]:
        """Ladders one below the other, and the gain of each remedy."""
        played = self.found.played
        words = {line: line_word(line, self.language) for line in self.lines()}
        bars = [(self.word(one.name), list(one.ladder.items())) for one in played]
        gains = [
            (self.word(one.name), one.net_gain_micros / 1e6, amount(one.net_gain_micros, self.language))
            for one in played[1:]
        ]
        drawn = [Picture(stacked(bars, words), self.word("ladder_picture"))]
        if gains:
            caption = self.word("gain_picture").format(currency=self.found.currency)
            drawn.append(Picture(columns(gains), caption))
        return {self.word("title"): drawn}


def remedies_document(found: Remedies, language: Language) -> str:
    """One page of remedies."""
    view = RemediesView(found, language)
    lede = view.word("lede").format(month=found.month, futures=found.futures, seed=found.seed)
    return page(found.name, view.word("kicker"), lede, view.sections(), language, view.pictures())
