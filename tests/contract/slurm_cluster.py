"""A real Slurm cluster on this host, without systemd, for as long as any test process holds it.

munge, MariaDB, slurmdbd, slurmctld, four slurmd and slurmrestd, all on the loopback and in one directory. Four
hosts of 64 pretended CPUs; n1 and n2 have eight pretended A100, n3 and n4 eight pretended Ascend 910B. A keeper
process starts it for the first who asks and stops it when nobody holds the lock `users` any more.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

PROGRAMS = ("slurmctld", "slurmd", "slurmdbd", "slurmrestd", "munged", "mariadbd", "sacctmgr", "scontrol")
NODES = ("n1", "n2", "n3", "n4")
_PORTS = ("ctld", "dbd", "db", "rest", *NODES)
_DIRECTORIES = ("etc", "run", "log", "state", "spool", "munge", "db", "rest", "dev")
_HELD: dict[Path, IO[str]] = {}
_STARTED: list[subprocess.Popen[bytes]] = []
"""Kept, for they outlive whoever started them."""


class SlurmCluster:
    """A cluster that runs: where it is, and what can be done to it."""

    def __init__(self, base: Path, state: dict[str, Any]) -> None:
        self.base, self.state = base, state
        self.environment = {**os.environ, "SLURM_CONF": str(base / "etc" / "slurm.conf")}

    @property
    def url(self) -> str:
        """slurmrestd."""
        return f"http://127.0.0.1:{self.state['ports']['rest']}"

    @property
    def key(self) -> Path:
        """The key of its tokens."""
        return self.base / "etc" / "jwt.key"

    def run(self, *command: str) -> str:
        """One of Slurm's commands, as root."""
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
        return done.stdout

    def sql(self, statement: str) -> None:
        """Change the accounting database."""
        client = ["mariadb", "--no-defaults", "-uroot", "-S", str(self.base / "db" / "sock")]
        self.run(*client, "slurm_acct_db", "-e", statement)

    def kill(self, daemon: str) -> None:
        """SIGKILL a daemon."""
        pid = int((self.base / "run" / f"{daemon}.started").read_text())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _until(lambda: not _alive(pid), f"{daemon} to die")

    @contextlib.contextmanager
    def paused(self, daemon: str) -> Iterator[None]:
        """A daemon that stands still for a while."""
        pid = int((self.base / "run" / f"{daemon}.started").read_text())
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def start(self, *daemons: str) -> None:
        """Start daemons again."""
        for daemon in daemons:
            _Starter(self.base, self.state["ports"]).start(daemon)
        self.wait()

    def wait(self) -> None:
        """Until controller, hosts and slurmrestd answer."""
        _until(self._ready, "the cluster to be ready", 180)

    def _ready(self) -> bool:
        command = ["sinfo", "-h", "-N", "-p", "all", "-t", "idle,mix,alloc", "-o", "%N"]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        if len(set(done.stdout.split())) != len(NODES):
            return False
        with (
            contextlib.suppress(OSError),
            socket.create_connection(("127.0.0.1", self.state["ports"]["rest"]), 1),
        ):
            return True
        return False


