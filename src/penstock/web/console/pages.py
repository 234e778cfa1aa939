"""Pages from templates: what every page is given, and how figures look on it."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from litestar import MediaType, Response

from penstock.base.figure import Figure
from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds, ComputeRate, card_hours
from penstock.billing.pricing.book import ComputeItem, HourlyItem, PackageItem, PriceBook, UsageItem
from penstock.billing.pricing.exact import decimal_text, to_micros
from penstock.billing.pricing.posting import exact
from penstock.insight.model import Line
from penstock.web.console.language import counted, translate
from penstock.web.console.navigation import navigation
from penstock.web.console.refusing import in_chinese
from penstock.web.console.visitor import Language, Taste, Visitor
from penstock.web.documents import ladder_figures as figures
from penstock.web.documents import sections
from penstock.web.documents.ladder_words import LINE_MEANINGS, LINE_WORDS, RUNG_WORDS

MONEY = "micros "
"""How the unit of an amount of money begins; the currency follows."""


_MICROS = re.compile(r"(-?\d+) micros\b")


class Fields(dict[str, str]):
    """What stands in the fields of a form: what was sent, else nothing."""

    def __missing__(self, name: str) -> str:
        return ""


def page(template: str, visitor: Visitor, *, status: int = 200, **given: Any) -> Response[str]:
    """A page of the console for who is signed in; a template is named by its place in the menu."""
    return _answer(
        template,
        visitor.taste,
        {"visitor": visitor, "menu": navigation(visitor), "here": template.partition(".")[0], **given},
        status,
    )


def bare_page(template: str, taste: Taste, *, status: int = 200, **given: Any) -> Response[str]:
    """A page for who is not signed in."""
    return _answer(template, taste, {"visitor": None, "menu": (), "here": "", **given}, status)


def _answer(template: str, taste: Taste, given: Mapping[str, Any], status: int) -> Response[str]:
    text = environment(taste.language).get_template(f"{template}.html.jinja").render(taste=taste, **given)
    return Response(text, media_type=MediaType.HTML, status_code=status)


@cache
def environment(language: Language) -> Environment:
    """The templates in one language; whatever comes from outside is escaped."""
    made = Environment(
        loader=PackageLoader("penstock.web", "console/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared: dict[str, Any] = made.globals
    shared["_"] = lambda text: translate(text, language)
    shared["_n"] = lambda one, many, number: counted(one, many, number, language)
    made.filters.update(
        {
            "word": lambda code: _word(str(code), language),
            "named": lambda name: RUNG_WORDS[name][language] if name in RUNG_WORDS else _word(name, language),
            "audited": lambda detail, currency: _audited(detail, currency, language),
            "rung": lambda rung: RUNG_WORDS[rung][language],
            "line": lambda line: LINE_WORDS[Line(line)][language],
            "line_meaning": lambda line: LINE_MEANINGS[Line(line)][language],
            "said": lambda text: text if language == "en" else in_chinese(text) or text,
            "money": _money(language),
            "count": lambda number: f"{number:,}",
            "exactly": lambda text, decimals=6: decimal_text(exact(text), decimals),
            "items_of": lambda book: _items(book, language),
            "figure": lambda figure: _figure(figure, language),
            "share": lambda part, whole: figures.share(part, whole, language),
            "card_hours": _card_hours,
            "lasted": lambda length: figures.duration(length, language),
            "bytes": _bytes,
            "flops": _flops,
            "segment": lambda text: quote(str(text), safe=""),
            "instant": pass_context(_instant),
            "day": pass_context(_day),
            "tick": pass_context(_tick),
            "machine": lambda instant: instant.isoformat(timespec="seconds"),
        }
    )
    return made


def _word(code: str, language: Language) -> str:
    """A code as a word; in English it stands for itself."""
    return code.replace("_", " ") if language == "en" else translate(code, language)


def _money(language: Language) -> Callable[..., str]:
    def money(amount_micros: Micros, currency: str, decimals: int = 2) -> str:
        return figures.money(amount_micros, currency, language, decimals)

    return money


def _audited(detail: str, currency: str, language: Language) -> str:
    """What an entry of the audit log adds, with amounts as people read them."""
    return _MICROS.sub(lambda found: figures.money(int(found[1]), currency, language), detail)


def _items(book: PriceBook, language: Language) -> list[tuple[Any, str, str, str]]:
    """Each item with its mode, its price and what that is for."""
    found = []
    for item in book.items:
        price, unit = None, ""
        match item:
            case HourlyItem():
                price, unit = item.price, "card-hour"
            case ComputeItem():
                price, unit = item.price, item.per
            case PackageItem():
                price, unit = item.fee, item.per
            case UsageItem():
                price, unit = item.price, item.meter
        shown = figures.NONE if price is None else figures.money(to_micros(price), book.currency, language, 2)
        found.append((item, str(item.__struct_config__.tag), shown, unit))
    return found


def _figure(figure: Figure, language: Language) -> str:
    """The number with its unit; a share in per cent."""
    if figure.unit == "share":
        return figures.NONE if figure.value is None else figures.share(figure.value, 1, language)
    if (
        figure.unit.startswith(MONEY)
        and figure.value is not None
        and " " not in figure.unit.removeprefix(MONEY)
    ):
        return figures.money(round(figure.value), figure.unit.removeprefix(MONEY), language)
    return f"{sections.shown(figure, language)} {sections.unit(figure, language)}"


def _card_hours(card_us: CardMicroseconds) -> str:
    """Card-hours with as many decimals as their size asks for."""
    hours = card_hours(card_us)
    return f"{hours:,.4f}" if hours < 1 else f"{hours:,.2f}" if hours < 1000 else f"{hours:,.0f}"


def _bytes(size: int) -> str:
    """A size in binary units."""
    value = float(size)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if value < 1024 or unit == "TiB":
            return f"{value:,.0f} {unit}" if value >= 100 or unit == "B" else f"{value:,.1f} {unit}"
        value /= 1024
    raise AssertionError


def _flops(rate: ComputeRate) -> str:
    """A rate in the unit that fits it."""
    tflops = rate.tflops
    if tflops >= 1000:
        return f"{tflops / 1000:,.2f} PFLOPS"
    return f"{tflops:,.1f} TFLOPS" if tflops >= 1 else f"{tflops * 1000:,.0f} GFLOPS"


def _instant(context: Context, instant: datetime | None) -> str:
    """Date and time of day in the visitor's zone; a dash where there is none."""
    return figures.NONE if instant is None else figures.date_time(instant, context["taste"].zone)


def _day(context: Context, instant: datetime) -> str:
    """The date in the visitor's zone."""
    return figures.date(instant, context["taste"].zone)


def _tick(context: Context, instant: datetime) -> str:
    """A mark on an axis: the date where a day of the visitor's zone begins, else the time of day."""
    local = instant.astimezone(context["taste"].zone)
    return f"{local:%m-%d}" if (local.hour, local.minute) == (0, 0) else f"{local:%H:%M}"
