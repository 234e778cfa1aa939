"""What the Ray engine promises beyond the contract: gangs over hosts, reasons, and no door left open."""

import http.server
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.contract.bench import Bench, Opened
from tests.contract.ray_harness import RayHarness, cluster

from penstock.base.refusal import Fault, Refused
from penstock.engines.ray import engine as engines
from penstock.engines.ray.client import ANSWER_MAX_BYTES, RayClient
from penstock.engines.ray.engine import RayEngine
from penstock.engines.ray.settings import RaySettings
from penstock.lease.job import AttemptState

MEET = """exec python -c '
import os, socket
place = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
if os.environ["RANK"] == "0":
    with socket.create_server(place) as server:
        connection, _ = server.accept()
        print(connection.recv(100).decode())
else:
    while True:
        try:
            with socket.create_connection(place) as connection:
                here = connection.getsockname()[0]
                connection.sendall(f"hello from {here} as node {os.environ["NODE_RANK"]}".encode())
            break
        except ConnectionRefusedError:
            pass
'"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    one = Opened(RayHarness(), tmp_path_factory.mktemp("ray"))
    yield one
    one.engine.close()


@pytest.fixture
def bench(opened, tmp_path):
    with opened.harness.turn(alone=False):
        one = Bench(opened, tmp_path)
        yield one
        one.end_all()


def over_both_hosts(bench, attempt, run, **spec):
    first, second = cluster().addresses
    plan = bench.plan(attempt, run, tasks=2, **spec)
    tasks = (plan.tasks[0], msgspec.structs.replace(plan.tasks[1], node=f"ray-{second}", local_rank=0))
    assert plan.tasks[0].node == f"ray-{first}"
    spec = msgspec.structs.replace(plan.spec, nodes=2, tasks_per_node=1)
    bench.begin(msgspec.structs.replace(plan, tasks=tasks, spec=spec))


def test_the_cluster_is_the_fleet(bench):
    found = bench.engine.capacity()
    assert {one.node.address for one in found.nodes} == set(cluster().addresses)
    assert all(len(one.devices) == one.node.cpu_cores for one in found.nodes)
    assert bench.engine.capacity() is found


def test_a_gang_over_two_hosts_meets(bench):
    over_both_hosts(bench, "a", MEET)
    seen = bench.end("a")
    assert (seen.state, [one.exit_code for one in seen.exits]) == (AttemptState.SUCCEEDED, [0, 0])
    assert bench.log("a") == f"hello from {cluster().addresses[1]} as node 1\n"


def test_a_failure_on_one_host_ends_the_other(bench):
    over_both_hosts(bench, "a", "[ $RANK = 1 ] && exit 7; exec sleep 600")
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (AttemptState.FAILED, "exit")
    assert [(one.exit_code, one.signal) for one in seen.exits] == [(None, 15), (7, None)]


def test_what_cannot_be_met_says_why_and_can_be_stopped(bench):
    plan = bench.plan("a", "exit 0")
    whole = msgspec.structs.replace(plan.tasks[0], handles=("0-63",))
    bench.begin(msgspec.structs.replace(plan, tasks=(whole,)))
    seen = bench.wait(lambda: (seen := bench.see("a")) and seen.waiting and seen)
    assert "CPU free, 64 are needed" in seen.waiting
    assert (seen.state, seen.began_at) == (AttemptState.STARTING, None)
    bench.stop("a", 5)
    seen = bench.end("a")
    assert (seen.state, seen.began_at) == (AttemptState.STOPPED, None)


def test_a_server_that_died_of_a_stop_has_stopped_what_ray_has_no_room_for(bench, monkeypatch):
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    bench.start("holder", "exec sleep 600")
    bench.until("holder", "running")
    plan = bench.plan("a", "exit 0")
    whole = msgspec.structs.replace(plan.tasks[0], handles=(f"0-{cluster().cpus - 1}",))
    bench.begin(msgspec.structs.replace(plan, tasks=(whole,)))
    bench.wait(lambda: (seen := bench.see("a")) and seen.waiting)
    with monkeypatch.context() as patch:
        patch.setattr(engines.folder, "write_final", die)
        with pytest.raises(KeyboardInterrupt):
            bench.stop("a", 5)
    assert bench.see("a").state is AttemptState.STARTING
    seen = bench.end("a")
    assert (seen.state, seen.cause, seen.began_at) == (AttemptState.STOPPED, "stop", None)


def test_programs_see_nothing_of_the_cluster(bench):
    bench.start("a", "env | grep -i ^ray; exit 0")
    bench.end("a")
    assert bench.log("a") == ""


def test_nobody_without_the_token_is_heard(bench, tmp_path):
    (tmp_path / "token").write_text("x" * 32)
    wrong = RayEngine(RaySettings(url=cluster().url, token_file=tmp_path / "token", shared=tmp_path))
    with pytest.raises(Fault, match="token"):
        wrong.capacity()
    wrong.close()


class _Answer(http.server.BaseHTTPRequestHandler):
    """A server that is none of Ray's."""

    body = b""
    status = 200

    def do_GET(self):
        self.send_response(self.status)
        self.send_header("location", "http://169.254.169.254/latest")
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def answering():
    servers = []

    def serve(body: bytes, status: int = 200, token: Callable[[], str] = lambda: "secret") -> RayClient:
        handler = type("Handler", (_Answer,), {"body": body, "status": status})
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return RayClient(f"http://127.0.0.1:{server.server_port}", token)

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_token_that_has_changed_is_read_anew(answering, monkeypatch, tmp_path):
    heard, answer = [], _Answer.do_GET
    hear = lambda self: (heard.append(self.headers["authorization"]), answer(self))  # noqa: E731
    monkeypatch.setattr(_Answer, "do_GET", hear)
    settings = RaySettings(url="", shared=tmp_path, token_file=tmp_path / "token")
    client = answering(b"", 401, settings.token)
    for word in ("first", "second"):
        (tmp_path / "token").write_text(word)
        with pytest.raises(Fault, match="token"):
            client.nodes()
    client.close()
    assert list(dict.fromkeys(heard)) == ["Bearer first", "Bearer second"]


def test_an_answer_without_end_is_cut(answering):
    client = answering(b"x" * (ANSWER_MAX_BYTES + 1))
    with pytest.raises(Fault, match="longer than"):
        client.nodes()
    client.close()


@pytest.mark.parametrize("body", [b"", b"[]", b"no json", b'{"data": {"result": {"result": [1]}}}'])
def test_an_answer_that_is_none_is_a_fault(answering, body):
    client = answering(body)
    with pytest.raises(Fault):
        client.nodes()
    client.close()


def test_a_redirect_is_not_followed(answering):
    client = answering(b"", status=302)
    with pytest.raises(Fault, match="302"):
        client.nodes()
    client.close()


@pytest.mark.parametrize("version", [b'{"ray_version": "2.9.3"}', b"{}", b"[]"])
def test_a_version_that_was_never_tried_is_refused(answering, version):
    client = answering(version)
    with pytest.raises(Refused, match="engine_version_unsupported"):
        client.version()
    client.close()


def test_a_cluster_that_hears_anybody_is_refused(answering, tmp_path):
    client = answering(b'{"ray_version": "2.60.0"}')
    engine = RayEngine(RaySettings(url=client.url, shared=tmp_path))
    with pytest.raises(Refused, match="engine_open_to_all"):
        engine.capacity()
    engine.close()
    client.close()


def test_a_metadata_service_is_no_cluster(tmp_path: Path):
    with pytest.raises(Refused, match="engine_target"):
        RayEngine(RaySettings(url="http://169.254.169.254", shared=tmp_path))
