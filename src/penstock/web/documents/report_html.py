"""The report of one lease and one job as one HTML file that needs nothing else: no script, no request."""

from collections import Counter, defaultdict

import msgspec

from penstock.base.quantity import ComputeRate
from penstock.base.window import Window
from penstock.fleet.device import Calibration, Device
from penstock.insight.model import RUNGS, Ladder, LadderLine, Line
from penstock.web.documents import ladder_figures as figures
from penstock.web.documents.ladder_view import lines_with_time, notes, rungs
from penstock.web.documents.ladder_words import Language
from penstock.web.documents.page import template
from penstock.web.documents.report_charts import DEVICES_MAX, Lane, Tick, lane, stack, strips, time_ticks
from penstock.web.documents.report_data import ReportData
from penstock.web.documents.report_loss import loss_chart
from penstock.web.documents.report_words import report_words
from penstock.web.documents.report_writer import Writer

OCCUPIED = (*RUNGS["not_active"], *RUNGS["not_effective"], *RUNGS["effective"])
HATCHED = (Line.DOWN, Line.LOST_WORK)
"""Told apart by more than colour."""


class Bench(msgspec.Struct, frozen=True):
    """One device with its last calibration: at each precision what was promised beside what was measured."""

    device: Device
    calibration: Calibration | None
    rates: tuple[tuple[str, ComputeRate | None, ComputeRate | None], ...]


def render_report(data: ReportData, language: Language) -> str:
    """The page in one language; whatever came from outside is escaped."""
    ladder, zone = data.ladder, data.made_at.tzinfo
    words = report_words(language)
    start = ladder.start.astimezone(zone)
    return template("report.html.jinja").render(
        data=data,
        lang="zh-CN" if language == "zh" else "en",
        words=words,
        write=Writer(data, language),
        ladder=ladder,
        rungs=rungs(ladder),
        lines=lines_with_time(ladder),
        hatched=HATCHED,
        largest=_largest(ladder),
        notes=notes(ladder, language),
        stack=stack(ladder),
        strips=strips(data.spans, ladder.start, ladder.end),
        lanes=_lanes(data, words),
        ticks=[Tick(at, figures.clock(instant, zone)) for at, instant in time_ticks(start, ladder.end)],
        loss=loss_chart(data.losses, data.attempt_steps),
        by_attempt=_by_attempt(data),
        leased_us=_leased_us(data),
        benches=_benches(data),
        findings=[*data.check.money, *data.check.card_hours, *data.check.audit],
    )


def _largest(ladder: Ladder) -> LadderLine | None:
    """The line that took most of what was not productive."""
    others = [line for line in lines_with_time(ladder) if line.line is not Line.PRODUCTIVE]
    return max(others, key=lambda line: line.card_us, default=None)


def _benches(data: ReportData) -> list[Bench]:
    """The first devices, each with every precision of which anything is known."""
    calibrations = {c.device: c for c in sorted(data.calibrations, key=lambda c: c.at)}
    benches: list[Bench] = []
    for device in data.devices[:DEVICES_MAX]:
        calibration = calibrations.get(device.id)
        nominal = {rate.precision: rate for rate in device.nominal}
        found = {rate.precision: rate for rate in calibration.measured} if calibration else {}
        names = dict.fromkeys([*found, *nominal])
        rates = tuple((name, nominal.get(name), found.get(name)) for name in names)
        benches.append(Bench(device, calibration, rates or ((figures.NONE, None, None),)))
    return benches


def _by_attempt(data: ReportData) -> dict[str, Counter[Line]]:
    """The card time of each attempt by line, in microseconds."""
    times: dict[str, Counter[Line]] = defaultdict(Counter)
    for span in data.spans:
        times[span.attempt or ""][span.line] += span.card_us
    return times


def _leased_us(data: ReportData) -> tuple[int, int]:
    """Of the lease: (card time sold and available in the window, of that occupied by its jobs)."""
    lease = data.lease
    sold = [span for span in data.spans if lease is not None and span.lease == lease.id]
    times = [(span.line, span.card_us) for span in sold]
    return sum(time for _, time in times), sum(time for line, time in times if line in OCCUPIED)


def _lanes(data: ReportData, words: dict[str, str]) -> list[tuple[str, list[Lane]]]:
    """The lease and the attempts, to be drawn over the devices."""
    window = Window(data.ladder.start, data.ladder.end)
    tried = [lane(str(a.number), a.placed_at, a.ended_at, window) for a in data.attempts]
    rows = [(words["attempts"], [one for one in tried if one])]
    if data.lease is not None:
        sold = lane(data.lease.id, data.lease.start, data.lease.ended_at or data.lease.end, window)
        rows.insert(0, (words["lease_lane"], [sold] if sold else []))
    return [(name, row) for name, row in rows if row]
