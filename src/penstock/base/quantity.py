"""Quantities whose unit is part of the type: compute at a named precision, bytes, card time."""

from typing import Literal

import msgspec

from penstock.base.window import US_PER_HOUR

type Precision = Literal["fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4"]
PRECISION_ORDER: tuple[Precision, ...] = ("fp64", "fp32", "tf32", "bf16", "fp16", "fp8", "int8", "fp4")
type Status = Literal["claimed", "derived", "measured"]
type CardMicroseconds = int
"""One whole card held for one microsecond; a half card for two makes one as well."""

WHOLE = 1000
"""A whole device, in thousandths."""


class ComputeRate(msgspec.Struct, frozen=True):
    """Dense matrix throughput at one precision. `status` says where the figure comes from."""

    precision: Precision
    tflops: float
    status: Status
    source: str = ""


def card_time(devices: int, share: int, elapsed_us: int) -> CardMicroseconds:
    """Card time of a share (in thousandths) of so many devices, rounded down.

    A cumulative function of time: windows take the difference of its ends, so that they add up.
    """
    return devices * share * elapsed_us // WHOLE


def card_hours(card_us: CardMicroseconds) -> float:
    """Card-hours for display; books keep the integer."""
    return card_us / US_PER_HOUR
