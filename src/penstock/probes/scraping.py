"""Samples from a Prometheus endpoint: dcgm-exporter's names, and those of Huawei's and Cambricon's exporters."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

import httpx
import msgspec
import structlog
from prometheus_client.parser import text_string_to_metric_families

from penstock.fleet.telemetry import Sample

LIMIT_S = 5.0
ANSWER_LIMIT_BYTES = 16 * 2**20
MIB = 2**20
_LOG = structlog.get_logger()


class _Field(NamedTuple):
    """Which part of a sample a metric is, and how its value becomes that."""

    name: str
    convert: Callable[[float], float | int]


def _percent(value: float) -> float:
    return value / 100


def _mib(value: float) -> int:
    return round(value * MIB)


FIELDS: Mapping[str, _Field] = {
    "DCGM_FI_DEV_GPU_UTIL": _Field("activity", _percent),
    "DCGM_FI_DEV_FB_USED": _Field("memory_used_bytes", _mib),
    "DCGM_FI_DEV_FB_FREE": _Field("free", _mib),
    "DCGM_FI_DEV_FB_TOTAL": _Field("memory_total_bytes", _mib),
    "DCGM_FI_DEV_POWER_USAGE": _Field("power_w", float),
    "DCGM_FI_DEV_GPU_TEMP": _Field("temperature_c", float),
    "DCGM_FI_DEV_ECC_DBE_VOL_TOTAL": _Field("errors", int),
    "npu_chip_info_utilization": _Field("activity", _percent),
    "npu_chip_info_hbm_used_memory": _Field("memory_used_bytes", _mib),
    "npu_chip_info_hbm_total_memory": _Field("memory_total_bytes", _mib),
    "npu_chip_info_power": _Field("power_w", float),
    "npu_chip_info_temperature": _Field("temperature_c", float),
    "mlu_utilization": _Field("activity", _percent),
    "mlu_memory_used": _Field("memory_used_bytes", int),
    "mlu_power_usage": _Field("power_w", float),
    "mlu_temperature": _Field("temperature_c", float),
}
"""By metric. dcgm-exporter's are as it documents them; `npu_chip_info_*` (Huawei's npu-exporter, memory in MB) and
`mlu_*` (Cambricon's mlu-exporter) are from what others read of them, unverified against a device of ours."""
_INDEX = ("gpu", "id", "npuID", "mlu")
_HANDLE = ("UUID", "uuid", "vdie_id")
_HOST = ("Hostname", "node", "instance")


def parse_exposition(text: str, host: str = "") -> tuple[Sample, ...]:
    """The samples of an answer in Prometheus' text form, by host and number; ValueError where it is none.

    `host` stands where the metrics do not name theirs. Values that are no numbers are left out.
    """
    found: dict[tuple[str, str], dict[str, float | int | str]] = {}
    for name, labels, value in _known(text):
        index = _first(labels, _INDEX)
        if not index.isdecimal() or not math.isfinite(value):
            continue
        named = _first(labels, _HOST).partition(":")[0] or host
        one = found.setdefault((named, index), {"handle": _first(labels, _HANDLE), "host": named})
        one["name"] = labels.get("modelName") or labels.get("model_name") or labels.get("model") or ""
        field = FIELDS[name]
        one[field.name] = field.convert(value)
    return tuple(_sample(int(index), fields) for (_, index), fields in found.items())


def _known(text: str) -> Iterator[tuple[str, Mapping[str, str], float]]:
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name in FIELDS:
                yield sample.name, sample.labels, sample.value


def _sample(index: int, fields: dict[str, float | int | str]) -> Sample:
    free = fields.pop("free", None)
    used = fields.get("memory_used_bytes")
    if isinstance(free, int) and isinstance(used, int):
        fields.setdefault("memory_total_bytes", used + free)
    return msgspec.convert({"index": index, **fields}, Sample)


def _first(labels: Mapping[str, str], names: Iterable[str]) -> str:
    return next((labels[name] for name in names if labels.get(name)), "")


def scrape(url: str, host: str = "") -> tuple[Sample, ...]:
    """The samples of an endpoint that the operator named when the centre was opened; nothing where it is away."""
    try:
        with httpx.stream("GET", url, timeout=LIMIT_S, follow_redirects=False) as answer:
            answer.raise_for_status()
            body = b""
            for chunk in answer.iter_bytes():
                body += chunk
                if len(body) > ANSWER_LIMIT_BYTES:
                    raise ValueError(f"more than {ANSWER_LIMIT_BYTES} bytes")
        return parse_exposition(body.decode(errors="replace"), host)
    except (httpx.HTTPError, ValueError) as error:
        _LOG.warning("no telemetry", url=url, error=str(error))
        return ()