def missing() -> str:
    """Why no cluster can be started here; '' where it can."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    absent = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if absent:
        return f"{', '.join(absent)} not installed (see .ci/run)"
    return "" if os.geteuid() == 0 else "only root can start Slurm's daemons"


def limits_memory() -> bool:
    """Whether this host lets Slurm limit the memory of jobs by control groups."""
    return os.access("/sys/fs/cgroup/memory/tasks", os.W_OK)


def hold(base: Path) -> SlurmCluster:
    """The cluster of this directory, started by whoever comes first; held until this process ends."""
    base.mkdir(parents=True, exist_ok=True)
    base.chmod(0o755)
    if base not in _HELD:
        users = (base / "users").open("a+")
        fcntl.flock(users, fcntl.LOCK_SH)
        _HELD[base] = users
    with (base / "starting").open("a+") as starting:
        fcntl.flock(starting, fcntl.LOCK_EX)
        if not (base / "ready.json").exists():
            with (base / "keeper.log").open("ab") as log:
                keeper = subprocess.Popen(
                    [sys.executable, __file__, str(base)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            _STARTED.append(keeper)
            ready = base / "ready.json"
            _until(lambda: ready.exists() or keeper.poll() is not None, "the cluster to start", 120)
            assert ready.exists(), (base / "keeper.log").read_text()[-2000:]
    return SlurmCluster(base, json.loads((base / "ready.json").read_text()))


def _until(look: Any, what: str, patience_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if look():
            return
        time.sleep(0.05)
    raise AssertionError(f"waited in vain for {what}")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class _Starter:
    """Starts the daemons and writes down their process ids."""

    def __init__(self, base: Path, ports: dict[str, int]) -> None:
        self.base, self.ports = base, ports
        self.environment = {**os.environ, "SLURM_CONF": str(base / "etc" / "slurm.conf")}
        self.environment["PATH"] = self.environment.get("PATH", "") + ":/usr/sbin:/sbin"

    def everything(self) -> None:
        """From nothing to a cluster whose hosts are idle."""
        for name in _DIRECTORIES:
            shutil.rmtree(self.base / name, ignore_errors=True)
            (self.base / name).mkdir()
        (self.base / "munge" / "munge.key").write_bytes(os.urandom(1024))
        (self.base / "etc" / "jwt.key").write_bytes(os.urandom(32))
        self._write_settings()
        self._own()
        self.start("munged")
        self._database()
        self.start("slurmdbd")
        self._until_works("sacctmgr", "-n", "-Q", "show", "cluster")
        self._run("sacctmgr", "-i", "-Q", "add", "cluster", "centre")
        self._run("sacctmgr", "-i", "-Q", "add", "account", "research", "others")
        self._run("sacctmgr", "-i", "-Q", "add", "user", "root", "Account=research,others")
        self._run("sacctmgr", "-i", "-Q", "add", "qos", "urgent", "Preempt=normal", "PreemptMode=cancel")
        self._run("sacctmgr", "-i", "-Q", "modify", "user", "root", "set", "QOS+=urgent")
        self.start("slurmctld")
        self._until_works("scontrol", "ping")
        for node in NODES:
            self.start(node)
        self.start("slurmrestd")
        SlurmCluster(self.base, {"ports": self.ports}).wait()

    def start(self, daemon: str) -> None:
        """One daemon, in the foreground of a session of its own."""
        command, user, extra = self._command(daemon)
        with (self.base / "log" / f"{daemon}.out").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment | extra,
                cwd=self.base / ("rest" if daemon == "slurmrestd" else "run"),
                start_new_session=True,
                user=user,
                group=pwd.getpwnam(user).pw_gid if user else None,
                extra_groups=[] if user else None,
            )
        _STARTED.append(process)
        (self.base / "run" / f"{daemon}.started").write_text(str(process.pid))

    def _command(self, daemon: str) -> tuple[list[str], str | None, dict[str, str]]:
        base = self.base
        if daemon == "munged":
            names = ("key-file=munge.key", "socket=munge.socket", "pid-file=munged.pid")
            options = [f"--{name.replace('=', f'={base}/munge/', 1)}" for name in names]
            options += [f"--log-file={base}/munge/munged.log", f"--seed-file={base}/munge/munged.seed"]
            return ["munged", "--force", "--foreground", "--num-threads=10", *options], "munge", {}
        if daemon == "mariadbd":
            options = [f"--datadir={base}/db/data", f"--socket={base}/db/sock", f"--pid-file={base}/db/pid"]
            options += [f"--port={self.ports['db']}", "--bind-address=127.0.0.1", "--user=mysql"]
            options += ["--innodb-buffer-pool-size=64M", "--innodb-flush-log-at-trx-commit=0"]
            return ["mariadbd", "--no-defaults", *options], None, {}
        if daemon == "slurmrestd":
            plugins = ["-a", "rest_auth/jwt", "-s", "openapi/v0.0.38,openapi/dbv0.0.38"]
            return (
                ["slurmrestd", *plugins, f"127.0.0.1:{self.ports['rest']}"],
                "nobody",
                {"SLURM_JWT": "daemon"},
            )
        return [["slurmd", "-D", "-N", daemon] if daemon in NODES else [daemon, "-D"]][0], None, {}

    def _database(self) -> None:
        data = self.base / "db" / "data"
        self._run(
            *("mariadb-install-db", "--no-defaults", "--user=mysql", f"--datadir={data}"),
            *("--auth-root-authentication-method=normal", "--skip-test-db"),
        )
        self.start("mariadbd")
        client = ["mariadb", "--no-defaults", "-uroot", "-S", str(self.base / "db" / "sock"), "-e"]
        self._until_works(*client, "select 1")
        self._run(
            *client,
            "create database slurm_acct_db; create user slurm@localhost identified by 'slurm'; "
            "create user slurm@127.0.0.1 identified by 'slurm'; "
            "grant all on slurm_acct_db.* to slurm@localhost; grant all on slurm_acct_db.* to slurm@127.0.0.1;",
        )

    def _run(self, *command: str) -> None:
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"

    def _until_works(self, *command: str) -> None:
        def works() -> bool:
            done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
            return done.returncode == 0

        _until(works, " ".join(command))

    def _own(self) -> None:
        for name, owner in (("munge", "munge"), ("db", "mysql"), ("rest", "nobody")):
            for path in (self.base / name, *(self.base / name).iterdir()):
                shutil.chown(path, owner)
        for path in (self.base / "munge" / "munge.key", self.base / "etc" / "slurmdbd.conf"):
            path.chmod(0o600)
        (self.base / "etc" / "jwt.key").chmod(0o600)
        self.base.chmod(0o755)
        for number in range(8):  # this build wants a file for each GPU, and a character device
            os.mknod(self.base / "dev" / f"gpu{number}", 0o20666, os.makedev(1, 3))

    def _write_settings(self) -> None:
        here = Path(__file__).parent / "slurm_conf"
        words = {f"PORT_{name.upper()}": str(port) for name, port in self.ports.items()}
        words["TASK"] = "task/cgroup" if limits_memory() else "task/none"
        words |= {"BASE": str(self.base), "HOST": socket.gethostname().partition(".")[0]}
        for source in here.iterdir():
            text = source.read_text()
            for word, value in sorted(words.items(), reverse=True):
                text = text.replace(f"@{word}@", value)
            (self.base / "etc" / source.name).write_text(text)

    def stop(self) -> None:
        """All daemons and whatever jobs they left; first those that would report others as failed."""
        order = ("slurmrestd", "slurmctld", *NODES, "slurmdbd", "mariadbd", "munged")
        pids = []
        for daemon in order:
            with contextlib.suppress(OSError, ValueError):
                pids.append(int((self.base / "run" / f"{daemon}.started").read_text()))
        for pid in [*pids, *_steps(self.base)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _steps(base: Path) -> list[int]:
    """Processes of jobs: their managers are called slurmstepd and have the cluster's settings."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            named = b"slurmstepd" in (directory / "cmdline").read_bytes()
            if named and str(base).encode() in (directory / "environ").read_bytes():
                found.append(int(directory.name))
    return found


def keep(base: Path) -> None:
    """Start the cluster, wait until nobody holds it, stop it and remove what it wrote."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in _PORTS]
    ports = {name: one.getsockname()[1] for name, one in zip(_PORTS, sockets, strict=True)}
    for one in sockets:
        one.close()
    starter = _Starter(base, ports)
    try:
        starter.everything()
        draft = base / "ready.new"
        draft.write_text(json.dumps({"ports": ports}))
        draft.rename(base / "ready.json")
        with (base / "users").open("a+") as users:
            while True:
                try:
                    fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.3)
            (base / "ready.json").unlink()
            starter.stop()
    except BaseException:
        starter.stop()
        raise
    shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
