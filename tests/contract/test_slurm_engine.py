"""What the Slurm engine promises beyond the contract: hosts and tokens that are wrong, versions, foreign work."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.contract.bench import COUNTED, Bench, Opened
from tests.contract.slurm_harness import SlurmHarness, cluster

from penstock.app.ports import Kept, Start
from penstock.base.refusal import Fault, Refused
from penstock.engines.slurm import folder, reservations, watched
from penstock.engines.slurm.engine import SlurmEngine
from penstock.engines.slurm.rest import make_token
from penstock.fleet.device import DeviceState
from penstock.lease.job import AttemptState
from penstock.wire import SystemClock

ENGINES = ("slurm-host",)
HARNESS = SlurmHarness("slurm-host", spread=False)


def refused(code: str, **settings: object):
    """The engine with these settings answers nothing but this refusal, and starts nothing."""
    engine = SlurmEngine(HARNESS.settings(**settings))
    try:
        with pytest.raises(Refused, match=code):
            engine.capacity()
    finally:
        engine.close()


def test_hosts_and_devices_are_those_of_the_cluster(bench):
    seen = {one.node.id: one for one in bench.engine.capacity().nodes}
    assert sorted(seen) == ["n1", "n2", "n3", "n4"]
    assert [len(one.devices) for one in seen.values()] == [8, 8, 8, 8]
    assert seen["n1"].devices[0].handle == "a100:0"
    assert seen["n3"].devices[0].stack == "cann"
    assert seen["n1"].node.cpu_cores == 64


def test_only_hosts_with_the_feature_are_taken_up(tmp_path):
    engine = SlurmEngine(HARNESS.settings(tmp_path, constraint="a100"))
    assert sorted(one.node.id for one in engine.capacity().nodes) == ["n1", "n2"]
    engine.close()


def test_a_drained_host_is_cordoned_and_a_host_that_is_down_is_down(own_bench):
    there = cluster()
    there.run("scontrol", "update", "nodename=n4", "state=drain", "reason=fans")
    there.run("scontrol", "update", "nodename=n3", "state=down", "reason=burnt")
    try:
        states = own_bench.wait(lambda: _states(own_bench, DeviceState.CORDONED, DeviceState.DOWN))
        assert (states["n4"], states["n3"], states["n1"]) == ("cordoned", "down", "available")
    finally:
        there.run("scontrol", "update", "nodename=n[3-4]", "state=resume")


def _states(bench: Bench, *wanted: DeviceState) -> dict[str, str]:
    states = {one.node.id: one.state.value for one in bench.engine.capacity().nodes}
    return states if set(wanted) <= {*states.values()} else {}


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"partition": "nowhere"}, "partition"),
        ({"account": "nobody"}, "account"),
        ({"qos": "golden"}, "qos"),
        ({"constraint": "infiniband&a100"}, "feature"),
    ],
)
def test_what_the_cluster_does_not_know_fails_the_attempt_with_its_reason(tmp_path, settings, word):
    with HARNESS.turn(alone=False):
        opened = Opened(HARNESS, tmp_path / "engine")
        opened.engine.close()
        opened.engine = SlurmEngine(HARNESS.settings(tmp_path / "engine", **settings))
        bench = Bench(opened, tmp_path)
        bench.start("a", "exit 0")
        seen = bench.end("a")
        assert (seen.state, seen.cause, seen.began_at) == (AttemptState.FAILED, "engine_refused", None)
        assert word in bench.log("a").lower()
        assert bench.id("a") not in cluster().run("squeue", "-a", "-h", "-o", "%j")
        bench.end_all()
        opened.engine.close()


def test_a_request_larger_than_a_host_fails_and_leaves_nothing_submitted(bench):
    plan = bench.plan("a", "exit 0")
    task = msgspec.structs.replace(plan.tasks[0], stack="cuda", handles=tuple(f"a100:{n}" for n in range(9)))
    bench.begin(msgspec.structs.replace(plan, tasks=(task,)))
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (AttemptState.FAILED, "engine_refused")
    assert bench.id("a") not in cluster().run("squeue", "-a", "-h", "-o", "%j")


def test_a_task_sees_the_devices_that_slurm_gave(bench):
    plan = bench.plan("a", "echo $RANK:$CUDA_VISIBLE_DEVICES", tasks=2)
    tasks = [
        msgspec.structs.replace(task, stack="cuda", handles=(f"a100:{2 * n}", f"a100:{2 * n + 1}"))
        for n, task in enumerate(plan.tasks)
    ]
    bench.begin(msgspec.structs.replace(plan, tasks=tuple(tasks)))
    assert bench.end("a").state == AttemptState.SUCCEEDED
    seen = [bench.log("a", rank).strip().partition(":")[2].split(",") for rank in (0, 1)]
    assert len({*seen[0], *seen[1]}) == 4


def test_the_commands_of_slurm_serve_where_there_is_no_rest_server(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_CONF", cluster().environment["SLURM_CONF"])
    with HARNESS.turn(alone=False):
        opened = Opened(HARNESS, tmp_path / "engine")
        opened.engine.close()
        opened.engine = SlurmEngine(HARNESS.settings(tmp_path / "engine", url=""))
        bench = Bench(opened, tmp_path)
        assert len(bench.engine.capacity().nodes) == 4
        bench.start("a", COUNTED + "exit 3")
        bench.start("b", "exec sleep 600")
        assert bench.end("a").exits[0].exit_code == 3
        bench.until("b", "running")
        bench.stop("b", 0)
        assert bench.end("b").state == AttemptState.STOPPED
        bench.begin(msgspec.structs.replace(bench.plan("c", "exit 0"), tasks=(bench.impossible_task(0),)))
        assert bench.end("c").cause == "engine_refused"
        assert (bench.runs("a"), bench.settled("a").limits["accounting"]) == (1, "slurmdbd")
        bench.end_all()
        opened.engine.close()


@pytest.fixture
def reserving(tmp_path, monkeypatch):
    """A bench of an engine that keeps leases."""
    monkeypatch.setenv("SLURM_CONF", cluster().environment["SLURM_CONF"])
    with HARNESS.turn(alone=True):
        opened = Opened(HARNESS, tmp_path / "engine")
        opened.engine.close()
        opened.engine = SlurmEngine(HARNESS.settings(tmp_path / "engine", reservations=True))
        opened.engine.capacity()
        bench = Bench(opened, tmp_path)
        yield bench
        bench.end_all()
        _keep(bench, [], lambda: not any((bench.root / "leases").iterdir()))
        assert not _reserved("")
        opened.engine.close()


ACCOUNTS = ("sacctmgr", "-n", "-P", "show", "assoc", "format=account,user,grptres,grpsubmitjobs")


def test_a_lease_is_an_account_with_a_limit_and_a_reservation_for_its_jobs_alone(reserving):
    there, bench, account = cluster(), reserving, "penstock-lease-acme.one"
    plan = bench.plan("a", "sleep 600")
    task = msgspec.structs.replace(plan.tasks[0], node="n2", stack="cuda", handles=("a100:0",))
    mine = msgspec.structs.replace(plan, lease="acme.one", tasks=(task,))
    with pytest.raises(Fault, match="not reserved"):
        bench.engine.start(mine)
    leased = [_lease("acme.one", {"n2": 8, "n1": 2})]
    shown = _keep(bench, leased, lambda: _reserved("acme.one"))
    assert "CoreCnt=80" in shown
    assert f"Accounts={account}" in shown
    assert f"{account}||gres/gpu=10|\n" in there.run(*ACCOUNTS)
    others = there.run("sbatch", "--parsable", "--nodelist=n2", "--gres=gpu:1", "--account=others",
                       "--output=/dev/null", "--wrap=true").strip()  # fmt: skip
    _keep(bench, leased, lambda: _begins(bench, mine))
    bench.until("a", "running")
    assert there.run("squeue", "-h", "-j", others, "-o", "%T").strip() == "PENDING", "all of n2 is kept"
    _keep(bench, [_lease("acme.two", {"n4": 8})], lambda: _reserved("acme.two"))
    assert f"{account}||gres/gpu=10|\n" in there.run(*ACCOUNTS), "a job of it is ending"
    bench.end_all()
    _keep(bench, [], lambda: not _reserved(""))
    _keep(bench, [], lambda: f"{account}||gres/gpu=10|0\n" in there.run(*ACCOUNTS))
    late = ("sbatch", f"--account={account}", "--output=/dev/null", "--wrap=true")
    by_hand = subprocess.run(late, env=there.environment, capture_output=True, text=True, check=False)
    assert "AssocGrpSubmitJobsLimit" in by_hand.stderr
    assert account in there.run("sacct", "-n", "-P", "-X", "-A", account, "-o", "account,state")
    there.run("scancel", others)


def test_a_reservation_follows_its_lease_and_says_where_it_cannot_yet(reserving):
    there, bench, account = cluster(), reserving, "penstock-lease-acme.three"
    lease = _lease("acme.three", {"n1": 2, "n2": 8})
    _keep(bench, [lease], lambda: _reserved("acme.three"))
    longer = msgspec.structs.replace(lease, end=lease.end + timedelta(hours=1))
    there.run("scontrol", "update", f"ReservationName={account}", "Accounts=others")
    there.run("sacctmgr", "-i", "-Q", "modify", "account", account, "set", "GrpTRES=gres/gpu=1")
    shown = _keep(
        bench, [longer], lambda: (now := _reserved("acme.three")) and f"Accounts={account} " in now and now
    )
    assert f"EndTime={reservations.local(longer.end)}" in shown
    assert f"{account}||gres/gpu=10|\n" in there.run(*ACCOUNTS)
    used = there.run("sbatch", "--parsable", f"--account={account}", f"--reservation={account}",
                     "--nodelist=n1", "--output=/dev/null", "--wrap=sleep 600").strip()  # fmt: skip
    bench.wait(lambda: "RUNNING" in there.run("squeue", "-h", "-j", used, "-o", "%T"), "a job in it")
    smaller = [msgspec.structs.replace(longer, devices={"n1": 1, "n2": 8})]
    said = f"reservation {account} is not what is leased"
    _keep(bench, smaller, lambda: said in "".join(bench.engine.capacity().remarks))
    assert "CoreCnt=80" in _reserved("acme.three")
    there.run("scancel", used)
    _keep(bench, smaller, lambda: "CoreCnt=72" in _reserved("acme.three"))
    _keep(bench, smaller, lambda: not bench.engine.capacity().remarks)


def _keep[T](bench: Bench, leases: list[Kept], holds: Callable[[], T]) -> T:
    """Keep these leases, as a centre does again and again, until it holds."""
    return bench.wait(lambda: bench.engine.keep(leases) or holds())


def _reserved(lease: str) -> str:
    """What Slurm shows of the reservations of leases whose names begin so."""
    shown = cluster().run("scontrol", "-o", "show", "reservation").splitlines()
    return "\n".join(line for line in shown if f"ReservationName=penstock-lease-{lease}" in line)


def _begins(bench: Bench, plan: Start) -> bool:
    try:
        bench.begin(plan)
    except Fault:
        return False
    return True


def _lease(name: str, devices: dict[str, int]) -> Kept:
    now = SystemClock().now()
    return Kept(lease=name, tenant="acme", start=now, end=now + timedelta(hours=1), devices=devices)


def test_an_attempt_that_succeeded_is_over_while_slurm_still_clears_up_and_the_next_waits_there(own_bench):
    hosts = cluster()
    plan = own_bench.plan("a", "sleep 0.3")
    whole = msgspec.structs.replace(plan.tasks[0], handles=("0-63",))
    own_bench.begin(msgspec.structs.replace(plan, tasks=(whole,)))
    own_bench.until("a", "running")
    with hosts.paused("n1"):  # it would tell the controller that the host is clear
        seen = own_bench.end("a")
        assert (seen.state, seen.awaits_accounting) == (AttemptState.SUCCEEDED, True)
        own_bench.start("b", COUNTED + "exit 0")
        waits = own_bench.wait(lambda: (seen := own_bench.see("b")) and seen.waiting and seen)
        assert (waits.state, waits.began_at) == (AttemptState.STARTING, None)
        assert own_bench.runs("b") == 0
    assert own_bench.end("b").state == AttemptState.SUCCEEDED
    assert own_bench.settled("a").limits["accounting"] == "slurmdbd"


def test_an_end_that_a_simulated_slow_file_system_shows_late_is_waited_for(bench, monkeypatch):
    shown, content = [], watched._content
    monkeypatch.setattr(watched, "_content", lambda path: content(path) if shown else b"")
    bench.start("a", "exit 0")
    seen = bench.wait(lambda: (seen := bench.see("a")) and seen.ended_at and seen, "the controller's word")
    assert seen.state == AttemptState.STARTING
    shown.append(True)
    assert bench.end("a").state == AttemptState.SUCCEEDED


def test_a_program_that_ends_well_when_the_cluster_cancels_it_is_evicted(own_bench):
    own_bench.start("a", "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done")
    own_bench.wait(lambda: own_bench.log("a"))
    number = folder.job_number(own_bench.root / "attempts" / own_bench.id("a"))
    cluster().run("scancel", str(number))
    seen = own_bench.end("a")
    assert (seen.state, seen.cause) == (AttemptState.EVICTED, "cancelled_by_cluster")


def test_accounting_that_is_late_is_waited_for_and_then_reconciled(tmp_path):
    there = cluster()
    with HARNESS.turn(alone=True):
        opened = Opened(HARNESS, tmp_path / "engine")
        opened.engine.close()
        opened.engine = SlurmEngine(HARNESS.settings(tmp_path / "engine", accounting_patience_s=4.0))
        bench = Bench(opened, tmp_path)
        there.kill("slurmdbd")
        try:
            bench.start("a", "sleep 1")
            ended = bench.end("a")
            assert (ended.state, ended.awaits_accounting) == (AttemptState.SUCCEEDED, True)
            seen = bench.settled("a")
        finally:
            there.start("slurmdbd")
        assert (seen.state, seen.limits["accounting"]) == (AttemptState.SUCCEEDED, "unconfirmed")
        waiting = tmp_path / "engine" / "unconfirmed"
        assert [path.name for path in waiting.iterdir()] == [bench.id("a")]
        bench.wait(lambda: bench.engine.capacity() and not any(waiting.iterdir()), "the late record")
        assert bench.engine.capacity().remarks == ()
        bench.end_all()
        opened.engine.close()


def _an_hour_ago() -> int:
    return int(SystemClock().now().timestamp()) - 3600


def test_a_token_that_has_expired_is_refused_before_it_is_sent(tmp_path):
    token = tmp_path / "token"
    token.write_text("SLURM_JWT=" + make_token(cluster().key.read_bytes(), "root", _an_hour_ago()))
    refused("engine_token_expired", root=tmp_path, token_file=token, jwt_key_file=None)


def test_a_token_of_another_key_is_refused_by_the_cluster(tmp_path):
    key = tmp_path / "key"
    key.write_bytes(b"another key, of thirty-two bytes")
    refused("engine_token_refused", root=tmp_path, jwt_key_file=key)


def test_a_token_that_is_not_there_is_said(tmp_path):
    refused("engine_token_unreadable", root=tmp_path, token_file=tmp_path / "none", jwt_key_file=None)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://169.254.169.254/latest", "engine_target"),
        ("https://[fe80::1]:6820", "engine_target"),
        ("http://100.100.100.200", "engine_target"),
        ("http://8.8.8.8:6820", "engine_url"),
        ("ftp://localhost", "engine_url"),
        ("http://user:secret@localhost", "engine_url"),
    ],
)
def test_an_address_that_is_closed_is_refused(tmp_path, url, code):
    refused(f"{code}:", root=tmp_path, url=url)


def test_a_server_that_speaks_no_version_of_ours_is_refused(tmp_path):
    with _answering(b"HTTP/1.1 404 NOT FOUND\r\nContent-Length: 3\r\n\r\nno\n") as url:
        refused("engine_version_unsupported", root=tmp_path, url=url)


def test_a_server_that_answers_without_end_is_a_fault_and_is_left_alone_for_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr("penstock.engines.slurm.rest.ANSWER_MAX_BYTES", 10_000)
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n" + b"x" * 900_000
    with _answering(endless) as url:
        engine = SlurmEngine(HARNESS.settings(tmp_path, url=url))
        with pytest.raises(Fault, match="too long"):
            engine.capacity()
        with pytest.raises(Fault, match="a moment ago"):
            engine.capacity()
        engine.close()


class _answering:  # noqa: N801
    """A server that gives every request this answer."""

    def __init__(self, answer: bytes, tls: ssl.SSLContext | None = None) -> None:
        self._answer, self._tls = answer, tls

    def __enter__(self) -> str:
        self._server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        scheme = "https" if self._tls else "http"
        return f"{scheme}://127.0.0.1:{self._server.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
                if self._tls:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                with connection:
                    connection.recv(65536)
                    connection.sendall(self._answer)
            except ssl.SSLError:
                continue
            except OSError:
                return


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of nobody's, with its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    path = tmp_path / "server.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += [
        "-keyout",
        str(path),
        "-out",
        str(tmp_path / "cert.pem"),
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + (tmp_path / "cert.pem").read_text())
    return path


def test_a_certificate_of_an_unknown_authority_is_refused_and_a_named_one_accepted(tmp_path, certificate):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    missing = b"HTTP/1.1 404 NOT FOUND\r\nContent-Length: 3\r\n\r\nno\n"
    with _answering(missing, tls) as url:
        refused("engine_certificate", root=tmp_path, url=url)
        refused("engine_version_unsupported", root=tmp_path, url=url, ca_file=tmp_path / "cert.pem")
