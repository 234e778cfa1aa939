"""Figures, names and codes of a report, written in its language, zone and currency; the template asks it."""

from datetime import datetime, timedelta

from rich.cells import cell_len

from penstock.base.money import MICROS_PER_UNIT, Micros, format_amount
from penstock.base.quantity import CardMicroseconds, ComputeRate
from penstock.fleet.device import Calibration, Device
from penstock.insight.model import Line
from penstock.lease.job import Attempt
from penstock.web.documents import ladder_figures as figures
from penstock.web.documents.ladder_words import (
    LINE_MEANINGS,
    LINE_WORDS,
    LOSS_WORDS,
    RUNG_WORDS,
    Language,
)
from penstock.web.documents.report_data import ReportData
from penstock.web.documents.report_loss import LossChart
from penstock.web.documents.report_words import code_word, report_words


class Writer:
    """Everything that a template prints besides plain words."""

    def __init__(self, data: ReportData, language: Language) -> None:
        self._language: Language = language
        self._words = report_words(language)
        self._zone = data.made_at.tzinfo
        self._capacity_us = data.ladder.capacity_card_us
        self._currency = data.ladder.currency
        self.ladder_decimals = figures.money_decimals(
            [
                sum(line.list_value_micros for line in data.ladder.lines),
                sum(line.carried_cost_micros for line in data.ladder.lines),
            ]
        )
        self.zone = figures.zone_name(data.made_at, self._zone)

    def line(self, line: Line) -> str:
        """A line's name."""
        return LINE_WORDS[line][self._language]

    def meaning(self, line: Line) -> str:
        """What a line means."""
        return LINE_MEANINGS[line][self._language]

    def rung(self, name: str) -> str:
        """A rung's name."""
        return RUNG_WORDS[name][self._language]

    def loss(self, name: str) -> str:
        """What lies between two rungs."""
        return LOSS_WORDS[name][self._language]

    def code(self, code: str) -> str:
        """A state or cause."""
        return code_word(code, self._language)

    def hours(self, card_us: CardMicroseconds) -> str:
        """Card-hours."""
        return figures.hours(card_us, self._capacity_us)

    def share(self, part: int, whole: int) -> str:
        """A percentage."""
        return figures.share(part, whole, self._language)

    def fraction(self, value: float) -> str:
        """A fraction as a percentage."""
        return figures.share(round(value * 10**6), 10**6, self._language)

    def money(self, amount_micros: Micros, decimals: int = 2, currency: str = "") -> str:
        """An amount with its unit."""
        return figures.money(amount_micros, currency or self._currency, self._language, decimals)

    def price(self, amount_micros: Micros, currency: str) -> str:
        """A price, with as many decimals as it needs."""
        needed = next(n for n in range(2, 7) if amount_micros % (MICROS_PER_UNIT // 10**n) == 0)
        return figures.money(amount_micros, currency, self._language, needed)

    def amount(self, amount_micros: Micros) -> str:
        """Digits alone."""
        return format_amount(amount_micros)

    def period(self, start: datetime, end: datetime) -> str:
        """From when to when, the date said once where it is the same."""
        until = self.time(end)
        same_day = until.startswith(self.time(start)[:10])
        return f"{self.time(start)} – {self.clock(end) if same_day else until}"

    def time(self, instant: datetime) -> str:
        """Date and time."""
        return figures.date_time(instant, self._zone)

    def clock(self, instant: datetime | None) -> str:
        """Time of day."""
        return figures.NONE if instant is None else figures.clock(instant, self._zone)

    def lasted(self, attempt: Attempt) -> str:
        """How long an attempt held its devices."""
        if attempt.ended_at is None:
            return figures.NONE
        return self.duration(attempt.ended_at - attempt.placed_at)

    def duration(self, length: timedelta) -> str:
        """The two largest units."""
        return figures.duration(length, self._language)

    def fits(self, label: str, width: float) -> bool:
        """Whether a label has room in so many per cent of a page's width, by its columns of text."""
        return 2 + 0.7 * cell_len(label) <= width

    def sentences(self, *sentences: str) -> str:
        """Sentences in a row."""
        return ("" if self._language == "zh" else " ").join(sentence for sentence in sentences if sentence)

    def loss_text(self, chart: LossChart) -> str:
        """What the loss curve shows, for those who do not see it."""
        words, first, last = self._words, chart.first, chart.last
        accuracy = "" if last.accuracy is None else self.fraction(last.accuracy)
        return self.sentences(
            words["loss_fall"].format(
                first=first.loss, first_step=f"{first.step:,}", last=last.loss, last_step=f"{last.step:,}"
            ),
            *(
                words["loss_break"].format(
                    attempt=broken.attempt,
                    step=f"{broken.step:,}",
                    resumed=f"{broken.resumed_step:,}",
                    count=f"{max(broken.step - broken.resumed_step, 0):,}",
                )
                for broken in chart.breaks
            ),
            accuracy and words["loss_accuracy"].format(accuracy=accuracy),
        )

    def exits(self, attempt: Attempt) -> list[str]:
        """How each rank of an attempt ended."""
        ends = []
        for task in attempt.exits:
            end = str(task.exit_code)
            if task.signal is not None:
                end = self._words["signal"].format(number=task.signal)
            if task.out_of_memory:
                end = f"{end}, {self._words['oom']}"
            ends.append(f"{task.rank}: {end}")
        return ends

    def rate(self, rate: ComputeRate | None) -> str:
        """TFLOPS to four digits."""
        return figures.NONE if rate is None else f"{rate.tflops:.4g}"

    def bandwidth(self, calibration: Calibration | None) -> str:
        """Gigabytes per second."""
        if calibration is None:
            return figures.NONE
        return f"{calibration.memory_bandwidth_bytes_per_s / 1e9:.1f} GB/s"

    def memory(self, device: Device) -> str:
        """Memory in binary gigabytes."""
        return f"{device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else figures.NONE
