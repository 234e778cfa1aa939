"""A centre with virtual time and a simulated engine behind a real port, and every row of its database.

What people ask goes over the wire as it would from anywhere; the loop turns only when a test says so, so
nothing but the request under test writes.
"""

import logging
import socket
import sqlite3
import threading
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar.exceptions import LitestarDeprecationWarning

from penstock.app import opening
from penstock.app.context import Policy
from penstock.probes.host import HostProbe
from penstock.sim.centre import SimulatedCentre
from penstock.web.application import application

YUAN = 1_000_000


class Served:
    """The centre, how to reach it, and what is written in it."""

    def __init__(self, centre: SimulatedCentre, url: str) -> None:
        self.centre = centre
        self.url = url
        self.admin = opening.new_admin_token(centre.app)
        self._http = httpx.Client(base_url=url, timeout=60)
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._database = sqlite3.connect(centre.directory / "penstock.db")

    def ask(self, method: str, path: str, token: str | None = "", **request: Any) -> httpx.Response:
        """One request under /api/v1; as the operator where no token is given, as nobody with None."""
        secret = self.admin if token == "" else token
        headers = {**({"authorization": f"Bearer {secret}"} if secret else {}), **request.pop("headers", {})}
        return self._http.request(method, f"/api/v1{path}", headers=headers, **request)

    @contextmanager
    def opened(
        self, method: str, path: str, token: str | None = "", *, whole: bool = False, **request: Any
    ) -> Iterator[httpx.Response]:
        """One request whose answer may not end; a refusal is read. `whole`: the path is not under /api/v1."""
        secret = self.admin if token == "" else token
        headers = {"content-type": "application/json"} if "content" in request else {}
        headers |= {"authorization": f"Bearer {secret}"} if secret else {}
        place = path if whole else f"/api/v1{path}"
        with self._http.stream(method, place, headers=headers, **request) as answer:
            if answer.status_code >= 400:
                answer.read()
            yield answer

    def raw(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request anywhere, exactly as given."""
        return self._http.request(method, path, **request)

    def done(self, method: str, path: str, token: str | None = "", **request: Any) -> Any:
        """The answer to a request that must succeed."""
        answer = self.ask(method, path, token, **request)
        assert answer.status_code < 300, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def token(self, tenant: str, role: str, name: str) -> str:
        """The secret of a new token for a new member with this role."""
        self.done("POST", "/members", json={"id": name, "tenant": tenant, "role": role})
        issued = self.done("POST", "/tokens", json={"id": name, "tenant": tenant, "member": name})
        return issued["secret"]

    def auditor(self) -> str:
        """The secret of a token that reads everything and writes nothing."""
        return self.done("POST", "/tokens", json={"id": "auditor", "scopes": ["audit", "read"]})["secret"]

    def writes(self) -> int:
        """Changes whenever anything was written."""
        return self._database.execute("PRAGMA data_version").fetchone()[0]

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        """Every row of every table, the audit log too."""
        tables = self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: sorted(self._database.execute(f'SELECT * FROM "{name}"'), key=repr) for (name,) in tables
        }

    def turn(self, minutes: float = 0.0) -> None:
        """Let virtual time pass, then turn the loop until it has nothing more to do at once."""
        self.centre.clock.advance(timedelta(minutes=minutes))
        for _ in range(4):
            self.centre.turn()

    def close(self) -> None:
        """Hang up."""
        self._http.close()
        self._database.close()


@contextmanager
def served(directory: Path, policy: Policy | None = None) -> Iterator[Served]:
    """Eight accepted devices of one node, nothing sold."""
    centre = SimulatedCentre(directory, seed=11, policy=policy)
    centre.install("a100", nodes=1, devices_per_node=8)
    listener = socket.create_server(("127.0.0.1", 0))
    with warnings.catch_warnings():  # endpoints may infer dependencies until Litestar 3
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        web = application(centre.app, HostProbe())
    server = uvicorn.Server(uvicorn.Config(web, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    with listener, closing(Served(centre, f"http://127.0.0.1:{listener.getsockname()[1]}")) as one:
        try:
            yield one
            report = centre.check()
            assert report.ok, report
        finally:
            server.should_exit = True
            thread.join()
            centre.close()


def job(**changes: object) -> dict[str, object]:
    """A job's specification as JSON: one device for ten simulated minutes."""
    spec: dict[str, object] = {
        "name": "train",
        "run": "simulated",
        "resources": {"models": ["a100"], "devices_per_node": 1},
        "env": {"SIMULATED_SECONDS": "600"},
    }
    return spec | changes


def open_tenant(one: Served, name: str, yuan: int = 10_000) -> None:
    """A tenant with prepaid money."""
    one.done("POST", "/tenants", json={"id": name, "name": f"{name} limited"})
    one.done("POST", f"/tenants/{name}/payments", json={"id": f"pay-{name}", "amount_micros": yuan * YUAN})
