"""Following a job's output across the death of the server: every line once, in order."""

from pathlib import Path
from urllib.parse import urlsplit

from centre import centre
from penstock.lease.job import JobSpec, Resources
from penstock.sdk.client import Client
from penstock.sdk.logs import LogEnd, LogPiece, follow_logs

LINES = 60


def open_shop(operator: Client) -> None:
    """A measured device on sale, and a tenant with money."""
    device = operator.get("fleet")["devices"][0]["id"]
    measured = (operator.post("fleet", "devices", device, "calibrate", timeout_s=300.0) for _try in range(9))
    assert any(calibration["accepted"] for calibration in measured), "a busy host may need more than one try"
    operator.post("offers", body={"id": "cpu", "model": "cpu", "price_micros_per_card_hour": 0})
    operator.post("tenants", body={"id": "acme"})


def test_following_survives_kill_9_of_the_server(tmp_path: Path) -> None:
    program = f"for i in $(seq {LINES}); do echo line $i; sleep 0.1; done"
    spec = JobSpec(name="lines", run=program, resources=Resources(("cpu",)))
    data = tmp_path / "data"
    with centre(data, "--cpu-only") as first:
        client = Client(first.url, first.token, timeout_s=60.0)
        open_shop(client)
        job = client.post("jobs", body={"id": "lines", "tenant": "acme", "spec": spec})
        pieces = []
        seen = follow_logs(client, job["id"])
        while sum(piece.text.count("\n") for piece in pieces) < LINES // 4:
            pieces.append(next(seen))
        first.process.kill()
        first.process.wait()
    with centre(data, "--cpu-only", port=urlsplit(first.url).port or 0, first=False):
        pieces += seen
        assert pieces[-1] == LogEnd("succeeded")
        text = "".join(piece.text for piece in pieces if isinstance(piece, LogPiece))
        assert text.split("\n") == [*(f"line {number}" for number in range(1, LINES + 1)), ""]
        assert {piece.attempt for piece in pieces if isinstance(piece, LogPiece)} == {1}
        assert client.get("ledger", "check")["ok"]
        client.close()
