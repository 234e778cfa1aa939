"""What a stream of payments is worth: present value, internal rate of return, payback.

Rates are fractions per year as floats; amounts are micros. XNPV and XIRR follow the spreadsheets' definition:
a payment after d days is divided by (1 + rate) ** (d / 365).
"""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import date

from penstock.base.money import Micros

type Flow = tuple[date, Micros]
DAYS_PER_YEAR = 365
_STEP, _STEPS, _HALVINGS = 0.05, 400, 200
"""IRR is sought in ln(1 + rate), outwards from 0 to ±20, then by halving to the last bit."""


def xnpv(rate: float, flows: Sequence[Flow]) -> float:
    """Present value in micros at the first payment's date; `rate` is above -1."""
    return _present(math.log1p(rate), flows)


def xirr(flows: Sequence[Flow]) -> float | None:
    """The yearly rate at which the flows are worth nothing; None where there is none.

    Where there are several (the sign of the flows changes more than once), the one nearest to 0.
    """
    found = _root(lambda log_rate: _present(log_rate, flows)) if _changes(c for _, c in flows) else None
    return None if found is None else math.expm1(found)


def npv(rate: float, amounts: Sequence[Micros]) -> float:
    """Present value in micros of amounts one period apart, the first of them now."""
    return _stepped(math.log1p(rate), amounts)


def irr(amounts: Sequence[Micros]) -> float | None:
    """The rate per period at which amounts one period apart are worth nothing; None where there is none."""
    found = _root(lambda log_rate: _stepped(log_rate, amounts)) if _changes(amounts) else None
    return None if found is None else math.expm1(found)


def payback(amounts: Sequence[Micros]) -> float | None:
    """Periods until the sum is no longer negative, even within a period; None where it never is."""
    so_far = 0
    for period, amount in enumerate(amounts):
        if so_far < 0 <= so_far + amount and all_stay(amounts, period, so_far):
            return period - 1 + -so_far / amount
        so_far += amount
    return None


def all_stay(amounts: Sequence[Micros], period: int, before: Micros) -> bool:
    """Whether the sum, once it is not negative, stays so."""
    for amount in amounts[period:]:
        before += amount
        if before < 0:
            return False
    return True


def _present(log_rate: float, flows: Sequence[Flow]) -> float:
    if not flows:
        return 0.0
    first = flows[0][0]
    return math.fsum(c * math.exp(-log_rate * (day - first).days / DAYS_PER_YEAR) for day, c in flows)


def _stepped(log_rate: float, amounts: Sequence[Micros]) -> float:
    return math.fsum(amount * math.exp(-log_rate * period) for period, amount in enumerate(amounts))


def _changes(amounts: Iterable[Micros]) -> bool:
    signs = {amount > 0 for amount in amounts if amount}
    return len(signs) == 2


def _root(worth: Callable[[float], float]) -> float | None:
    here = worth(0.0)
    if here == 0:
        return 0.0
    up, down = here, here
    for step in range(1, _STEPS + 1):
        for sign, before in ((1, up), (-1, down)):
            try:
                there = worth(sign * step * _STEP)
            except OverflowError:
                continue
            if (there < 0) != (before < 0):
                return _halved(worth, sign * (step - 1) * _STEP, sign * step * _STEP)
            up, down = (there, down) if sign > 0 else (up, there)
    return None


def _halved(worth: Callable[[float], float], low: float, high: float) -> float:
    below = worth(low) < 0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if (worth(middle) < 0) == below else (low, middle)
    return (low + high) / 2
