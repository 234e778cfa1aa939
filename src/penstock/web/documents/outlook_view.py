"""The outlook of a planned centre as sections and pictures, in one language."""

from collections.abc import Sequence

from penstock.insight.economics.outlook import Evidence, Outlook, Spread
from penstock.insight.economics.parameters import parameters
from penstock.insight.model import Line
from penstock.web.documents.charts import band, histogram, shares
from penstock.web.documents.economics_words import COLUMNS, STATUS
from penstock.web.documents.ladder_words import LINE_WORDS, Language
from penstock.web.documents.outlook_words import (
    EVIDENCE_WORDS,
    LADDER_LINES,
    LENGTH_WORDS,
    QUANTITIES,
    SENTENCES,
    WORDS,
)
from penstock.web.documents.plan_html import Picture, page
from penstock.web.documents.sections import NONE, Section, amount, shown, status, unit_words

_SHOWN = ("5", "25", "50", "75", "95")
_OUTER = ("5", "25", "75", "95")
_ENDS = ("range_low", "range_base", "range_high")
_HISTORY = ("8xH100 node rent peak to end-2024", "H100 USD per GPU-hour", "China card-hour 2026 (Chengdu)")


class OutlookView:
    """Sections in one language."""

    def __init__(self, outlook: Outlook, language: Language) -> None:
        self.outlook, self.language = outlook, language

    def word(self, name: str) -> str:
        """A word."""
        return WORDS[name][self.language]

    def sections(self) -> list[Section]:
        """What must be said, what may come, on what it rests."""
        return [
            one for one in (self.said(), self.spreads(), self.ladder(), self.evidence(), *self.rents()) if one
        ]

    def said(self) -> Section:
        """Sentences, the bluntest first."""
        outlook, sentences = self.outlook, list[str]()
        comma = "、" if self.language == "zh" else "; "
        missing = comma.join(EVIDENCE_WORDS[kind][self.language] for kind in outlook.missing)
        needed = outlook.break_even_occupancy.value
        if needed is not None and needed > 100:
            sentences.append(SENTENCES["break_even_above_full"][self.language].format(occupancy=needed))
        if not outlook.single_allowed:
            sentences.append(SENTENCES["no_single"][self.language].format(missing=missing))
        elif missing:
            sentences.append(SENTENCES["missing"][self.language].format(missing=missing))
        sentences.append(SENTENCES["loss"][self.language].format(percent=outlook.loss_probability.value))
        if not outlook.spreads["irr_yearly"].futures:
            sentences.append(SENTENCES["no_irr"][self.language])
        return Section(self.word("findings"), notes=tuple(sentences))

    def spreads(self) -> Section:
        """Quantiles of what a board asks for; the middle and one number only where evidence allows it."""
        percents = _SHOWN if self.outlook.single_allowed else _OUTER
        rows = []
        for name, spread in self.outlook.spreads.items():
            if not spread.futures:
                continue
            cells = (self.number(spread, spread.quantiles.get(percent)) for percent in percents)
            single = shown(spread.single, self.language)
            unit = unit_words(spread.unit, self.language)
            rows.append((QUANTITIES[name][self.language], *cells, single, unit))
        columns = (
            self.word("quantity"),
            *(f"{p} %" for p in percents),
            self.word("single"),
            self.word("unit"),
        )
        note = f"{next(iter(self.outlook.spreads.values())).population} · {STATUS['derived'][self.language]}"
        right = frozenset(range(1, len(columns) - 1))
        return Section(self.word("spreads"), columns, tuple(rows), (note,), right)

    def number(self, spread: Spread, value: float | None) -> str:
        """A number of that unit."""
        if value is None:
            return NONE
        if spread.unit.startswith("micros"):
            return amount(round(value), self.language)
        return f"{value:,.1f}"

    def percent(self, spread: Spread, percent: str) -> str:
        """A quantile of shares."""
        found = spread.quantiles.get(percent)
        return NONE if found is None else f"{found:,.1f} %"

    def ladder(self) -> Section | None:
        """The lines of the ladder."""
        found = {name: one for name, one in self.outlook.ladder.items() if one.quantiles.get("95")}
        if not found:
            return None
        rows = tuple(
            (self.line(name), *(f"{one.quantiles[percent]:,.1f} %" for percent in _SHOWN))
            for name, one in found.items()
        )
        columns = (self.word("line"), *(f"{percent} %" for percent in _SHOWN))
        return Section(self.word("ladder"), columns, rows, (), frozenset(range(1, len(columns))))

    def line(self, name: str) -> str:
        """A line of the card-hour book, or time set aside."""
        words = LADDER_LINES[name] if name in LADDER_LINES else LINE_WORDS[Line(name)]
        return words[self.language]

    def evidence(self) -> Section | None:
        """Where demand comes from."""
        rows = tuple(
            (
                EVIDENCE_WORDS[one.kind][self.language],
                one.source,
                f"{one.demand.value:,.0f}",
                f"{one.coverage.value:,.0f} %",
                status(one.demand, self.language),
            )
            for one in self.outlook.evidence
        )
        columns = tuple(self.word(name) for name in ("kind", "source", "demand", "coverage", "status"))
        notes = tuple(self.lengths(one) for one in self.outlook.evidence if one.lengths)
        return Section(self.word("evidence"), columns, rows, notes, frozenset({2, 3})) if rows else None

    def lengths(self, one: Evidence) -> str:
        """How the lengths of a trace's jobs are known, by card-hours."""
        whole = sum(part.value or 0.0 for part in one.lengths.values())
        parts = (
            f"{(part.value or 0.0) / whole:.0%} {LENGTH_WORDS[name][self.language]} ({status(part, self.language)})"
            for name, part in one.lengths.items()
        )
        comma, colon = ("；", "：") if self.language == "zh" else ("; ", ": ")
        return f"{self.word('lengths')} ({one.source}){colon}{comma.join(parts)}"

    def rents(self) -> Sequence[Section]:
        """The path of rents, and how rents moved before."""
        if len(self.outlook.price_years) < 2:
            return ()
        percents = _SHOWN if self.outlook.single_allowed else _OUTER
        rows = tuple(
            (year, *(self.percent(one, percent) for percent in percents))
            for year, one in self.outlook.price_years.items()
        )
        columns = (self.word("year"), *(f"{percent} %" for percent in percents))
        before = tuple(
            (
                one.parameter,
                *(NONE if n is None else f"{n:g}" for n in (one.low, one.base, one.high)),
                one.unit,
                one.status,
            )
            for one in parameters()
            if one.parameter in _HISTORY
        )
        heads = (
            "",
            *(COLUMNS[name][self.language] for name in _ENDS),
            self.word("unit"),
            self.word("status"),
        )
        return (
            Section(self.word("prices"), columns, rows, (), frozenset(range(1, len(columns)))),
            Section(self.word("history"), heads, before, (), frozenset({1, 2, 3})),
        )

    def pictures(self) -> dict[str, list[Picture]]:
        """Drawings by the title of their section."""
        found, outlook = dict[str, list[Picture]](), self.outlook
        for name in ("net", "irr_yearly"):
            spread = outlook.spreads[name]
            if spread.futures > 1:
                ends = [self.number(spread, edge) for edge in (spread.edges[0], spread.edges[-1])]
                unit = "" if spread.unit.startswith("micros") else " %"
                drawn = histogram(spread.edges, spread.counts, f"{ends[0]}{unit}", f"{ends[1]}{unit}")
                caption = self.word(f"{name.partition('_')[0]}_picture").format(futures=spread.futures)
                found.setdefault(self.word("spreads"), []).append(Picture(drawn, caption))
        middle = [
            (self.line(name), one.quantiles["50"])
            for name, one in outlook.ladder.items()
            if one.quantiles.get("50")
        ]
        if middle:
            found[self.word("ladder")] = [Picture(shares(middle), self.word("ladder_picture"))]
        years = list(outlook.price_years.values())
        if len(years) > 1:
            points = [(one.quantiles["5"], one.quantiles.get("50"), one.quantiles["95"]) for one in years]
            found[self.word("prices")] = [
                Picture(band(points, list(outlook.price_years)), self.word("price_picture"))
            ]
        return found


def document(outlook: Outlook, language: Language) -> str:
    """One page that needs nothing else."""
    view = OutlookView(outlook, language)
    lede = view.word("lede").format(futures=outlook.futures, seed=outlook.seed)
    return page(outlook.name, view.word("kicker"), lede, view.sections(), language, view.pictures())
