"""The economics report as sections, in one language."""

from collections.abc import Iterable, Mapping

from penstock.base.figure import Figure
from penstock.insight.economics.claims import Examined
from penstock.insight.economics.findings import Finding
from penstock.insight.economics.parameters import Parameter
from penstock.insight.economics.report import EconomicsReport, Period
from penstock.web.documents.economics_words import COLUMNS, FINDINGS, LINES, REASONS, STATUS, TITLES
from penstock.web.documents.ladder_words import Language
from penstock.web.documents.sections import NONE, Section, amount, notes_of, shown, status, unit, unit_words

_ORDER = (
    *("revenue", "depreciation", "power", "colocation", "staff", "bandwidth", "maintenance"),
    *("gross_profit", "gross_margin", "surtax", "research", "selling", "administration", "impairment"),
    *("interest", "subsidy", "before_tax", "income_tax", "net", "net_margin"),
)
_STAGES = ("budget", "committed", "paid", "in_service")
_LIVES = ("depreciation", "impairment", "net")
_FILED = ("revenue", "net", "impairment", "implied_net", "restated_by")


def sections(report: EconomicsReport, language: Language) -> list[Section]:
    """What must be said first, then the accounts, then what is behind them."""
    view = View(language)
    found = [
        view.findings(report),
        view.periods("profit", report, _ORDER),
        view.periods("cash", report, tuple(report.whole.cash)),
        view.measures("measures", report.measures),
        view.grid("stages", report.stages, _STAGES),
        view.grid("tranches", report.tranches, tuple(next(iter(report.tranches.values()), {}))),
        view.lives(report),
        view.tornado(report),
        view.measures("contracts", report.contracts),
        view.filed(report),
        view.measures("exit", report.exit),
    ]
    return [section for section in found if section.rows or section.notes]


