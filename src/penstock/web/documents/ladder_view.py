"""What every picture of a ladder shows: its rungs with two percentages, its lines that have time."""

import msgspec

from penstock.base.quantity import CardMicroseconds
from penstock.insight.model import Ladder, LadderLine
from penstock.web.documents.ladder_figures import hours
from penstock.web.documents.ladder_words import NOTE_WORDS, Language


class Rung(msgspec.Struct, frozen=True):
    """One rung: its card time, and that of the rung above, which is what it can be a share of."""

    name: str
    card_us: CardMicroseconds
    above: str
    above_us: CardMicroseconds


def rungs(ladder: Ladder) -> tuple[Rung, ...]:
    """The six rungs from capacity down."""
    times = {
        "capacity": ladder.capacity_card_us,
        "available": ladder.available_card_us,
        "sold": ladder.sold_card_us,
        "occupied": ladder.occupied_card_us,
        "active": ladder.active_card_us,
        "effective": ladder.effective_card_us,
    }
    names = list(times)
    above = ["capacity", *names[:-1]]
    return tuple(Rung(name, times[name], up, times[up]) for name, up in zip(names, above, strict=True))


def lines_with_time(ladder: Ladder) -> tuple[LadderLine, ...]:
    """The lines on which any device was."""
    return tuple(line for line in ladder.lines if line.card_us)


def notes(ladder: Ladder, language: Language) -> list[str]:
    """What must be said beside the figures: how they came about, and what is missing from them."""
    said = [NOTE_WORDS["sources"][language]]
    if ladder.unpriced_card_us:
        unpriced = hours(ladder.unpriced_card_us, ladder.capacity_card_us)
        said.append(NOTE_WORDS["unpriced"][language].format(hours=unpriced))
    if ladder.uncosted_devices:
        said.append(NOTE_WORDS["uncosted"][language].format(devices=f"{ladder.uncosted_devices:,}"))
    return said
