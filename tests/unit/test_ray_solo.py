"""What Ray runs for a gang of one host, by itself."""

import subprocess
import sys

_NO_MORE_PROCESSES = """
import os, sys
from pathlib import Path
from penstock.engines.ray import solo
fork, forked = os.fork, []
def few():
    forked.append(1)
    if len(forked) == 2:
        raise OSError("no more processes")
    return fork()
os.fork = few
sys.exit(solo.main(Path(sys.argv[1]), "n0"))
"""


def test_an_agent_that_cannot_be_begun_ends_the_job_of_ray(tmp_path):
    command = [sys.executable, "-c", _NO_MORE_PROCESSES, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 1
    assert "no more processes" in done.stderr
