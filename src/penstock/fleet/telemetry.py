"""What a device is doing now, as its driver or an exporter says it."""

from collections.abc import Iterable, Mapping

import msgspec

from penstock.fleet.device import Device


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """One device at one moment. None: the source does not say; it is never taken for nothing.

    `index` is the source's own number of the device, `handle` its bus id, UUID or CPU list; `host` is '' on the
    host that the sample was taken on. `activity` is a fraction, `errors` counts uncorrectable memory errors.
    """

    index: int
    handle: str = ""
    name: str = ""
    host: str = ""
    activity: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_w: float | None = None
    temperature_c: float | None = None
    errors: int | None = None


def matched(samples: Iterable[Sample], devices: Iterable[Device]) -> Mapping[str, Sample]:
    """Device id -> its sample: by handle, or else by host and the device's number there.

    Samples without a host are of the devices given, which are then all of one host.
    """
    by_handle: dict[str, Sample] = {}
    by_index: dict[tuple[str, int], Sample] = {}
    for sample in samples:
        if sample.handle:
            by_handle.setdefault(sample.handle.lower(), sample)
        by_index.setdefault((sample.host, sample.index), sample)
    found = {}
    for device in devices:
        sample = by_handle.get(device.handle.lower()) or by_index.get((device.node, device.index))
        sample = sample or by_index.get(("", device.index))
        if sample is not None:
            found[device.id] = sample
    return found
