"""Numbers without loss: decimals and shares as rationals, and their one way to micros."""

import re
from fractions import Fraction

from penstock.base.money import AMOUNT_MAX_MICROS, MICROS_PER_UNIT, Micros, round_half_up
from penstock.base.refusal import Refusal, Refused, invalid

_DECIMAL = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,12}))?(%?)", re.ASCII)
_RATIO = re.compile(r"(-?)([0-9]{1,15})/([0-9]{1,15})", re.ASCII)


def read_exact(text: str) -> Fraction | None:
    """The number of `12.5`, `6%` or `1/3`; None where it is none, or has over 15 digits or 12 decimals."""
    plain = text.strip().replace(",", "").replace("_", "")
    decimal = _DECIMAL.fullmatch(plain)
    if decimal is not None:
        sign, whole, decimals, percent = decimal.groups()
        value = Fraction(f"{sign}{whole}.{decimals or 0}")
        return value / 100 if percent else value
    ratio = _RATIO.fullmatch(plain)
    if ratio is None or int(ratio.group(3)) == 0:
        return None
    return Fraction(int(ratio.group(1) + ratio.group(2)), int(ratio.group(3)))


def exact_text(value: Fraction) -> str:
    """The shortest decimal if there is an exact one, else `numerator/denominator`; `read_exact` undoes it."""
    rest, decimals = value.denominator, 0
    for factor in (2, 5):
        count = 0
        while rest % factor == 0:
            rest, count = rest // factor, count + 1
        decimals = max(decimals, count)
    if rest != 1 or decimals > 12:
        return f"{value.numerator}/{value.denominator}"
    scaled = abs(value.numerator) * 10**decimals // value.denominator
    whole, fraction = divmod(scaled, 10**decimals)
    sign = "-" if value < 0 else ""
    return f"{sign}{whole}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole}"


def decimal_text(value: Fraction, decimals: int = 6) -> str:
    """For people: rounded half-up to at most so many decimals, thousands separated, no zero too many."""
    scaled = round_half_up(value.numerator * 10**decimals, value.denominator)
    whole, fraction = divmod(abs(scaled), 10**decimals)
    digits = f"{fraction:0{decimals}d}".rstrip("0") if decimals else ""
    return f"{'-' if scaled < 0 else ''}{whole:,}{'.' if digits else ''}{digits}"


def to_micros(amount: Fraction) -> Micros:
    """An amount in currency units to the nearest micro, halves away from zero."""
    return round_half_up(amount.numerator * MICROS_PER_UNIT, amount.denominator)


def check_range(amount: Fraction, where: str) -> None:
    """Refuse an amount that the ledger cannot hold."""
    if abs(amount) * MICROS_PER_UNIT > AMOUNT_MAX_MICROS:
        raise Refused(amount_out_of_range(amount, where))


def amount_out_of_range(amount: Fraction, where: str) -> Refusal:
    """The refusal of `check_range`."""
    return invalid(
        "amount_out_of_range",
        f"{decimal_text(amount, 0)} is past the ledger's {AMOUNT_MAX_MICROS // MICROS_PER_UNIT:,}",
        "check the quantity and the price; split what is really so large",
        where,
    )
