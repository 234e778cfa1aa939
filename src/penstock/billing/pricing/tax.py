"""Taxes by rule: which one applies to a mode at a time, and what it comes to on an invoice."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

import msgspec

from penstock.base.money import MICROS_PER_FEN, Micros, round_half_up
from penstock.billing.model import TaxLine
from penstock.billing.pricing.book import PriceBook, TaxRule


class Taxed(msgspec.Struct, frozen=True):
    """What is taxed: a rounded amount of a mode, supplied at a time."""

    mode: str
    at: datetime
    amount_micros: Micros


def rule_for(book: PriceBook, mode: str, at: datetime) -> TaxRule | None:
    """The rule that holds for a mode at a time: by the date of the supply, not of the invoice."""
    for rule in book.taxes:
        holds = rule.start <= at and (rule.end is None or at < rule.end)
        if holds and (not rule.modes or mode in rule.modes):
            return rule
    return None


def tax_lines(book: PriceBook, amounts: Iterable[Taxed]) -> tuple[TaxLine, ...]:
    """One line per rule that applies, on the sum of what it applies to, rounded half-up to fen.

    The invoice as a whole is rounded, not each line (the way that leaves at most half a fen per rule).
    """
    sums: defaultdict[str, Micros] = defaultdict(int)
    modes: defaultdict[str, set[str]] = defaultdict(set)
    for taxed in amounts:
        rule = rule_for(book, taxed.mode, taxed.at)
        if rule is not None:
            sums[rule.id] += taxed.amount_micros
            modes[rule.id].add(taxed.mode)
    return tuple(
        tax_line(rule, sums[rule.id], tuple(sorted(modes[rule.id]))) for rule in book.taxes if rule.id in sums
    )


def tax_line(rule: TaxRule, sum_micros: Micros, modes: tuple[str, ...] = ()) -> TaxLine:
    """The tax of a rule on a sum of prices."""
    share = rule.rate / (1 + rule.rate) if rule.inclusive else rule.rate
    tax = sum_micros * share / MICROS_PER_FEN
    amount = round_half_up(tax.numerator, tax.denominator) * MICROS_PER_FEN
    return TaxLine(
        rule=rule.id,
        rate=str(rule.rate),
        inclusive=rule.inclusive,
        base_micros=sum_micros - amount if rule.inclusive else sum_micros,
        amount_micros=amount,
        modes=modes,
        name=rule.name,
    )


def net_share(book: PriceBook, mode: str, at: datetime) -> Fraction:
    """Which part of a price is not tax."""
    rule = rule_for(book, mode, at)
    return 1 / (1 + rule.rate) if rule is not None and rule.inclusive else Fraction(1)
