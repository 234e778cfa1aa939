"""How the cost of an asset is spread over its life: exact micros, month by month.

Each method ends at the residual value. Straight line and units of production are cumulative functions rounded
down, so any months sum to the difference of their ends. Declining balance goes over to straight line as soon
as that writes off more, as VDB does in spreadsheets.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Literal

from penstock.base.money import Micros, round_half_up

type Method = Literal["straight_line", "declining_balance", "units_of_production"]
DECLINING_FACTOR = 2


def straight_line(cost: Micros, residual: Micros, months: int) -> list[Micros]:
    """Equal months."""
    assert months > 0 and 0 <= residual <= cost, (cost, residual, months)
    ends = [(cost - residual) * done // months for done in range(months + 1)]
    return [after - before for before, after in pairwise(ends)]


def declining_balance(
    cost: Micros, residual: Micros, months: int, factor: int = DECLINING_FACTOR
) -> list[Micros]:
    """Each month `factor` / months of what is left, never below the residual; then in equal months."""
    assert months > 0 and 0 <= residual <= cost, (cost, residual, months)
    left, written = cost, list[Micros]()
    for done in range(months):
        declining = min(round_half_up(left * factor, months), left - residual)
        equal = round_half_up(left - residual, months - done)
        if equal >= declining:
            return [*written, *straight_line(left, residual, months - done)]
        written.append(declining)
        left -= declining
    return written


def units_of_production(
    cost: Micros, residual: Micros, units: Sequence[int], units_of_life: int
) -> list[Micros]:
    """By what was produced in each month; nothing is written off past the life's units."""
    assert units_of_life > 0 and 0 <= residual <= cost, (cost, residual, units_of_life)
    ends = [
        (cost - residual) * min(done, units_of_life) // units_of_life for done in accumulate(units, initial=0)
    ]
    return [after - before for before, after in pairwise(ends)]


def schedule(
    method: Method, cost: Micros, residual: Micros, months: int, units: Sequence[int], units_of_life: int
) -> list[Micros]:
    """What is written off in each month of service, by the method."""
    if method == "straight_line":
        return straight_line(cost, residual, months)
    if method == "declining_balance":
        return declining_balance(cost, residual, months)
    return units_of_production(cost, residual, units, units_of_life)
