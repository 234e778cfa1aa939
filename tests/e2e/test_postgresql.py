"""The walk from a price to a bill on a real PostgreSQL, served by two processes of which one turns the loop."""

import json
import signal
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.postgresql import new_database

from centre import centre
from penstock.cli.clock import now
from penstock.cli.main import main
from penstock.sdk.client import Client
from penstock.store.database import Database

PATIENCE_S = 180.0


def until(ask: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    deadline = time.monotonic() + PATIENCE_S
    while not holds(found := ask()):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def run_job(client: Client, name: str) -> None:
    """One job to its end, and its charges."""
    spec = {"name": name, "run": "echo done", "resources": {"models": ["cpu"], "devices_per_node": 1}}
    client.post("jobs", body={"id": name, "tenant": "acme", "spec": spec})
    job = until(lambda: client.get("jobs", f"acme.{name}")["job"], lambda job: job["state"] == "succeeded")
    assert job["id"] == f"acme.{name}"
    until(lambda: client.get("tenants", "acme", "balance"), lambda found: found["held_micros"] == 0)


def open_for_business(client: Client) -> None:
    device = client.get("fleet")["devices"][0]["id"]
    client.post("fleet", "devices", device, "calibrate", timeout_s=PATIENCE_S)
    client.post("offers", body={"id": "list", "model": "cpu", "price_micros_per_card_hour": 3_600_000_000})
    client.post("tenants", body={"id": "acme"})
    client.post("tenants", "acme", "payments", body={"id": "wire", "amount_micros": 10**12})
    client.post("meters", body={"id": "tokens", "aggregation": "sum", "unit": "token", "value": "n"})


def send(client: Client, name: str, number: int) -> Any:
    event = {
        "specversion": "1.0",
        "id": name,
        "source": "//gateway",
        "type": "tokens",
        "subject": "acme",
        "time": now().isoformat(),
        "data": {"n": number},
    }
    body = json.dumps([event]).encode()
    return client.post("usage", "events", content=body, media_type="application/cloudevents-batch+json")


def test_two_processes_serve_and_the_second_takes_the_loop_over(
    tmp_path: Path, postgresql_server: str
) -> None:
    url, data = new_database(postgresql_server), tmp_path / "data"
    options = ("--cpu-only", "--metering-seconds", "1", "--database", url)
    with ExitStack() as stack:
        first = stack.enter_context(centre(data, *options))
        second = stack.enter_context(centre(data, *options, first=False))
        one = stack.enter_context(Client(first.url, first.token))
        other = stack.enter_context(Client(second.url, first.token))
        open_for_business(other)
        run_job(other, "early")
        assert send(one, "e1", 5)["accepted"] == send(other, "e1b", 7)["accepted"] == 1
        first.process.send_signal(signal.SIGKILL)
        first.process.wait()
        run_job(other, "late")
        assert [item["numerator"] for item in other.items("usage", "quantities")] == [12]
        lines = list(other.items("charges", tenant="acme"))
        assert {line["job"] for line in lines} == {"acme.early", "acme.late"}
        today = now()
        period = {"tenant": "acme", "start": today.replace(year=today.year - 1), "end": lines[-1]["end"]}
        invoice = other.post("invoices", body=period)
        assert invoice["number"] == 1
        assert other.get("ledger", "check")["ok"]


def test_a_leader_that_lost_its_lead_writes_nothing_more(postgresql_server: str) -> None:
    url = new_database(postgresql_server)
    one, other = Database(url), Database(url)
    one.migrate()
    leader = one.lead()
    assert leader is not None and leader.holds()
    assert other.lead() is None
    leader.end()
    assert not leader.holds()
    successor = other.lead()
    assert successor is not None
    with pytest.raises(Exception, match="another process turns the loop"), leader.database.write():
        pass
    with successor.database.write():
        pass
    successor.end()
    one.close()
    other.close()


def test_a_write_waits_for_appends_which_do_not_wait_for_each_other(postgresql_server: str) -> None:
    url = new_database(postgresql_server)
    one, other = Database(url), Database(url)
    one.migrate()
    written = threading.Event()

    def write() -> None:
        with other.write():
            written.set()

    writer = threading.Thread(target=write)
    with one.append():
        with other.append():
            pass
        writer.start()
        assert not written.wait(0.5)
    assert written.wait(60)
    writer.join()
    one.close()
    other.close()


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("mysql://host/x", "database_unknown"),
        ("nonsense", "database_unknown"),
        ("postgresql://nobody@127.0.0.1:1/x", "database_unreachable"),
    ],
)
def test_a_database_that_is_none_is_refused(
    tmp_path: Path, url: str, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["up", "--data", str(tmp_path), "--port", "0", "--database", url]) == 1
    assert code in capsys.readouterr().err


def test_doctor_says_which_database_is_used(
    tmp_path: Path, postgresql_server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for options, word in (([], "SQLite"), (["--database", postgresql_server], "PostgreSQL")):
        main(["doctor", "--json", "--data", str(tmp_path), *options])
        found = {check["of"]: check["found"] for check in json.loads(capsys.readouterr().out)["checks"]}
        assert found["database"].startswith(word)
