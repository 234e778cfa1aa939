"""What the server leaves in an attempt's directory for the hosts of a cluster, and what they leave for each other."""

ORDER, PARTS, STOP, NODES, READY, FAILED, CLAIM, EVICTED = (
    "order.json",
    "parts.json",
    "stop.json",
    "nodes",
    "ready",
    "failed",
    "claim",
    "evicted",
)
HOSTS = "hosts"
"""Beside the attempts: what was found out about each host."""
