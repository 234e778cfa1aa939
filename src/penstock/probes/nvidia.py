"""NVIDIA cards as the driver's own library (NVML) shows them."""

import contextlib
from collections.abc import Generator

import msgspec
import pynvml

from penstock.fleet.accelerators import Catalogue, by_driver_name, catalogue, device_rates
from penstock.fleet.device import Device


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


def driver_version() -> str:
    """The driver's version, or '' where there is none."""
    try:
        with _nvml():
            return pynvml.nvmlSystemGetDriverVersion()
    except pynvml.NVMLError:
        return ""


def card_device(node: str, card: Card, known: Catalogue | None = None) -> Device:
    """One card as a device; a model that the catalogue lacks has no nominal figures."""
    model, accelerator = by_driver_name(card.name, card.memory_bytes, known or catalogue())
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
