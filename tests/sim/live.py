"""A server that dies, and a client that goes on: it starts the server again and asks the same again."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tests.sim.launcher import fork_server

PATIENCE_S = 60.0
PAUSE_S, LOOK_AGAIN_S = 0.03, 0.1
KILLED = -signal.SIGKILL


class Failed(Exception):
    """What does not hold."""


class Live:
    """One centre over REST, whose server dies at each of `deaths` in turn and then lives."""

    def __init__(self, data: Path, deaths: list[str], token: str = "", record: Path | None = None) -> None:
        self.data, self.token = data, token
        self.deaths_left, self.kills, self.starts = list(deaths), 0, 0
        self._record = record
        self._pid = 0
        self._http = httpx.Client()
        self._start()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to one request, asked again with the same content as long as the server dies under it."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            headers = {"authorization": f"Bearer {self.token}"}
            try:
                answer = self._http.request(method, self.url + path, json=body, headers=headers, timeout=30)
            except httpx.TransportError:
                if not self._revive():
                    time.sleep(PAUSE_S)
                continue
            if answer.status_code >= 400:
                raise Refusal(f"{method} {path}: {answer.status_code} {answer.text[:500]}")
            return answer.json()
        raise Failed(f"{method} {path}: no answer")

    def until(self, what: str, path: str, holds: Callable[[Any], bool]) -> Any:
        """Ask until the answer is as it should be."""
        deadline = time.monotonic() + PATIENCE_S
        answer = None
        while time.monotonic() < deadline:
            answer = self.ask("GET", path)
            if holds(answer):
                return answer
            time.sleep(LOOK_AGAIN_S)
        raise Failed(f"{what} did not come: {json.dumps(answer)[-1500:]}")

    def close(self) -> None:
        """Ctrl-C, until a server has drained and ended by itself; one that is killed meanwhile is started again."""
        while True:
            os.kill(self._pid, signal.SIGTERM)
            if self._ended() == 0:
                return
            self.kills += 1
            self._start()

    def reopen(self) -> None:
        """Close, and open again."""
        self.close()
        self._start()

    def destroy(self) -> None:
        """End the server, whatever state it is in."""
        self._http.close()
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
            self._pid = 0

    def _revive(self) -> bool:
        """Start again what has died; anything but SIGKILL is a failure."""
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if pid == 0:
            return False
        self._check_death(os.waitstatus_to_exitcode(status))
        self._start()
        return True

    def _ended(self) -> int:
        """Wait for the server's end: 0, or killed."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                code = os.waitstatus_to_exitcode(status)
                self._pid = 0
                if code not in (0, KILLED):
                    raise Failed(f"the server ended with {code}: {self._log()}")
                return code
            time.sleep(PAUSE_S)
        raise Failed("the server does not drain")

    def _check_death(self, code: int) -> None:
        self._pid = 0
        if code != KILLED:
            raise Failed(f"the server ended with {code}: {self._log()}")
        self.kills += 1

    def _start(self) -> None:
        """Start until one is there to be asked; the next death in turn, then none."""
        while True:
            self.starts += 1
            death = self.deaths_left.pop(0) if self.deaths_left else ""
            options = ["--port", "0", "--cpu-only", "--metering-seconds", "1"]
            self._pid = fork_server(
                ["up", "--data", str(self.data), *options], self._log_path(), death, self._record
            )
            if self._opened():
                return

    def _opened(self) -> bool:
        """Wait until it says where it listens; False where it died before that."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            said = self._log()
            shown = re.search(r"^admin token: (\S+)\n", said, re.MULTILINE)
            address = re.search(r"^listening on (\S+)\n", said, re.MULTILINE)
            self.token = shown[1] if shown else self.token
            if address and self.token:
                self.url = f"{address[1]}/api/v1"
                return True
            pid, status = os.waitpid(self._pid, os.WNOHANG)
            if pid:
                self._check_death(os.waitstatus_to_exitcode(status))
                return False
            time.sleep(PAUSE_S)
        raise Failed("the server does not open")

    def _log_path(self) -> Path:
        return self.data.parent / f"server-{self.starts}.log"

    def _log(self) -> str:
        path = self._log_path()
        return path.read_text()[-3000:] if path.exists() else ""


class Refusal(Failed):
    """The centre declined what the walk asks for."""
