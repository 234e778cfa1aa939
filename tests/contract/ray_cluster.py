"""A real Ray cluster in network namespaces of its own: Ray listens on every address, whatever it is told.

`python tests/contract/ray_cluster.py DIRECTORY HOSTS` keeps one until nobody holds it any more.
"""

import fcntl
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import httpx

RAY = Path(sys.executable).parent / "ray"
_MODULES = "JobHead,NodeHead,StateHead"
"""Of the dashboard, each a process of its own; the others only draw pictures."""
_PORTS = ("dashboard-agent-grpc", "dashboard-agent-listen", "runtime-env-agent", "metrics-export")
_TRIES = 3
"""A busy machine is too slow for what Ray waits for: 15 s for its agents."""
_PATIENCE_S = 120.0
TAG = "pray"
_HELD: dict[Path, IO[str]] = {}
_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, for they outlive whoever started them."""


def missing() -> str:
    """What keeps us from having a cluster here, or ''."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [str(tool) for tool in ("ip", RAY) if shutil.which(tool) is None]
    return f"not installed: {', '.join(absent)}" if absent else ""


class RayCluster:
    """Hosts are namespaces on one bridge, and share everything else with us; the first is the head."""

    def __init__(self, base: Path, tag: str, hosts: int, token: str, cpus: int = 16) -> None:
        self.base, self.token, self.cpus = base, token, cpus
        self.tag, number = tag, int(tag.removeprefix(TAG))
        self._net = f"10.{64 + number % 60}.{number // 60 % 250}"
        self.addresses = [f"{self._net}.{place + 2}" for place in range(hosts)]
        self.token_file = base / "token"
        self.url = f"http://{self.addresses[0]}:8265"

    def start(self) -> None:
        """Start everything; returns once jobs are taken."""
        self.token_file.write_text(self.token)
        self.connect()
        for number in range(len(self.addresses)):
            self.start_host(number)

    def start_host(self, number: int) -> None:
        """Start Ray on one host."""
        for _ in range(_TRIES):
            done = self._run(number, self._start_command(number))
            if done.returncode == 0:
                break
            self.kill_ray(number)
        else:
            raise RuntimeError(f"Ray does not start: {done.stderr[-2000:]}")
        if number == 0:
            self._start_interface()

    def kill_ray(self, number: int) -> None:
        """SIGKILL to all that is Ray's on a host; what our engine started there goes on."""
        while theirs := [pid for pid in self._pids(number) if _is_of_ray(_command(pid))]:
            for pid in theirs:
                _kill(pid)
            time.sleep(0.05)

    def start_again(self) -> None:
        """Ray on every host without any memory: those that outlived the head go with it."""
        for number in range(len(self.addresses)):
            self.kill_ray(number)
        for number in range(len(self.addresses)):
            self.start_host(number)

    def kill_host(self, number: int) -> None:
        """SIGKILL to everything on a host, as when it loses its power."""
        while pids := self._pids(number):
            for pid in pids:
                _kill(pid)
            time.sleep(0.05)

    def stop(self) -> None:
        """Leave nothing."""
        for number in range(len(self.addresses)):
            self.kill_host(number)
            _ip("netns", "del", self._name(number))
        _ip("link", "del", self.tag)

    def connect(self) -> None:
        """Make the hosts, without Ray."""
        _ip("link", "add", self.tag, "type", "bridge")
        _ip("addr", "add", f"{self._net}.1/24", "dev", self.tag)
        _ip("link", "set", self.tag, "up")
        for number, address in enumerate(self.addresses):
            name = self._name(number)
            _ip("netns", "add", name)
            _ip("link", "add", f"{name}v", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"{name}v", "master", self.tag, "up")
            _ip("-n", name, "link", "set", "lo", "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")

    def enter(self, number: int) -> tuple[str, ...]:
        """What runs a command on a host."""
        return ("ip", "netns", "exec", self._name(number))

    def pids(self) -> list[int]:
        """Everything that runs on the hosts."""
        return [pid for number in range(len(self.addresses)) for pid in self._pids(number)]

    def _name(self, number: int) -> str:
        return f"{self.tag}h{number}"

    def _start_command(self, number: int) -> list[str]:
        role = ["--head", "--include-dashboard=false", f"--temp-dir={self.base / 'ray'}"]
        if number:
            role = [f"--address={self.addresses[0]}:6379"]
        ports = [f"--{name}-port={20001 + place}" for place, name in enumerate(_PORTS)]
        return [
            *(str(RAY), "start", *role, *ports, f"--node-ip-address={self.addresses[number]}"),
            *(f"--num-cpus={self.cpus}", "--object-store-memory=80000000", "--disable-usage-stats"),
        ]

    def _start_interface(self) -> None:
        """The interface of the head again, with the modules that we need on its address."""
        (pid,) = [pid for pid in self._pids(0) if "/dashboard/dashboard.py" in _command(pid)]
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
        _kill(pid)
        changed = {
            "--host=127.0.0.1": f"--host={self.addresses[0]}",
            "--modules-to-load=UsageStatsHead": f"--modules-to-load={_MODULES}",
        }
        command = [changed.get(word, word) for word in words if word != "--disable-frontend"]
        interface = subprocess.Popen(
            [*self.enter(0), *command],
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        _STARTED.append(interface)
        self._await_jobs()

    def _await_jobs(self) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        job = {"submission_id": secrets.token_hex(8), "entrypoint": "true", "entrypoint_num_cpus": 0}
        with httpx.Client(headers={"authorization": f"Bearer {self.token}"}, timeout=30) as http:
            while time.monotonic() < deadline:
                try:
                    if http.post(f"{self.url}/api/jobs/", json=job).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                time.sleep(0.2)
        raise RuntimeError("Ray takes no jobs")

    def _run(self, number: int, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.enter(number), *command],
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def _environment(self) -> dict[str, str]:
        own = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": self.token, "HOME": str(self.base)}
        kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
        return {**kept, "RAY_USAGE_STATS_ENABLED": "0", **own}

    def _pids(self, number: int) -> list[int]:
        done = subprocess.run(
            ["ip", "netns", "pids", self._name(number)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in done.stdout.split()]


def _is_of_ray(words: str) -> bool:
    return "/site-packages/ray/" in words or "/bin/ray start" in words or words.startswith("ray::")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=True)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ").strip()
    except OSError:
        return ""


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def hold(base: Path, hosts: int = 1) -> RayCluster:
    """The cluster of this directory, started by whoever comes first; held until this process ends."""
    base.mkdir(parents=True, exist_ok=True)
    if base not in _HELD:
        users = (base / "users").open("a+")
        fcntl.flock(users, fcntl.LOCK_SH)
        _HELD[base] = users
    ready = base / "ready.json"
    with (base / "starting").open("a+") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not ready.exists():
            with (base / "keeper.log").open("ab") as log:
                keeper = subprocess.Popen(
                    [sys.executable, __file__, str(base), str(hosts)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            _STARTED.append(keeper)
            while not ready.exists() and keeper.poll() is None:
                time.sleep(0.05)
            assert ready.exists(), (base / "keeper.log").read_text()[-2000:]
    return RayCluster(base, **json.loads(ready.read_text()))


def main(base: Path, hosts: int) -> None:
    """Start a cluster, and stop it when the last one who holds it is gone."""
    token = secrets.token_hex(20)
    cluster = RayCluster(base, f"{TAG}{os.getpid() % 10**6}", hosts, token)
    try:
        cluster.start()
        (base / "new.json").write_text(json.dumps({"tag": cluster.tag, "hosts": hosts, "token": token}))
        (base / "new.json").rename(base / "ready.json")
        with (base / "users").open("a+") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            (base / "ready.json").unlink()
    finally:
        cluster.stop()
    shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
