"""Refusals while something that people wrote is checked: one mistake does not hide the next."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from itertools import pairwise

from penstock.base.refusal import Refusal, invalid


class Mistakes:
    """What is wrong so far, each by the path of its field, such as `tranches[0].life`."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def add(self, path: str, code: str, message: str, remedy: str) -> None:
        """One mistake."""
        self.refusals.append(invalid(code, f"{path.rpartition('.')[2]}: {message}", remedy, path))

    def within(self, path: str, number: float, least: float, most: float, unit: str = "") -> None:
        """A number between two, both allowed."""
        if not least <= number <= most:
            shown, ends = f"{number:,g}{unit}", f"{least:,g}{unit} to {most:,g}{unit}"
            self.add(path, "number_out_of_range", f"{shown} is not in {ends}", f"give {ends}")

    def share(self, path: str, ppm: int) -> None:
        """A share of a whole."""
        self.within(path, ppm / 10_000, 0, 100, " %")

    def ordered(self, *dated: tuple[str, date | None]) -> None:
        """Days in the order of time; those that are not given are left out."""
        known = [(path, day) for path, day in dated if day is not None]
        for (before, first), (after, second) in pairwise(known):
            if second < first:
                named = before.rpartition(".")[2]
                self.add(
                    after, "dates_contradict", f"{second} is before {named} {first}", "put them in order"
                )

    def unique(self, path: str, names: Iterable[str]) -> None:
        """No name stands twice."""
        for name, count in Counter(names).items():
            if count > 1:
                self.add(path, "name_duplicate", f"{name!r} stands {count} times", "give each its own name")
