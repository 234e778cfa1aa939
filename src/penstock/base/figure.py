"""One number of a report with what must be known to read it: unit, population, and where it comes from."""

from collections.abc import Sequence

import msgspec

from penstock.base.quantity import Status
from penstock.base.refusal import Refusal, invalid

_RANK: tuple[Status, ...] = ("measured", "derived", "claimed")


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """A number. Money is a whole number of micros and says so in its unit (`micros CNY`).

    `value` is None where the number is not known: it is never shown as nothing. `unit` names the precision
    of compute and that it is dense (`PFLOPS fp16 dense`). `population` is what the number is about.
    """

    value: int | float | None
    unit: str
    population: str
    status: Status
    source: str = ""


class Tag(msgspec.Struct, frozen=True):
    """What the numbers of one name in a report are, where a figure for each would repeat itself."""

    unit: str
    status: Status


def weakest(*statuses: Status) -> Status:
    """What a number made of others may call itself: at best derived, and claimed as soon as one of them is."""
    return "claimed" if "claimed" in statuses else "derived"


def total(figures: Sequence[Figure], population: str) -> Figure | Refusal:
    """The sum of figures of one unit; refused where units or precisions differ, naming them."""
    assert figures, "a sum has parts"
    units = sorted({figure.unit for figure in figures})
    if len(units) > 1:
        return mixed(units)
    if any(figure.value is None for figure in figures):
        missing = next(figure.population for figure in figures if figure.value is None)
        return invalid(
            "figure_unknown", f"nothing is known of {missing}", "leave it out of the sum, or find it"
        )
    summed = sum(figure.value for figure in figures if figure.value is not None)
    status = weakest(*(figure.status for figure in figures))
    return Figure(value=summed, unit=units[0], population=population, status=status)


def mixed(units: Sequence[str], where: str = "") -> Refusal:
    """That figures of these units make no sum and no difference."""
    named = " with ".join(units)
    return invalid(
        "precision_mixed" if any("FLOPS" in unit for unit in units) else "unit_mixed",
        f"{named} cannot be added or compared",
        "bring both to one unit and precision by a rule that you name, and give the result",
        where,
    )
