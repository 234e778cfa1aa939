"""Which models a job takes."""

from penstock.fleet.device import Device
from penstock.lease.job import Resources

ANY_MODEL = "any"


def names(need: Resources, device: Device) -> bool:
    """Whether the device's model is one that the job takes."""
    return takes_any(need) or device.model in need.models


def takes_any(need: Resources) -> bool:
    """Whether any model will do."""
    return not need.models or ANY_MODEL in need.models
