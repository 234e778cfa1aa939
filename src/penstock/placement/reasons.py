"""Why a device does not serve a job: the codes counted for people, and the one the card-hour book uses."""

from collections import Counter

TOO_LARGE = "too_large"
"""The gang has more devices than there are of its kind, or more on a node than any has: it waits in vain."""
NOT_IN_SERVICE = "not_in_service"
MODEL = "no_fit_model"
SOFTWARE = "no_fit_software"
IMAGE = "no_fit_image"
MEMORY = "no_fit_memory"
LEASE_NOT_ACTIVE = "lease_not_active"
TENANT_SUSPENDED = "tenant_suspended"
QUOTA = "no_fit_quota"
BUSY = "busy"
LEASED = "leased"
RESERVED = "reserved"
PROMISED = "promised"
HOST_MEMORY = "no_fit_host_memory"
CPU = "no_fit_cpu"
FRAGMENTATION = "no_fit_fragmentation"
TOPOLOGY = "no_fit_topology"
TOO_FEW = "too_few_free"
BOOKING = "no_fit_booking"
"""What the card-hour book calls demand kept out of free devices by a booking or a promise."""

_BOOK_REASONS = {
    FRAGMENTATION: FRAGMENTATION,
    TOPOLOGY: TOPOLOGY,
    HOST_MEMORY: MEMORY,
    CPU: FRAGMENTATION,
    TOO_FEW: FRAGMENTATION,
    TOO_LARGE: FRAGMENTATION,
    QUOTA: QUOTA,
    TENANT_SUSPENDED: "no_fit_price",
    PROMISED: BOOKING,
    RESERVED: BOOKING,
    BUSY: BUSY,
    LEASED: BUSY,
    LEASE_NOT_ACTIVE: BUSY,
    MEMORY: MEMORY,
    IMAGE: SOFTWARE,
    SOFTWARE: SOFTWARE,
    MODEL: MODEL,
    NOT_IN_SERVICE: BUSY,
}
"""In order of how close a device came to serving: a free one explains more than a busy one."""

REASONS = tuple(_BOOK_REASONS)


def book_reason(counts: Counter[str]) -> str:
    """The one reason (as documented at `Wait`) of a waiting job; without any device, its model is missing."""
    return next((book for code, book in _BOOK_REASONS.items() if counts[code]), MODEL)
