"""Quantities as people write them in a plan: money, shares, times, compute, power. Each is exact."""

import re
from decimal import Decimal
from typing import Any, get_args

from penstock.base.money import AMOUNT_MAX_MICROS, MICROS_PER_UNIT
from penstock.base.quantity import Precision

PPM = 1_000_000
"""Shares are whole parts per million, so that a share of an amount is exact."""
PRECISIONS: tuple[str, ...] = get_args(Precision.__value__)
_NUMBER = re.compile(r"(-?\d[\d,_]*(?:\.\d+)?(?:e[+-]?\d{1,2})?)\s*(.*)", re.IGNORECASE | re.ASCII)
_SCALES = {
    "": 0,
    "k": 3,
    "m": 6,
    "bn": 9,
    "b": 9,
    "thousand": 3,
    "million": 6,
    "billion": 9,
    "千": 3,
    "万": 4,
    "百万": 6,
    "亿": 8,
}
_CURRENCY = re.compile(r"\s*(?:CNY|RMB|元|¥)\s*", re.IGNORECASE)
_MONTHS = {
    **dict.fromkeys(("year", "years", "y", "年"), 12),
    **dict.fromkeys(("month", "months", "个月", "月"), 1),
}
_FLOPS = {"TFLOPS": -3, "T": -3, "PFLOPS": 0, "P": 0, "EFLOPS": 3, "E": 3}
_WATTS = {"w": 0, "kw": 3, "mw": 6}


class NotUnderstood(ValueError):
    """A text that is no such quantity; `code` is the refusal's."""

    def __init__(self, code: str, message: str, remedy: str) -> None:
        self.code, self.message, self.remedy = code, message, remedy
        super().__init__(message)


class Amount(int):
    """Micros of the plan's currency, written as `2.83 M`, `345k`, `290 million`, `1.2 亿` or `10000000`."""


class Share(int):
    """Parts per million, written as `9.5 %` or `0.095`; not checked against a range here."""


class Term(int):
    """Whole months, written as `5 years` or `6 months`."""


class Watts(int):
    """Electrical power, written as `10.2 kW` or `700 W`."""


class Compute:
    """Peak compute, written as `100 PFLOPS fp16`; without a precision it is of unstated precision."""

    def __init__(self, pflops: float, precision: str = "") -> None:
        self.pflops, self.precision = pflops, precision

    @property
    def unit(self) -> str:
        """Its unit with precision."""
        return f"PFLOPS {self.precision or 'of unstated precision'}"


def parse(kind: type, given: Any) -> Any:
    """The quantity of that kind; NotUnderstood where the text is none."""
    return _PARSERS[kind](str(given).strip())


def _split(text: str, remedy: str) -> tuple[Decimal, str]:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise NotUnderstood("quantity_malformed", f"{text[:40]!r} does not begin with a number", remedy)
    return Decimal(match.group(1).replace(",", "").replace("_", "")), match.group(2).strip()


def _unit[T](units: dict[str, T], unit: str, text: str, remedy: str) -> T:
    if unit not in units:
        raise NotUnderstood("unit_unknown", f"{text[:40]!r} has the unknown unit {unit[:20]!r}", remedy)
    return units[unit]


def _whole(number: Decimal, text: str, least: str) -> int:
    if number != number.to_integral_value():
        raise NotUnderstood(
            "quantity_too_precise", f"{text[:40]!r} is finer than {least}", f"round it to {least}"
        )
    return int(number)


def _amount(text: str) -> Amount:
    remedy = "write an amount such as 2.83 M, 345k, 1.2 亿 or 10000000"
    number, unit = _split(_CURRENCY.sub("", text), remedy)
    scaled = number.scaleb(_unit(_SCALES, unit.lower(), text, remedy)) * MICROS_PER_UNIT
    if abs(scaled) > AMOUNT_MAX_MICROS:
        raise NotUnderstood("amount_too_large", f"{text[:40]!r} is past what books hold", "check the unit")
    return Amount(_whole(scaled, text, "a millionth"))


def _share(text: str) -> Share:
    remedy = "write a share as 9.5 % or 0.095"
    number, unit = _split(text, remedy)
    scale = _unit({"": 6, "%": 4, "percent": 4, "‰": 3}, unit, text, remedy)
    return Share(_whole(number.scaleb(scale), text, "a millionth"))


def _term(text: str) -> Term:
    remedy = "write a time as 5 years or 6 months"
    number, unit = _split(text, remedy)
    return Term(_whole(number * _unit(_MONTHS, unit.lower(), text, remedy), text, "a month"))


def _watts(text: str) -> Watts:
    remedy = "write power as 10.2 kW or 700 W"
    number, unit = _split(text, remedy)
    return Watts(_whole(number.scaleb(_unit(_WATTS, unit.lower(), text, remedy)), text, "a watt"))


def _compute(text: str) -> Compute:
    remedy = f"write compute as 100 PFLOPS fp16; precisions are {', '.join(PRECISIONS)}"
    number, rest = _split(text, remedy)
    unit, _space, precision = rest.partition(" ")
    scale = _unit(_FLOPS, unit.upper(), text, remedy)
    precision = precision.lower().removesuffix("dense").strip()
    if precision and precision not in PRECISIONS:
        raise NotUnderstood("precision_unknown", f"{precision[:20]!r} is no precision", remedy)
    return Compute(float(number.scaleb(scale)), precision)


_PARSERS: dict[type, Any] = {Amount: _amount, Share: _share, Term: _term, Watts: _watts, Compute: _compute}


def schema_of(kind: type) -> dict[str, Any]:
    """JSON Schema of a quantity as it is written."""
    return {"type": ["string", "number"], "description": (kind.__doc__ or "").partition("\n")[0]}


def part(amount: int, share_ppm: int) -> int:
    """A share of an amount to the nearest micro, halves away from zero."""
    product = amount * share_ppm
    rounded = (2 * abs(product) + PPM) // (2 * PPM)
    return rounded if product >= 0 else -rounded
