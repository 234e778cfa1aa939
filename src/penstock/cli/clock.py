"""The client's own clock, for windows that end now; what is sold and metered goes by the centre's."""

from datetime import UTC, datetime


def now() -> datetime:
    """UTC now."""
    return datetime.now(UTC)
