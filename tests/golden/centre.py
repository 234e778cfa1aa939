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
from typing import IO, NamedTuple

from penstock.sdk.client import Client

PATIENCE_S = 60.0


class Running(NamedTuple):
    """Where it listens, the token that it printed (on its first opening only), and its process."""

    url: str
    token: str
    process: subprocess.Popen[bytes]


@contextmanager
def centre(data: Path, *options: str, port: int = 0, first: bool = True) -> Iterator[Running]:
    """`penstock up` until the block ends; then Ctrl-C, unless it is gone by then."""
    command = [sys.executable, "-c", "from penstock.cli.main import main; raise SystemExit(main())"]
    environment = {**os.environ, "PENSTOCK_LANG": "en", "PYTHONUNBUFFERED": "1"}
    with (data.parent / "server.err").open("w+b") as errors:
        process = subprocess.Popen(
            [*command, "up", "--data", str(data), "--port", str(port), *options],
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environment,
        )
        try:
            running = _greeted(process, errors, "admin token: " if first else "listening on ")
            yield running
            if running.token and process.poll() is None:
                _balanced(running)
            if process.poll() not in (None, -signal.SIGKILL):
                errors.seek(0)
                raise AssertionError(f"the server ended by itself: {errors.read().decode()}")
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


def _balanced(running: Running) -> None:
    """Whatever a test did, both books hold at its end."""
    with Client(running.url, running.token) as client:
        report = client.get("ledger", "check")
    assert report["ok"], report


def _greeted(process: subprocess.Popen[bytes], errors: IO[bytes], awaited: str) -> Running:
    """Read what it prints up to the line that is waited for."""
    assert process.stdout is not None
    said, deadline = "", time.monotonic() + PATIENCE_S
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while awaited not in said or not said.endswith("\n"):
            ready = selector.select(deadline - time.monotonic())
            chunk = os.read(process.stdout.fileno(), 4096) if ready else b""
            if not chunk:
                errors.seek(0)
                raise AssertionError(f"the server did not open:\n{said}\n{errors.read().decode()}")
            said += chunk.decode()
    url = re.search(r"^listening on (\S+)$", said, re.MULTILINE)
    token = re.search(r"^admin token: (\S+)$", said, re.MULTILINE)
    assert url, said
    return Running(url[1], token[1] if token else "", process)
