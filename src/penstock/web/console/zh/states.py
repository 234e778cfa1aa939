"""States and codes."""

STATES: dict[str, str] = {}
