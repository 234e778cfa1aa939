"""The guide for several hosts with Ray, done exactly as it is written: two network namespaces are the hosts.

    python tests/e2e/ray_guide.py

Needs root, `ip`, some minutes of a busy machine or half a minute of a quiet one, and leaves nothing running.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
for folder in (ROOT, ROOT / "tests" / "golden"):
    sys.path.insert(0, str(folder))

from tests.contract.ray_cluster import TAG, RayCluster  # noqa: E402

from centre import centre  # noqa: E402

TRIES = 3
GUIDE = ROOT / "docs" / "guide" / "ray.md"


def main() -> None:
    """Token, head, second host, centre, fleet, gang."""
    text = GUIDE.read_text(encoding="utf-8")
    token, head, second, engines, fleet, run = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    (job,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    with tempfile.TemporaryDirectory(prefix="pguide-") as name:
        base = Path(name)
        (base / "gang.yaml").write_text(job)
        hosts = RayCluster(base, f"{TAG}{os.getpid() % 10**6}", 2, "")
        first, other = hosts.addresses
        words = {"SHARED": str(base / "shared"), "DATA": str(base / "data"), "FIRST": first, "SECOND": other}
        try:
            hosts.connect()
            bash(token, words, hosts.enter(0))
            start(hosts, 0, head, words)
            start(hosts, 1, second, words)
            bash(engines, words)
            with centre(base / "data", "--cpu-only") as running:
                words |= {"PENSTOCK_URL": running.url, "PENSTOCK_TOKEN": running.token}
                print(bash(fleet, words))
                bash("penstock offer publish cpu 3.60", words)
                bash("penstock tenant open acme; penstock tenant pay acme 10.00 --id first", words)
                print(bash(f"cd {base}; {run}", words))
                shown = json.loads(bash("penstock show acme.gang --json", words))
                assert len({device for a in shown["attempts"] for device in a["devices"]}) == 2, shown
                print(bash("penstock ledger check", words))
        finally:
            hosts.stop()


def start(hosts: RayCluster, number: int, script: str, words: dict[str, str]) -> None:
    """Start Ray on a host as the guide says, again where a busy machine was too slow for what Ray waits for."""
    for tries in range(TRIES):
        try:
            bash(script, words, hosts.enter(number))
        except AssertionError:
            hosts.kill_ray(number)
            if tries == TRIES - 1:
                raise
        else:
            return


def bash(script: str, words: dict[str, str], enter: tuple[str, ...] = ()) -> str:
    """Run one block of the guide; what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*enter, "bash", "-euc", script],
        env={**os.environ, **words, "PATH": path, "PENSTOCK_LANG": "en"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


if __name__ == "__main__":
    main()
