"""`/metrics` in Prometheus' text form: devices by dcgm-exporter's names, the queue, the ladder of the last hour."""

from collections.abc import Callable, Iterator

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from penstock.app.telemetry import LadderKept, Telemetry, telemetry
from penstock.base.quantity import card_hours
from penstock.fleet.device import Device
from penstock.fleet.telemetry import Sample
from penstock.web.given import GivenApp, GivenPrincipal, GivenProbe

MIB = 2**20
_LABELS = ("gpu", "UUID", "device", "modelName", "Hostname")
"""dcgm-exporter's. `device` is the device's id in the centre."""

type _Reading = Callable[[Sample], float | None]


def _percent(sample: Sample) -> float | None:
    return None if sample.activity is None else sample.activity * 100


def _used(sample: Sample) -> float | None:
    return None if sample.memory_used_bytes is None else sample.memory_used_bytes / MIB


def _free(sample: Sample) -> float | None:
    if sample.memory_used_bytes is None or sample.memory_total_bytes is None:
        return None
    return (sample.memory_total_bytes - sample.memory_used_bytes) / MIB


_DCGM: tuple[tuple[str, str, _Reading], ...] = (
    ("DCGM_FI_DEV_GPU_UTIL", "Activity of the device in per cent.", _percent),
    ("DCGM_FI_DEV_FB_USED", "Device memory used, in MiB.", _used),
    ("DCGM_FI_DEV_FB_FREE", "Device memory free, in MiB.", _free),
    ("DCGM_FI_DEV_POWER_USAGE", "Power in watts.", lambda sample: sample.power_w),
    ("DCGM_FI_DEV_GPU_TEMP", "Temperature in degrees Celsius.", lambda sample: sample.temperature_c),
    ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "Uncorrectable memory errors.", lambda sample: sample.errors),
)


class _Moment(Collector):
    """One telemetry as metric families."""

    def __init__(self, seen: Telemetry) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        """All families; a figure that no source says is left out."""
        yield from self._devices()
        yield from self._queue()
        yield from self._ladder()

    def _devices(self) -> Iterator[Metric]:
        for name, text, reading in _DCGM:
            family = GaugeMetricFamily(name, text, labels=_LABELS)
            for device in self._seen.devices:
                sample = self._seen.samples.get(device.id)
                value = None if sample is None else reading(sample)
                if value is not None:
                    family.add_metric(_labels(device), value)
            yield family
        states = GaugeMetricFamily(
            "penstock_device_state", "1: the device is in this state.", labels=(*_LABELS, "state")
        )
        for device in self._seen.devices:
            states.add_metric((*_labels(device), str(device.state)), 1)
        yield states

    def _queue(self) -> Iterator[Metric]:
        counted = GaugeMetricFamily("penstock_jobs", "Jobs by state.", labels=("state",))
        for state, count in sorted(self._seen.jobs.items()):
            counted.add_metric((str(state),), count)
        yield counted
        wanted = GaugeMetricFamily(
            "penstock_waiting_devices",
            "Devices that waiting jobs want, by model wanted and by what keeps them out.",
            labels=("model", "reason"),
        )
        for (model, reason), count in sorted(self._seen.waiting.items()):
            wanted.add_metric((model, reason), count)
        yield wanted

    def _ladder(self) -> Iterator[Metric]:
        hours = GaugeMetricFamily(
            "penstock_ladder_card_hours",
            "Card-hours of the last hour on each line; over all lines they sum to capacity.",
            labels=("model", "rung", "line"),
        )
        value = GaugeMetricFamily(
            "penstock_ladder_list_value",
            "List value of the card-hours of the last hour on each line, in the centre's currency.",
            labels=("model", "rung", "line", "currency"),
        )
        for model, ladder in self._seen.ladders.items():
            for line in ladder.lines:
                names = (model, line.rung, str(line.line))
                hours.add_metric(names, card_hours(line.card_us))
                value.add_metric((*names, ladder.currency), line.list_value_micros / 1e6)
        yield hours
        yield value


def _labels(device: Device) -> tuple[str, ...]:
    return str(device.index), device.handle, device.id, device.model, device.node


def endpoint() -> HTTPRouteHandler:
    """`GET /metrics` of one application, for a scraper with a token of audit scope."""
    kept = LadderKept()

    @get("/metrics", sync_to_thread=True, include_in_schema=False)
    def metrics(centre: GivenApp, principal: GivenPrincipal, probe: GivenProbe) -> Response[bytes]:
        """Everything that a monitoring system may read."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Moment(telemetry(centre, principal, probe, kept)))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return metrics
