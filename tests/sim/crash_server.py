"""`penstock up` that dies by SIGKILL at one line, or writes down every line that it came along."""

import json
import os
import signal
import sys
from pathlib import Path

from penstock.cli.main import main
from penstock.sim.faults import Point, watched

MODULES = ("app/", "store/", "engines/local/", "web/")


def serve() -> int:
    record, point = os.environ.pop("CRASH_RECORD", ""), os.environ.pop("CRASH_POINT", "")
    chosen = None
    if point:
        file, line, visit = point.rsplit(":", 2)
        chosen = Point(file, int(line), int(visit))
    with watched(MODULES, chosen, lambda: os.kill(os.getpid(), signal.SIGKILL)) as visits:
        status = main(sys.argv[1:])
    if record:
        Path(record).write_text(json.dumps([[*place, count] for place, count in sorted(visits.items())]))
    return status


if __name__ == "__main__":
    raise SystemExit(serve())
