"""The economics report as a page with its pictures."""

from penstock.insight.economics.report import EconomicsReport
from penstock.web.documents.charts import columns, tornado
from penstock.web.documents.economics_view import sections
from penstock.web.documents.economics_words import LINES, TITLES
from penstock.web.documents.ladder_words import Language
from penstock.web.documents.plan_html import Picture, page
from penstock.web.documents.sections import amount, unit_words

_WORDS: dict[str, dict[Language, str]] = {
    "kicker": {"en": "Economics of a centre", "zh": "智算中心经济性"},
    "lede": {"en": "{since} to {until}, in {currency}", "zh": "{since} 至 {until}，单位 {currency}"},
    "profit": {"en": "Net profit or loss by years, derived", "zh": "各年净损益（推算）"},
    "tornado": {
        "en": "Present value when one assumption moves and nothing else; the line is the plan's own, derived",
        "zh": "单一假设变动时的净现值；竖线为计划本身（推算）",
    },
}


def document(report: EconomicsReport, language: Language) -> str:
    """One file."""
    lede = _WORDS["lede"][language].format(since=report.since, until=report.until, currency=report.currency)
    drawn = pictures(report, language)
    return page(report.name, _WORDS["kicker"][language], lede, sections(report, language), language, drawn)


def pictures(report: EconomicsReport, language: Language) -> dict[str, list[Picture]]:
    """Drawings by the title of their section: profit by years, and what matters."""
    words = {name: word[language] for name, word in _WORDS.items()}
    found: dict[str, list[Picture]] = {}
    if len(report.years) > 1:
        nets = [(f"{one.since:%Y-%m}", int(one.profit["net"].value or 0)) for one in report.years]
        bars = [(name, net / 1e6, amount(net, language)) for name, net in nets]
        found[TITLES["profit"][language]] = [Picture(columns(bars), words["profit"])]
    worth = report.measures["npv"].value
    if report.tornado and worth is not None:
        rows = [
            (
                LINES[swing.factor][language],
                float(swing.npv_low_micros),
                float(swing.npv_high_micros),
                f"{unit_words(swing.low, language)}: {amount(swing.npv_low_micros, language)}",
                f"{unit_words(swing.high, language)}: {amount(swing.npv_high_micros, language)}",
            )
            for swing in report.tornado
        ]
        drawn = tornado(rows, float(worth), amount(int(worth), language))
        found[TITLES["tornado"][language]] = [Picture(drawn, words["tornado"])]
    return found
