"""What the tests of the demo's job share."""

import socket
from pathlib import Path

from penstock.cli import demo_job

JOB = Path(demo_job.__file__).parent
PATIENCE_S = 60


def free_port() -> int:
    """A port that nobody used a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]
