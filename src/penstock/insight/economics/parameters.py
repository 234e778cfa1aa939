"""The built-in table of prices, rents, lives and rates: what is known of the field, with source and status."""

import csv
from functools import cache
from importlib import resources

import msgspec


class Parameter(msgspec.Struct, frozen=True):
    """One row as collected. Ends of the range are None where no source gives them.

    `status` is the collector's word: found, derived, mixed, or background (unverified: never a measurement).
    """

    parameter: str
    low: float | None
    base: float | None
    high: float | None
    remark: str
    unit: str
    source: str
    status: str


@cache
def parameters() -> tuple[Parameter, ...]:
    """All of them, as collected."""
    text = (resources.files("penstock.insight.economics") / "data" / "parameters.csv").read_text("utf-8")
    return tuple(_parameter(row) for row in csv.DictReader(text.splitlines()))


def _parameter(row: dict[str, str]) -> Parameter:
    ends = {name: row[name].strip() for name in ("low", "base", "high")}
    numbers = {name: float(text) if _is_number(text) else None for name, text in ends.items()}
    remark = "; ".join(text for text in ends.values() if text and not _is_number(text))
    return Parameter(
        parameter=row["parameter"],
        remark=remark,
        unit=row["unit"],
        source=row["source"],
        status="unverified" if row["source"] == "background" else row["status"],
        **numbers,
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
