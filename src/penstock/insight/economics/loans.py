"""Money borrowed: interest and repayment month by month, in exact micros."""

from fractions import Fraction
from typing import Literal

import msgspec

from penstock.base.money import Micros, round_half_up
from penstock.insight.economics.units import PPM

type Repayment = Literal["annuity", "equal_principal", "bullet"]
MONTHS_PER_YEAR = 12


class Instalment(msgspec.Struct, frozen=True):
    """What is paid at the end of one month, and what is owed after it."""

    interest: Micros
    principal: Micros
    balance: Micros


def payment(principal: Micros, rate_ppm: int, months: int) -> Micros:
    """The equal monthly payment of an annuity at a yearly rate, to the nearest micro."""
    monthly = Fraction(rate_ppm, PPM * MONTHS_PER_YEAR)
    if not monthly:
        return round_half_up(principal, months)
    grown = (1 + monthly) ** months
    exact = principal * monthly * grown / (grown - 1)
    return round_half_up(exact.numerator, exact.denominator)


def amortise(principal: Micros, rate_ppm: int, months: int, repayment: Repayment) -> list[Instalment]:
    """The schedule; the last month clears what rounding left. Interest is a twelfth of a year's, each month."""
    assert principal >= 0 and rate_ppm >= 0 and months > 0, (principal, rate_ppm, months)
    level = payment(principal, rate_ppm, months) if repayment == "annuity" else 0
    balance, paid = principal, list[Instalment]()
    for done in range(1, months + 1):
        interest = round_half_up(balance * rate_ppm, PPM * MONTHS_PER_YEAR)
        back = {
            "annuity": level - interest,
            "equal_principal": principal * done // months - (principal - balance),
            "bullet": 0,
        }[repayment]
        back = balance if done == months else back
        balance -= back
        paid.append(Instalment(interest, back, balance))
    return paid
