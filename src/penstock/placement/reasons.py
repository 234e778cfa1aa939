"""Why a device does not serve a job: the codes counted for people, and the one the card-hour book uses."""

from collections import Counter

NOT_IN_SERVICE = "not_in_service"
MODEL = "no_fit_model"
MEMORY = "no_fit_memory"
LEASE_NOT_ACTIVE = "lease_not_active"
TENANT_SUSPENDED = "tenant_suspended"
QUOTA = "no_fit_quota"
BUSY = "busy"
RESERVED = "reserved"
HOST_MEMORY = "no_fit_host_memory"
FRAGMENTATION = "no_fit_fragmentation"
TOPOLOGY = "no_fit_topology"
TOO_FEW = "too_few_free"

_BOOK_REASONS = {
    FRAGMENTATION: FRAGMENTATION,
    TOPOLOGY: TOPOLOGY,
    HOST_MEMORY: MEMORY,
    TOO_FEW: FRAGMENTATION,
    QUOTA: QUOTA,
    TENANT_SUSPENDED: "no_fit_price",
    BUSY: BUSY,
    RESERVED: BUSY,
    LEASE_NOT_ACTIVE: BUSY,
    MEMORY: MEMORY,
    MODEL: MODEL,
    NOT_IN_SERVICE: BUSY,
}
"""In order of how close a device came to serving: a free one explains more than a busy one."""

REASONS = tuple(_BOOK_REASONS)


def book_reason(counts: Counter[str]) -> str:
    """The one reason (as documented at `Wait`) of a waiting job; without any device, its model is missing."""
    return next((book for code, book in _BOOK_REASONS.items() if counts[code]), MODEL)
