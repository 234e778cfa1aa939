"""A real centre in a process of its own, on a free port, with a data directory of its own."""

import os
import re
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

PATIENCE_S = 60.0


class Running(NamedTuple):
    """Where it listens, and the token that it printed."""

    url: str
    token: str


@contextmanager
def centre(data: Path, *options: str) -> Iterator[Running]:
    """`penstock up` until the block ends; then Ctrl-C."""
    command = [sys.executable, "-c", "from penstock.cli.main import main; raise SystemExit(main())"]
    environment = {**os.environ, "PENSTOCK_LANG": "en", "PYTHONUNBUFFERED": "1"}
    with (data.parent / "server.err").open("w+b") as errors:
        process = subprocess.Popen(
            [*command, "up", "--data", str(data), "--port", "0", *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
        try:
            yield _greeting(process, errors)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            finally:
                assert process.stdout is not None
                process.stdout.close()


def _greeting(process: subprocess.Popen[bytes], errors) -> Running:
    """Read what it prints until it has said where it listens and by which token."""
    assert process.stdout is not None
    said, deadline = b"", time.monotonic() + PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while b"admin token: " not in said or not said.endswith(b"\n"):
            ready = selector.select(deadline - time.monotonic())
            chunk = os.read(process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                errors.seek(0)
                raise AssertionError(f"the server did not open:\n{said.decode()}\n{errors.read().decode()}")
            said += chunk
    found = re.search(
        r"^listening on (?P<url>\S+)$.*^admin token: (?P<token>\S+)$", said.decode(), re.DOTALL | re.MULTILINE
    )
    assert found, said.decode()
    return Running(**found.groupdict())
