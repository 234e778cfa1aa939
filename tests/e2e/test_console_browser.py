"""The console in a real browser: each persona's way, live changes, and what assistive technology finds."""

import json
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from unittest.mock import patch

import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from litestar.exceptions import LitestarDeprecationWarning
from playwright.sync_api import Browser, expect

from browser import DESK, POCKET, Person, chromium, needs_chromium, turning
from penstock.probes.host import HostProbe
from penstock.web.application import application
from served import Served, served
from visiting import PLAN, furnish, offered, priced, rehearsed

pytestmark = needs_chromium
expect.set_options(timeout=20_000)

STAFF_PAGES = (
    "/overview?window=1h",
    "/fleet",
    "/fleet/devices/{device}",
    "/market",
    "/leases",
    "/jobs",
    "/jobs/new",
    "/jobs/acme.acme-job-0",
    "/billing",
    "/billing?tenant=acme",
    "/market/compare?model=h100&cards=8",
    "/market/prices",
    "/market/prices/river-bend-2026",
    "/market/contracts",
    "/economics",
    "/economics/plans?plan=east",
    "/planner",
    "/planner/plans/east",
    "/planner/runs/east-2",
    "/planner/compare?run=east-2&run=west-2",
    "/portability",
    "/alarms",
    "/alarms/lost",
    "/admin",
    "/admin?tenant=acme",
    "/admin/audit",
    "/admin/check",
    "/admin/settings",
)
TENANT_PAGES = (
    "/overview?window=1h",
    "/market",
    "/market/compare?model=h100&cards=8",
    "/leases",
    "/jobs/acme.acme-job-1",
    "/billing",
    "/billing/invoices/{invoice}",
    "/billing/invoices/{invoice}/lines/1",
    "/alarms",
    "/portability",
    "/admin",
)
AXE, ONLY_VIOLATIONS = Axe(), {"resultTypes": ["violations"]}
JOB = "name: typed\nresources:\n  accelerators: a100:1\nenv:\n  SIMULATED_SECONDS: '86400'\nrun: simulated\n"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as one:
        yield one


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("centre")) as one:
        offered(one)
        one.acme = furnish(one, "acme")
        rehearsed(one)
        priced(one)
        yield one


@pytest.fixture
def person(browser: Browser, centre: Served) -> Iterator[Callable[..., Person]]:
    """Makes people who leave at the end: a page that stays open would keep the server from stopping."""
    people: list[Person] = []

    def enter(token: str, language: str = "en", **taste: object) -> Person:
        people.append(Person(browser, centre, token, language, **taste))
        return people[-1]

    yield enter
    for one in people:
        one.close()
        assert one.complaints == []


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_operator_finds_the_largest_loss(
    person: Callable[..., Person], centre: Served, language: str
) -> None:
    one = person(centre.admin, language, viewport=DESK)
    page = one.go("/overview?window=1h")
    tile = page.locator(".tile", has_text="Largest loss" if language == "en" else "最大损失")
    expect(tile).to_contain_text("no fit: fragmentation" if language == "en" else "碎片")
    expect(page.locator("svg.sankey")).to_be_visible()
    page.get_by_role("link", name="Fleet" if language == "en" else "设备", exact=True).click()
    expect(page.locator("#map")).to_be_visible()
    expect(page.locator("#map-legend li").first).to_be_visible()
    page.locator("#map").click(position={"x": 14, "y": 14})
    page.wait_for_url("**/fleet/devices/**")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_tenant_walks_from_quote_to_invoice(
    person: Callable[..., Person], centre: Served, language: str
) -> None:
    one = person(centre.acme["token"], language, viewport=POCKET)
    page = one.go("/market")
    page.fill("input[name=hours]", "1")
    page.click("form[action='/market/quotes'] button.main")
    page.wait_for_url("**/market/quotes/**")
    page.fill("input[name=lease]", f"walk-{language}")
    page.click("button.main")
    page.wait_for_url("**/leases/**")
    page = one.go("/jobs/new")
    page.fill("#text", JOB.replace("accelerators", "acelerators"))
    expect(page.locator("#checked .refused")).to_contain_text("job.yaml:3")
    page.fill("#text", JOB)
    expect(page.locator("#checked .done")).to_be_visible()
    page.select_option("select[name=lease]", f"acme.walk-{language}")
    page.click("form[action='/jobs'] button.main")
    page.wait_for_url("**/jobs/acme.job-**")
    with turning(centre):
        expect(page.locator("h1 .pill")).to_have_class("pill running")
        page.on("dialog", lambda dialog: dialog.accept())
        page.click("button.danger")
        expect(page.locator("h1 .pill")).to_have_class("pill cancelled")
    page = one.go("/billing")
    page.locator("a", has_text="000001").click()
    with page.expect_download() as download:
        page.locator("a.button", has_text="PDF").click()
    assert download.value.path().read_bytes().startswith(b"%PDF")


