"""Debian's Prometheus scrapes a served centre with the shipped configuration; the dashboard's queries run on it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from chips import sell
from penstock.app import fleet
from penstock.probes.host import HostProbe
from served import Served, job, open_tenant, served

SHIPPED = Path(__file__).parents[2] / "docs/monitoring"
LIMIT_S = 60
NEEDED = pytest.mark.skipif(
    shutil.which("prometheus") is None and not os.environ.get("CI"), reason="needs Debian's prometheus"
)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Eight simulated devices, and the real cores of this host."""
    with served(tmp_path_factory.mktemp("centre")) as centre:
        fleet.register(centre.centre.app, HostProbe(cpu_only=True).discover())
        sell(centre, "a100", 6)
        open_tenant(centre, "acme")
        for name in ("runs", "waits"):
            spec = job(
                resources={"models": ["a100"], "devices_per_node": 8}, env={"SIMULATED_SECONDS": "9999"}
            )
            centre.done("POST", "/jobs", json={"id": name, "tenant": "acme", "spec": spec})
        centre.turn()
        centre.turn(minutes=90)
        yield centre


def scraped(one: Served, token: str | None) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return one.raw("GET", "/metrics", headers=headers)


def test_metrics_are_for_auditors(one: Served) -> None:
    assert scraped(one, None).status_code == 401
    assert scraped(one, one.token("acme", "owner", "ann")).status_code == 403
    answer = scraped(one, one.auditor())
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    lines = answer.text.splitlines()
    activity = [line for line in lines if line.startswith("DCGM_FI_DEV_GPU_UTIL{")]
    assert len(activity) == len(os.sched_getaffinity(0)), (
        "the cores of this host; simulated devices have no driver"
    )
    assert all('modelName="cpu"' in line and 0 <= float(line.split()[-1]) <= 100 for line in activity)
    hours = [float(line.split()[-1]) for line in lines if line.startswith("penstock_ladder_card_hours{")]
    capacity = _ladders(one)[""]["capacity_card_us"] / 3_600_000_000
    assert sum(hours) == pytest.approx(capacity)


def _ladders(one: Served) -> dict[str, Any]:
    start = one.centre.clock.now() - timedelta(hours=1)
    return one.done("GET", "/ladder", params={"start": start.isoformat()})


@pytest.fixture(scope="module")
def prometheus(one: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The shipped configuration with this centre's address and a token, scraping every second."""
    place = tmp_path_factory.mktemp("prometheus")
    configuration = yaml.safe_load((SHIPPED / "prometheus.yml").read_text())
    configuration["global"]["scrape_interval"] = "1s"
    configuration["scrape_configs"][0]["static_configs"] = [{"targets": [one.url.removeprefix("http://")]}]
    (place / "prometheus.yml").write_text(yaml.safe_dump(configuration))
    secret = one.done("POST", "/tokens", json={"id": "prometheus", "scopes": ["audit"]})["secret"]
    (place / "penstock.token").write_text(secret)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = (
        "prometheus",
        f"--config.file={place / 'prometheus.yml'}",
        f"--storage.tsdb.path={place / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    )
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "GOMAXPROCS": "1"})
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=20) as client:
            yield client
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def query(prometheus: httpx.Client, expression: str) -> list[dict[str, Any]]:
    answer = prometheus.get("/query", params={"query": expression}).json()
    assert answer["status"] == "success", f"{expression}: {answer}"
    return answer["data"]["result"]


@NEEDED
def test_prometheus_scrapes_a_centre_and_knows_its_devices(prometheus: httpx.Client) -> None:
    until, found = time.monotonic() + LIMIT_S, []
    while not found and time.monotonic() < until:
        time.sleep(0.5)
        try:
            found = query(prometheus, "DCGM_FI_DEV_GPU_UTIL")
        except (httpx.TransportError, ValueError):
            continue  # it is still starting
    assert {series["metric"]["modelName"] for series in found} == {"cpu"}
    assert len(found) == len(os.sched_getaffinity(0))
    (up,) = query(prometheus, 'up{job="penstock"}')
    assert up["value"][1] == "1"


@NEEDED
def test_every_query_of_the_dashboard_runs(prometheus: httpx.Client) -> None:
    dashboard = json.loads((SHIPPED / "grafana-dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    answers = {
        expression: query(prometheus, expression.replace("$model", ".*").replace("$node", ".*"))
        for expression in expressions
    }
    unknown = [one for one in expressions if not answers[one] and "penstock_" in one and "> 0" not in one]
    assert unknown == [], "the centre has a ladder, a queue and devices"
    (capacity,) = answers['sum(penstock_ladder_card_hours{model=~"$model"})']
    assert float(capacity["value"][1]) > 0


def test_the_dashboard_asks_for_what_metrics_say(one: Served) -> None:
    families = {
        line.split()[2] for line in scraped(one, one.admin).text.splitlines() if line.startswith("# TYPE")
    }
    text = (SHIPPED / "grafana-dashboard.json").read_text()
    panels = json.loads(text)["panels"]
    asked = {word for panel in panels for target in panel["targets"] for word in _names(target["expr"])}
    assert asked <= families
    assert asked, "a dashboard asks for something"


def _names(expression: str) -> set[str]:
    words = expression.replace("{", " ").replace("(", " ").replace(")", " ").split()
    return {word for word in words if word.startswith(("DCGM_", "penstock_"))}
