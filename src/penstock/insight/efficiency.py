"""Model FLOPs utilisation: what finished jobs say they computed, over what their devices could have while productive.

MFU as in PaLM (Chowdhery et al. 2022, appendix B): forward and backward without recomputation, over the dense peak of
the devices' sheets at the same precision. Nothing is said of jobs that do not state their FLOPs.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

import msgspec

from penstock.base.figure import Figure
from penstock.base.quantity import WHOLE
from penstock.base.window import US_PER_HOUR, US_PER_SECOND, Window, to_us
from penstock.fleet.device import Device, Node
from penstock.insight.ladder import Axis, device_group
from penstock.insight.layers import attempt_pieces
from penstock.insight.model import Line
from penstock.lease.job import Attempt, Job

FLOPS_PER_TFLOPS = 1e12


class _Sum(msgspec.Struct):
    flops: float = 0.0
    peak: float = 0.0
    card_us: int = 0
    jobs: int = 0


def utilisation(
    finished: Iterable[tuple[Job, tuple[Attempt, ...]]],
    devices: Iterable[Device],
    nodes: Iterable[Node],
    window: Window,
    by: Axis | None,
) -> dict[str, Figure]:
    """MFU by group (the whole under '') of jobs that ended well in the window; a job is where its devices are."""
    known, group = {device.id: device for device in devices}, device_group(by, nodes) if by else None
    sums: dict[str, _Sum] = defaultdict(_Sum)
    for job, attempts in finished:
        peaks = _peaks(job, attempts, known, window)
        whole = sum(peak for peak, _ in peaks.values())
        if job.spec.flops is None or not whole:
            continue
        named = {
            device: job.tenant if by == "tenant" else group(known[device]) if group else ""
            for device in peaks
        }
        for name in set(named.values()):
            sums[name].jobs += 1
        for device, (peak, card_us) in peaks.items():
            found = sums[named[device]]
            found.flops += job.spec.flops.total * peak / whole
            found.peak += peak
            found.card_us += card_us
    return {name: _figure(found, window) for name, found in sums.items()}


def _peaks(
    job: Job, attempts: Iterable[Attempt], known: Mapping[str, Device], window: Window
) -> dict[str, tuple[float, int]]:
    """By device: the dense FLOPs that fit into the job's productive time, and that card time; none where unknown."""
    precision = job.spec.flops.precision if job.spec.flops else ""
    found: dict[str, tuple[float, int]] = {}
    for attempt in attempts:
        pieces = attempt_pieces(attempt, to_us(window.end))
        time_us = sum(end - start for start, end, cover in pieces if cover.line is Line.PRODUCTIVE)
        for name in attempt.devices:
            rates = [one.tflops for one in known[name].nominal if one.precision == precision]
            if not rates:
                return {}
            peak = rates[0] * FLOPS_PER_TFLOPS * time_us / US_PER_SECOND * attempt.share / WHOLE
            before = found.get(name, (0.0, 0))
            found[name] = (before[0] + peak, before[1] + time_us * attempt.share // WHOLE)
    return found


def _figure(found: _Sum, window: Window) -> Figure:
    return Figure(
        value=100 * found.flops / found.peak,
        unit="percent of the dense peak FLOPs of productive time",
        population=f"{found.jobs:,} jobs that state their FLOPs and ended well from {window.start:%Y-%m-%d %H:%M} to "
        f"{window.end:%Y-%m-%d %H:%M} UTC, {found.card_us / US_PER_HOUR:,.1f} productive card-hours",
        status="claimed",
        source="FLOPs: the jobs' owners; peak: the devices' sheets",
    )