def test_changes_arrive_without_a_reload(person: Callable[..., Person], centre: Served) -> None:
    one = person(centre.admin, viewport=DESK)
    spec = {"name": "arrived", "run": "simulated", "resources": {"models": ["a100"]}}
    page = one.go("/jobs")
    page.evaluate("window.stayed = true")
    page.wait_for_timeout(600)
    centre.done("POST", "/jobs", centre.acme["token"], json={"id": "arrived", "spec": spec})
    expect(page.get_by_role("link", name="arrived")).to_be_visible(timeout=5_000)
    assert page.evaluate("window.stayed")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_planner_runs_a_plan_and_compares_two(
    person: Callable[..., Person], centre: Served, language: str
) -> None:
    one = person(centre.admin, language, viewport=DESK)
    page = one.go("/planner/new")
    page.fill("input[name=name]", f"north-{language}")
    page.fill("#text", PLAN.replace("servers: 2", "servers: many"))
    wrong = page.locator("#checked .refused")
    expect(wrong).to_contain_text("plan.yaml:7")
    expect(wrong).to_contain_text("Expected" if language == "en" else "应为")
    page.fill("#text", PLAN.replace("60k", "75k"))
    expect(page.locator("#checked .done")).to_be_visible()
    page.get_by_role("button", name="Save" if language == "en" else "保存").click()
    page.wait_for_url(f"**/planner/plans/north-{language}")
    page.evaluate("document.querySelector('select[name=futures] option').value = '2'")
    page.select_option("select[name=futures]", "2")
    with patch("penstock.web.rehearsing.workers", return_value=1):
        page.locator("form[action$='/runs'] button.main").click()
        page.wait_for_url("**/planner/runs/**")
        expect(page.locator("h1 .pill")).to_have_class("pill succeeded")
    expect(page.locator("figure svg").first).to_be_visible()
    page.select_option("select[name=run]", "east-2")
    page.locator("form[action='/planner/compare'] button").click()
    page.wait_for_url("**/planner/compare?**")
    expect(page.locator("h1")).to_contain_text("east")
    expect(page.locator("figure svg").first).to_be_visible()


def serious(person: Person, paths: tuple[str, ...], **names: str) -> dict[str, object]:
    """What axe finds on pages, and pages that are wider than the screen."""
    found: dict[str, object] = {}
    for path in paths:
        page = person.go(path.format(**names))
        page.wait_for_timeout(50)
        rules = [
            {"rule": rule["id"], "where": [node["html"][:160] for node in rule["nodes"][:3]]}
            for rule in AXE.run(page, options=ONLY_VIOLATIONS).response["violations"]
            if rule["impact"] in ("serious", "critical")
        ]
        if rules:
            found[path] = rules
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if wide > 1:
            found[f"{path} is too wide"] = wide
    return found


@pytest.mark.parametrize(("width", "theme"), [(DESK, "light"), (POCKET, "dark")])
def test_no_page_has_a_serious_violation(
    person: Callable[..., Person], centre: Served, width: dict[str, int], theme: str
) -> None:
    device = centre.done("GET", "/fleet")["devices"][0]["id"]
    one = person(centre.admin, viewport=width, color_scheme=theme)
    found = serious(one, STAFF_PAGES, device=device)
    assert found == {}, json.dumps(found, indent=1)


def test_no_page_of_a_tenant_has_a_serious_violation(person: Callable[..., Person], centre: Served) -> None:
    invoice = centre.done("GET", "/invoices")["items"][0]["id"]
    one = person(centre.acme["token"], "zh", viewport=POCKET, color_scheme="light")
    found = serious(one, TENANT_PAGES, invoice=invoice)
    assert found == {}, json.dumps(found, indent=1)


def test_a_page_reconnects_quietly_when_the_server_is_restarted(
    person: Callable[..., Person], centre: Served
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    listener.close()
    stop = serve(centre, port)
    one = person(centre.admin, viewport=DESK, url=f"http://127.0.0.1:{port}")
    page = one.go("/jobs")
    page.evaluate("window.stayed = true")
    page.wait_for_timeout(600)
    stop()
    expect(page.locator("#connection")).to_be_visible()
    stop = serve(centre, port)
    expect(page.locator("#connection")).to_be_hidden()
    spec = {"name": "after-it", "run": "simulated", "resources": {"models": ["a100"]}}
    centre.done("POST", "/jobs", centre.acme["token"], json={"id": "after-it", "spec": spec})
    expect(page.get_by_role("link", name="after-it")).to_be_visible(timeout=5_000)
    assert page.evaluate("window.stayed")
    stop()


def serve(centre: Served, port: int) -> Callable[[], None]:
    """The same centre at another address, until the answer is called; streams that are open do not hold it up."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        web = application(centre.centre.app, HostProbe())
    config = uvicorn.Config(web, port=port, log_level="critical", lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)

    def stop() -> None:
        server.should_exit = True
        thread.join()

    return stop


def test_every_page_is_reached_by_keyboard(person: Callable[..., Person], centre: Served) -> None:
    one = person(centre.admin, viewport=DESK)
    page = one.go("/jobs")
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.getAttribute('href') || ''"))
    assert {"#page", "/overview", "/fleet", "/market", "/leases", "/billing", "/admin"} <= reached
