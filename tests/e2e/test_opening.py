"""`penstock up` as a process: what it will not open, whom it will not answer, and a disk that fills while it runs."""

import fcntl
import io
import os
import selectors
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from penstock.base.refusal import Refused
from penstock.cli.demo_centre import RunningCentre
from penstock.cli.main import main
from penstock.cli.serving import listen
from penstock.store.database import Database
from penstock.wire import Centre, _lock
from served import Served, open_tenant, served

PATIENCE_S = 120.0
COMMAND = [sys.executable, "-c", "from penstock.cli.main import main; raise SystemExit(main())"]
ENVIRONMENT = {**os.environ, "PENSTOCK_LANG": "en", "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def said_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """As `refused`, within this process: what starts a process of its own needs none to be refused in."""
    monkeypatch.setenv("PENSTOCK_LANG", "en")

    def refuse(*arguments: str, typed: str = "") -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        assert main(arguments) == 1
        shown = capsys.readouterr()
        assert "listening" not in shown.out
        return shown.err

    return refuse


def refused(*arguments: str, typed: str = "") -> str:
    """What it says as it ends by itself; it must say a refusal and nothing worse."""
    done = subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        input=typed,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr and "listening" not in done.stdout
    return done.stderr


@contextmanager
def up(data: Path, *options: str) -> Iterator[tuple[str, str]]:
    """A new centre in a process of its own; gives its address and its token, and ends it with Ctrl-C."""
    process = subprocess.Popen(
        [*COMMAND, "up", "--data", str(data), "--port", "0", *options],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    with process, process.stdout:
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            assert selector.select(PATIENCE_S), "it does not say where it listens"
        address, token = (process.stdout.readline().split()[-1] for _ in range(2))
        yield address, token
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0


def test_a_port_in_use_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = refused("up", "--data", str(tmp_path / "data"), "--port", str(taken.getsockname()[1]))
    assert "port_in_use" in said
    assert not (tmp_path / "data").exists()


def test_what_is_no_port_or_no_address_of_this_host_is_refused() -> None:
    for host, port, code in (
        ("127.0.0.1", 65_536, "number_out_of_range"),
        ("127.0.0.1", -1, "number_out_of_range"),
        ("203.0.113.7", 0, "address_unusable"),
    ):
        with pytest.raises(Refused, match=code):
            listen(host, port)


def test_the_demo_finds_its_centre_in_either_language_and_leaves_none_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_LANG", "zh")
    with RunningCentre(tmp_path, 0) as running:
        headers = {"authorization": f"Bearer {running.token}"}
        assert httpx.get(f"{running.url}/api/v1/fleet", headers=headers, timeout=60).status_code == 200
        port = int(running.url.rpartition(":")[2])
    with socket.create_server(("127.0.0.1", port)), pytest.raises(Refused, match="port_in_use"):
        RunningCentre(tmp_path, port)


def test_a_process_knows_whether_it_is_alone(tmp_path: Path) -> None:
    one, other = (Centre(None, None, _lock(tmp_path, shared=True)) for _ in range(2))  # ty: ignore
    assert not one.alone()
    other.lock.close()
    assert one.alone()
    one.lock.close()


def test_a_directory_that_another_process_holds_is_refused(
    tmp_path: Path, said_no: Callable[..., str]
) -> None:
    with (tmp_path / "lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        said = said_no("up", "--data", str(tmp_path), "--port", "0")
        assert "data_locked" in said and "4711" in said
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def migrated(data: Path) -> Path:
    with closing(Database(data)) as database:
        database.migrate()
    return data / "penstock.db"


def test_a_directory_of_a_newer_version_is_refused_and_left_alone(
    tmp_path: Path, said_no: Callable[..., str]
) -> None:
    path = migrated(tmp_path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    before = path.read_bytes()
    assert "data_newer" in said_no("up", "--data", str(tmp_path), "--port", "0")
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: (data / "penstock.db").write_bytes(b"not a database" * 1_000),
        lambda data: (data / "lock").mkdir(),
        lambda data: (data / "volumes").write_text("in the way"),
    ],
    ids=["no database", "a directory for a lock", "no volumes"],
)
def test_a_directory_that_cannot_be_used_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], said_no: Callable[..., str]
) -> None:
    spoil(tmp_path)
    assert "data_unusable" in said_no("up", "--data", str(tmp_path), "--port", "0")


def test_a_database_that_another_program_writes_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("penstock.store.sqlite.BUSY_TIMEOUT_MS", 50)
    with closing(sqlite3.connect(migrated(tmp_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert main(["up", "--data", str(tmp_path), "--port", "0"]) == 1
    said = capsys.readouterr().err
    assert "outside_failed" in said and "database is locked" in said


def test_a_file_is_no_directory(tmp_path: Path, said_no: Callable[..., str]) -> None:
    (tmp_path / "file").write_text("kept")
    assert "data_unusable" in said_no("up", "--data", str(tmp_path / "file"), "--port", "0")
    assert (tmp_path / "file").read_text() == "kept"


def test_it_opens_to_others_only_with_an_admin_password(
    tmp_path: Path, said_no: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "password_missing" in said_no("up", "--data", str(tmp_path), "--port", "0", "--host", "0.0.0.0")
    assert "password_short" in said_no("admin", "password", "--data", str(tmp_path), typed="too short\n")
    monkeypatch.setattr(sys, "stdin", io.StringIO("long enough to be one\n"))
    assert main(["admin", "password", "--data", str(tmp_path)]) == 0
    with up(tmp_path, "--host", "0.0.0.0") as (address, _):
        port = address.rpartition(":")[2]
        answer = httpx.post(
            f"http://127.0.0.1:{port}/api/v1/login", json={"password": "long enough to be one"}, timeout=60
        )
        assert answer.json()["secret"].startswith("pst_")


def full(one: Served, pages: int | None) -> None:
    """Let the database grow no more (None: again), as on a full disk: SQLite answers both alike."""
    engine = one.centre.app.database._engine

    def limit(connection, _record) -> None:
        count = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {count + pages if pages is not None else 2**30}")

    engine.dispose()
    event.listen(engine, "connect", limit)


def test_a_full_disk_is_a_refusal_that_wrote_nothing_and_passes(tmp_path: Path) -> None:
    with served(tmp_path / "data") as one:
        open_tenant(one, "acme")
        full(one, 0)
        before, refusals = one.rows(), []
        for number in range(400):
            answer = one.ask("POST", "/tenants", json={"id": f"t-{number}", "name": "x" * 200})
            if answer.status_code != 201:
                refusals.append((answer.status_code, answer.json()["refusals"][0]["code"]))
                assert one.rows() == before
            before = one.rows()
            if len(refusals) == 3:
                break
        assert refusals == [(507, "disk_full")] * 3
        full(one, None)
        assert (
            one.done("POST", "/tenants", json={"id": f"t-{number}", "name": "x" * 200})["id"] == f"t-{number}"
        )
        assert one.done("GET", "/ledger/check")["ok"]


def archive(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        member = tarfile.TarInfo("data")
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two mebibytes of its own, where we may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mounting = ["mount", "-t", "tmpfs", "-o", "size=2M", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mounting, check=False, capture_output=True).returncode != 0:
        pytest.skip("this host lets us mount nothing")
    yield place
    deadline = time.monotonic() + PATIENCE_S
    while not unmounted(place) and time.monotonic() < deadline:
        time.sleep(0.1)


def unmounted(place: Path) -> bool:
    """Whether the file system is gone; it is not before the last process has left it."""
    return subprocess.run(["umount", str(place)], check=False, capture_output=True).returncode == 0


def fill(place: Path) -> Path:
    """Write until nothing more fits."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        for chunk in (b"x" * 65_536, b"x"):
            while True:
                try:
                    file.write(chunk)
                except OSError:
                    break
    return filler


def test_a_really_full_disk_is_refused_and_passes(small_disk: Path) -> None:
    filler = fill(small_disk)
    assert "disk_full" in refused("up", "--data", str(small_disk / "data"), "--port", "0")
    filler.unlink()
    with (
        up(small_disk / "data") as (address, token),
        httpx.Client(
            base_url=f"{address}/api/v1", headers={"authorization": f"Bearer {token}"}, timeout=60
        ) as http,
    ):
        assert http.get("/centre").status_code == 200
        fill(small_disk)
        statuses = [
            http.post("/tenants", json={"id": f"t-{number}", "address": "x" * 1_000}).status_code
            for number in range(20)
        ]
        assert statuses[-1] == 507, "the log of writes has room for a few"
        upload = http.post("/workdirs", content=archive(bytes(200_000)))
        assert (upload.status_code, upload.json()["refusals"][0]["code"]) == (507, "disk_full")
        opened = len(http.get("/tenants").json()["items"])
        assert opened == statuses.count(201)
        filler.unlink()
        assert http.post("/tenants", json={"id": "t-19", "address": "x" * 1_000}).status_code == 201
        assert http.get("/ledger/check").json()["ok"]
