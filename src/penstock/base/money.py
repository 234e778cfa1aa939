"""Money as integers: millionths of a currency unit, rounded to hundredths (fen) only on invoice lines.

1 yuan = 1,000,000 micros; 1 fen = 10,000 micros.
"""

import re

from penstock.base.refusal import Refusal, invalid

type Micros = int

MICROS_PER_UNIT = 1_000_000
MICROS_PER_FEN = 10_000
CURRENCIES = ("CNY", "USD", "EUR", "HKD")
AMOUNT_MAX_MICROS = 10**15 * MICROS_PER_UNIT // 1_000
"""A trillion units; every sum of amounts the ledger can meet stays inside a signed 64-bit column."""

_AMOUNT = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")


def parse_amount(text: str, where: str = "", decimals: int = 2) -> Micros | Refusal:
    """Micros of a decimal amount such as `6.50`; at most `decimals` places (2 for payments, 6 for prices)."""
    match = _AMOUNT.fullmatch(text.strip().replace(",", ""))
    if match is None:
        return invalid("amount_malformed", f"{text!r} is not an amount", "write it as 1234.50", where)
    sign, whole, fraction = match.group(1), match.group(2), match.group(3) or ""
    if len(fraction) > decimals:
        return invalid(
            "amount_too_precise",
            f"{text!r} has {len(fraction)} decimals; at most {decimals} are possible here",
            f"round it to {decimals} decimals",
            where,
        )
    micros = int(whole) * MICROS_PER_UNIT + int(fraction.ljust(6, "0") or "0")
    if micros > AMOUNT_MAX_MICROS:
        return invalid("amount_too_large", f"{text!r} is past the ledger's range", "split it", where)
    return -micros if sign else micros


def round_half_up(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, halves away from zero; exact, without floats."""
    assert denominator > 0
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient


def round_to_fen(amount_micros: Micros) -> Micros:
    """The amount rounded half-up (away from zero) to whole fen, still in micros."""
    return round_half_up(amount_micros, MICROS_PER_FEN) * MICROS_PER_FEN


def format_amount(amount_micros: Micros, decimals: int = 2) -> str:
    """Digits with thousands separators, e.g. `1,234.50`; `decimals` up to 6, rounded half-up."""
    scaled = round_half_up(amount_micros, 10 ** (6 - decimals))
    whole, fraction = divmod(abs(scaled), 10**decimals)
    sign = "-" if scaled < 0 else ""
    return f"{sign}{whole:,}.{fraction:0{decimals}d}" if decimals else f"{sign}{whole:,}"
