"""A centre of its own process for the demo: opened, told to drain, gone."""

import re
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
        try:
            self.url = self._said(r"http://\S+")
            self.token = self._said(r"pst_\S+")
        except BaseException:
            self._end()
            raise

    def _said(self, pattern: str) -> str:
        """What of the next line is meant, in whichever language it is said."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        found = re.search(pattern, line)
        if found is None:
            if not line:
                self._process.wait()
            raise Refused(Refusal("centre_did_not_open", self._logged()[-2000:], "mend that and try again"))
        return found[0]

    def _logged(self) -> str:
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            sys.stderr.write(self._logged()[-4000:])
        self._end()

    def _end(self) -> None:
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._log.close()