class View:
    """Sections in one language."""

    def __init__(self, language: Language) -> None:
        self.language: Language = language

    def title(self, name: str) -> str:
        """The title of a section."""
        return TITLES[name][self.language]

    def columns(self, *names: str) -> tuple[str, ...]:
        """Titles of columns."""
        return tuple(COLUMNS[name][self.language] for name in names)

    def line(self, name: str) -> str:
        """The word of a line; what follows a contract's or a subject's name has its own."""
        subject, dot, own = name.rpartition(".")
        word = LINES[own][self.language] if own in LINES else own
        return f"{subject}: {word}" if dot else word

    def findings(self, report: EconomicsReport) -> Section:
        """Sentences."""
        said = [self.sentence(finding, report.currency) for finding in report.findings]
        blocked = FINDINGS["activation_blocked"][self.language]
        comma = "、" if self.language == "zh" else ", "
        for contract, reasons in report.blocked.items():
            words = comma.join(REASONS[reason][self.language] for reason in reasons)
            said.append(blocked.format(about=contract, reasons=words))
        return Section(self.title("findings"), notes=tuple(said))

    def sentence(self, finding: Finding, currency: str) -> str:
        """One finding with its numbers; amounts among them are written out."""
        numbers = dict[str, object](finding.numbers)
        for name in [name for name in numbers if name.endswith("_micros")]:
            written = amount(int(finding.numbers[name]), self.language)
            numbers[name.removesuffix("_micros")] = f"{written} {currency}"
        return FINDINGS[finding.code][self.language].format(about=finding.about, **numbers)

    def periods(self, side: str, report: EconomicsReport, order: Iterable[str]) -> Section:
        """Years beside the whole, lines that are nothing throughout left out."""
        periods = (report.whole, *report.years) if len(report.years) > 1 else (report.whole,)
        sides: list[Mapping[str, Figure]] = [getattr(period, side) for period in periods]
        rows = [
            (self.line(name), *(shown(figures[name], self.language) for figures in sides))
            for name in order
            if any(figures[name].value for figures in sides)
        ]
        heads = [_span(period) for period in periods[1:]]
        columns = (*self.columns("line", "whole"), *heads)
        sample = report.whole.profit["revenue"]
        note = f"{unit(sample, self.language)} · {status(sample, self.language)} · {sample.population}"
        return Section(self.title(side), columns, tuple(rows), (note,), frozenset(range(1, len(columns))))

    def measures(self, name: str, figures: dict[str, Figure]) -> Section:
        """Name, number, unit and status."""
        rows = tuple(
            (
                self.line(key),
                shown(figure, self.language),
                unit(figure, self.language),
                status(figure, self.language),
            )
            for key, figure in figures.items()
        )
        return Section(
            self.title(name),
            self.columns("line", "value", "unit", "status"),
            rows,
            notes_of(figures.values())[:1],
            frozenset({1}),
        )

    def grid(self, name: str, groups: dict[str, dict[str, Figure]], lines: tuple[str, ...]) -> Section:
        """A row for each group, a column for each line."""
        rows = tuple(
            (
                COLUMNS["centre"][self.language] if group == "centre" else group,
                *(shown(figures.get(line), self.language) for line in lines),
            )
            for group, figures in groups.items()
        )
        columns = (*self.columns("tranche"), *(LINES[line][self.language] for line in lines))
        return Section(self.title(name), columns, rows, (), frozenset(range(1, len(columns))))

    def lives(self, report: EconomicsReport) -> Section:
        """Profit differs from year to year, cash does not."""
        wholes = [periods[0] for periods in report.lives.values()]
        rows = [
            (self.line(name), *(shown(whole.profit[name], self.language) for whole in wholes))
            for name in _LIVES
        ]
        for year in zip(*(periods[1:] for periods in report.lives.values()), strict=True):
            nets = (shown(period.profit["net"], self.language) for period in year)
            rows.append((f"{self.line('net')} {_span(year[0])}", *nets))
        rows.append((self.line("cash"), *(shown(whole.cash["net"], self.language) for whole in wholes)))
        years = (COLUMNS["years"][self.language].format(years=years) for years in report.lives)
        columns = (*self.columns("line"), *years)
        return Section(self.title("lives"), columns, tuple(rows), (), frozenset(range(1, len(columns))))

    def tornado(self, report: EconomicsReport) -> Section:
        """What matters, the most first."""
        rows = tuple(
            (
                LINES[swing.factor][self.language],
                unit_words(swing.low, self.language),
                unit_words(swing.high, self.language),
                *(
                    amount(value, self.language)
                    for value in (swing.npv_low_micros, swing.npv_high_micros, swing.reach_micros)
                ),
            )
            for swing in report.tornado
        )
        columns = self.columns("line", "low", "high", "npv_low", "npv_high", "reach")
        return Section(self.title("tornado"), columns, rows, (), frozenset({3, 4, 5}))

    def filed(self, report: EconomicsReport) -> Section:
        """As published, and what that implies for the time between."""
        rows = []
        for one in report.filed:
            figures = {name: figure for name, figure in one.items() if isinstance(figure, Figure)}
            rows.append(
                (
                    f"{one['since']} – {one['until']}",
                    STATUS[str(one["status"])][self.language],
                    *(shown(figures.get(name), self.language) for name in _FILED),
                )
            )
        columns = (
            *self.columns("period", "status"),
            *(LINES[name][self.language] for name in _FILED),
        )
        right = frozenset(range(2, len(columns)))
        return Section(self.title("filed"), columns, tuple(rows), (), right)


def _span(period: Period) -> str:
    return f"{period.since:%Y-%m} – {period.until:%Y-%m}"


def claims_sections(examined: Examined, language: Language) -> list[Section]:
    """Figures that follow from claims, and what does not agree."""
    view = View(language)
    said = (*(one.message for one in examined.warnings), *(one.message for one in examined.refusals))
    rows = tuple(
        (name, shown(figure, language), unit(figure, language), status(figure, language), figure.population)
        for name, figure in examined.figures.items()
    )
    columns = view.columns("line", "value", "unit", "status", "population")
    table = Section(view.title("claims"), columns, rows, (), frozenset({1}))
    return [Section(view.title("findings"), notes=said), table] if said else [table]


def parameters_section(found: Iterable[Parameter], language: Language) -> Section:
    """The built-in table as it was collected."""
    view = View(language)

    def end(number: float | None) -> str:
        return NONE if number is None else f"{number:,g}"

    rows = tuple(
        (
            one.parameter,
            end(one.low),
            end(one.base),
            end(one.high),
            one.remark or one.unit if one.remark else one.unit,
            one.status,
            one.source,
        )
        for one in found
    )
    columns = view.columns("parameter", "range_low", "range_base", "range_high", "unit", "status", "source")
    return Section(view.title("parameters"), columns, rows, (), frozenset({1, 2, 3}))
