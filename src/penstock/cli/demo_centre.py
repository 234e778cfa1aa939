"""A centre of its own process for the demo: opened, told to drain, gone."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

from penstock.base.refusal import Refusal, Refused

_COMMAND = (sys.executable, "-c", "from penstock.cli.main import main; raise SystemExit(main())")
PATIENCE_S = 60.0


class RunningCentre:
    """`penstock up` on a data directory until the block ends; `url` and `token` as it printed them."""

    def __init__(self, data: Path, port: int) -> None:
        options = (
            "up",
            "--data",
            str(data / "data"),
            "--port",
            str(port),
            "--cpu-only",
            "--metering-seconds",
            "5",
        )
        self._log = (data / "server.log").open("w+b")
        self._process = subprocess.Popen(
            (*_COMMAND, *options), stdout=subprocess.PIPE, stderr=self._log, text=True, start_new_session=True
        )
        self.url = self._said(2)
        self.token = self._said(2)

    def _said(self, word: int) -> str:
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if len(words) <= word:
            self._process.wait()
            self._log.seek(0)
            said = self._log.read().decode(errors="replace").strip()
            raise Refused(Refusal("centre_did_not_open", said[-2000:], "mend that and try again"))
        return words[word]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self._log.seek(0)
            sys.stderr.write(self._log.read()[-4000:].decode(errors="replace"))
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
