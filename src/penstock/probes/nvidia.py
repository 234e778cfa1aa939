"""NVIDIA cards as the driver's own library (NVML) shows them."""

import contextlib
from collections.abc import Callable, Generator

import msgspec
import pynvml

from penstock.fleet.accelerators import Catalogue, by_driver_name, device_rates
from penstock.fleet.device import Device
from penstock.fleet.telemetry import Sample


class Card(msgspec.Struct, frozen=True):
    """What NVML says of one card."""

    index: int
    uuid: str
    name: str
    memory_bytes: int


def cards() -> tuple[Card, ...]:
    """The cards of this host; none where there is no driver or it does not answer."""
    try:
        with _nvml():
            return tuple(_card(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()


def samples() -> tuple[Sample, ...]:
    """What each card is doing; nothing where the driver does not answer."""
    try:
        with _nvml():
            return tuple(_sample(index) for index in range(pynvml.nvmlDeviceGetCount()))
    except pynvml.NVMLError:
        return ()


def _sample(index: int) -> Sample:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    activity = _said(lambda: pynvml.nvmlDeviceGetUtilizationRates(handle).gpu)
    power_mw = _said(lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    errors = _said(
        lambda: pynvml.nvmlDeviceGetTotalEccErrors(
            handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
        )
    )
    return Sample(
        index=index,
        handle=pynvml.nvmlDeviceGetUUID(handle),
        name=pynvml.nvmlDeviceGetName(handle),
        activity=None if activity is None else activity / 100,
        memory_used_bytes=memory.used,
        memory_total_bytes=memory.total,
        power_w=None if power_mw is None else power_mw / 1000,
        temperature_c=_said(lambda: pynvml.nvmlDeviceGetTemperature(handle, pynvml.NVML_TEMPERATURE_GPU)),
        errors=None if errors is None else int(errors),
    )


def _said(ask: Callable[[], float]) -> float | None:
    """A figure, or None where this card does not have it."""
    try:
        return ask()
    except pynvml.NVMLError:
        return None


def driver_version() -> str:
    """The driver's version, or '' where there is none."""
    try:
        with _nvml():
            return pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        return ""


def card_device(node: str, card: Card, known: Catalogue) -> Device:
    """One card as a device; a model that the catalogue lacks has no nominal figures."""
    model, accelerator = by_driver_name(card.name, card.memory_bytes, known)
    return Device(
        id=f"{node}-gpu{card.index}",
        node=node,
        model=model,
        handle=card.uuid,
        index=card.index,
        card=f"{node}-gpu{card.index}",
        stack="cuda",
        memory_bytes=card.memory_bytes,
        nominal=device_rates(accelerator) if accelerator else (),
    )


def _card(index: int) -> Card:
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    return Card(
        index,
        pynvml.nvmlDeviceGetUUID(handle),
        pynvml.nvmlDeviceGetName(handle),
        pynvml.nvmlDeviceGetMemoryInfo(handle).total,
    )


@contextlib.contextmanager
def _nvml() -> Generator[None]:
    pynvml.nvmlInit()
    try:
        yield
    finally:
        pynvml.nvmlShutdown()
