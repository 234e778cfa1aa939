"""The console without a browser: who may see what, what never runs, and that nothing is left untranslated."""

import io
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from penstock.web.console.routes import CONSOLE
from penstock.web.console.sign_in import HOME, local_path
from penstock.web.console.zh import CATALOGUE
from served import Served, served
from visiting import HOSTILE, PLAN, Page, Visit, furnish, offered, priced, rehearsed

STAFF_PAGES = (
    "/overview?window=1h",
    "/fleet",
    "/market",
    "/leases",
    "/jobs",
    "/jobs/new",
    "/billing",
    "/billing?tenant=acme",
    "/market/compare?model=h100&cards=8",
    "/market/prices",
    "/market/prices/river-bend-2026",
    "/market/contracts",
    "/economics",
    "/economics?by=tenant",
    "/economics/plans?plan=east",
    "/planner",
    "/planner/new",
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


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("centre")) as one:
        offered(one)
        one.acme = furnish(one, "acme", HOSTILE)
        one.globex = furnish(one, "globex")
        rehearsed(one)
        priced(one)
        yield one


def test_pages_are_for_those_who_signed_in(centre: Served) -> None:
    for path in (*STAFF_PAGES, "/", "/live", "/fleet/map"):
        answer = centre.raw("GET", path)
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/sign-in?back=")


def test_a_wrong_token_is_refused_and_sets_no_cookie(centre: Served) -> None:
    for secret in ("pst_wrong", "", "wrong password"):
        answer = centre.raw("POST", "/sign-in", data={"secret": secret})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "overview",
        "/a\nb",
        "",
    ],
)
def test_a_sign_in_never_leads_to_another_site(back: str) -> None:
    assert local_path(back) == HOME


def test_signing_out_ends_the_session_on_the_server(centre: Served) -> None:
    visit = Visit(centre, centre.admin)
    session = visit.http.cookies["penstock_session"]
    assert centre.ask("GET", "/tenants", session).status_code == 200
    assert visit.send("/sign-out").url.path == "/sign-in"
    assert centre.ask("GET", "/tenants", session).status_code == 401
    visit.close()


def test_a_session_ends_with_the_token_it_came_from(centre: Served) -> None:
    secret = centre.token("globex", "viewer", "short-lived")
    visit = Visit(centre, secret)
    centre.done("DELETE", "/tokens/globex.short-lived")
    assert visit.http.get("/overview", follow_redirects=False).status_code == 303
    visit.close()


def routes(method: str) -> set[str]:
    return {
        route.path
        for route in _leaves(CONSOLE)
        if method
        in {str(one) for handler in route.route_handlers for one in getattr(handler, "http_methods", ())}
    }


def _leaves(router: object) -> list:
    return list(getattr(router, "routes", []))


def test_every_form_needs_the_token_of_its_session(centre: Served, staff: Visit) -> None:
    before = centre.rows()
    posts = routes("POST") - {"/sign-in", "/taste"}
    assert len(posts) > 12
    for path in posts:
        target = re.sub(r"\{[^}]*\}", "acme", path)
        for fields in ({}, {"csrf": "0" * 64}):
            answer = staff.http.post(target, data=fields)
            assert answer.status_code == 403, f"{path}: {answer.status_code}"
    assert centre.rows() == before


def test_every_page_of_the_staff_answers(staff: Visit) -> None:
    seen = dict(staff.crawl())
    assert {path for path, answer in seen.items() if answer.status_code != 200} == set()
    assert len(seen) > 60
    for kind in (
        "/fleet/devices/",
        "/jobs/",
        "/leases/",
        "/billing/invoices/",
        "/billing/ledger/",
        "/market/quotes/",
    ):
        assert any(path.startswith(kind) for path in seen), kind


def test_a_tenant_finds_nothing_of_another(centre: Served, tenant: Visit) -> None:
    pages = 0
    for path, answer in tenant.crawl():
        assert answer.status_code == 200, path
        assert "globex" not in answer.text, path
        pages += 1
    assert pages > 20
    for path in (
        "/jobs/globex.globex-job-0",
        "/jobs/globex.globex-job-0/log",
        "/leases/globex.globex-lease",
        "/market/quotes/globex.globex-quote",
        "/billing/ledger/tenant/globex/prepaid",
        "/admin?tenant=globex",
        "/billing?tenant=globex",
    ):
        answer = tenant.http.get(path)
        assert answer.status_code in (403, 404) or "globex" not in answer.text.replace(path, ""), path
    staff_only = ("/fleet", "/fleet/map", "/admin/audit", "/admin/check", "/economics", "/alarms/lost")
    for path in (*staff_only, "/planner", "/planner/new", "/planner/plans/east", "/planner/runs/east-2"):
        assert tenant.http.get(path).status_code == 403, path


def test_what_is_stored_never_becomes_an_element(staff: Visit) -> None:
    shown = 0
    for path, answer in staff.crawl():
        if "text/html" in answer.headers["content-type"]:
            assert "<script>alert" not in answer.text, path
            assert "<img src=x" not in answer.text, path
            assert " onerror=" not in re.sub(r"&[^;]*;", "", re.sub(r"&lt;.*?&gt;", "", answer.text)), path
            shown += "&lt;script&gt;" in answer.text
    assert shown >= 1


def test_no_page_has_a_script_or_a_style_of_its_own(staff: Visit) -> None:
    for path in STAFF_PAGES:
        page = staff.page(path)
        for tag, given in page.elements:
            assert tag != "style", path
            assert "style" not in given, f"{path}: <{tag}>"
            assert not any(name.startswith("on") for name in given), f"{path}: <{tag}>"
            assert tag != "script" or given.get("src", "").startswith("/static/"), path


def test_the_policy_allows_nothing_inline(centre: Served) -> None:
    policy = centre.raw("GET", "/sign-in").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "default-src 'self'" in policy


def test_nothing_is_left_in_english_on_chinese_pages(centre: Served) -> None:
    visit = Visit(centre, centre.admin, "zh")
    sentences = {english for english, chinese in CATALOGUE.items() if english != chinese and " " in english}
    for path, answer in visit.crawl(pages_max=60):
        if "text/html" not in answer.headers["content-type"]:
            continue
        assert 'lang="zh-CN"' in answer.text, path
        left = {text for text in _texts(answer) if text in sentences}
        assert left == set(), path
    visit.close()


def _texts(answer: httpx.Response) -> list[str]:
    return Page(answer.text).texts


def test_a_refusal_is_a_page_with_its_code_and_mend(staff: Visit) -> None:
    page = staff.page("/jobs/acme.missing", 404)
    assert "not_found" in page.source or "job_not_found" in page.source
    assert "That did not work" in page.texts


def test_a_path_that_does_not_exist_is_a_page_for_people(centre: Served, staff: Visit) -> None:
    asked = {"accept": "text/html,*/*"}
    missing = staff.http.get("/nowhere", headers=asked)
    assert missing.status_code == 404
    assert "page_not_found" in missing.text
    assert '<nav aria-label="Main">' in missing.text
    assert "/sign-out" not in centre.raw("GET", "/nowhere", headers=asked).text
    assert (
        centre.raw("GET", "/api/v1/nowhere", headers=asked).json()["refusals"][0]["code"] == "path_not_found"
    )


def test_vendored_files_carry_their_licences() -> None:
    vendor = Path(__file__).parents[2] / "src/penstock/web/console/static/vendor"
    for folder in vendor.iterdir():
        if folder.is_dir():
            assert (folder / "LICENSE").is_file(), folder.name


def test_a_tenant_walks_from_quote_to_stop(centre: Served, tenant: Visit) -> None:
    answer = tenant.send("/market/quotes", id="by-hand", model="a100", devices="1", hours="1")
    assert answer.url.path == "/market/quotes/acme.by-hand"
    answer = tenant.send("/market/quotes/acme.by-hand/accept", lease="by-hand")
    assert answer.url.path == "/leases/acme.by-hand"
    text = (
        "name: typed\nresources:\n  accelerators: a100:1\nenv:\n  SIMULATED_SECONDS: '600'\nrun: simulated\n"
    )
    answer = tenant.send("/jobs/check", text=text)
    assert "1 × a100" in answer.text
    answer = tenant.send("/jobs/check", text=text.replace("accelerators", "acelerators"))
    assert "job.yaml:3" in answer.text
    answer = tenant.send("/jobs", id="typed", text=text, lease="acme.by-hand")
    assert answer.url.path == "/jobs/acme.typed"
    again = tenant.send("/jobs", id="typed", text=text, lease="acme.by-hand")
    assert again.url.path == "/jobs/acme.typed"
    centre.turn()
    centre.turn(1)
    assert "running" in tenant.page("/jobs/acme.typed").source
    tenant.send("/jobs/acme.typed/stop")
    centre.turn()
    centre.turn(1)
    assert "cancelled" in tenant.page("/jobs/acme.typed").source


def test_bad_fields_are_refused_beside_the_form(tenant: Visit) -> None:
    for fields, code in (
        ({"devices": "many", "hours": "1"}, "number_malformed"),
        ({"devices": "1", "hours": "-1"}, "duration_absurd"),
        ({"devices": "0", "hours": "1"}, "quantity_absurd"),
        ({"devices": "1", "hours": "1", "start": "tomorrow"}, "time_malformed"),
        ({"devices": "1", "hours": "nan"}, "duration_absurd"),
    ):
        answer = tenant.send("/market/quotes", id="bad", model="a100", **fields)
        assert answer.status_code in (409, 422), fields
        assert code in answer.text, fields


def test_a_planner_is_told_what_is_wrong_with_a_plan_and_where(staff: Visit) -> None:
    answer = staff.send("/planner/check", text=PLAN)
    assert "2 servers in 1 tranche," in answer.text
    for wrong, code in (
        (PLAN.replace("servers: 2", "servers: many"), "plan.yaml:7:14"),
        (PLAN.replace("rent:", "rnt:"), "field_unknown"),
        (PLAN.replace("h800", "h9000"), "plan.yaml:6:12"),
        (f"{PLAN}rehearse: {{demand: {{traces: [{{file: ../secret.csv}}]}}}}", "file_outside"),
        (f"{PLAN}rehearse: {{demand: {{traces: [{{file: /etc/passwd}}]}}}}", "file_outside"),
        ("", "file_empty"),
    ):
        assert code in staff.send("/planner/check", text=wrong).text, code
        answer = staff.send("/planner", name="wrong", text=wrong)
        assert answer.status_code == 422
        assert code in answer.text
    staff.page("/planner/plans/wrong", 404)


def test_a_rehearsal_is_kept_with_its_plan_and_can_be_repeated(centre: Served, staff: Visit) -> None:
    page = staff.page("/planner/runs/east-2").source
    assert "succeeded" in page
    assert "<svg" in page
    before = centre.rows()["plan_runs"]
    again = staff.send("/planner/plans/east/runs", id="east-2", futures="2", seed="1")
    assert again.url.path == "/planner/runs/east-2"
    assert centre.rows()["plan_runs"] == before
    assert staff.send("/planner/plans/east/runs", id="east-2", futures="3", seed="1").status_code == 409
    for fields in ({"futures": "0"}, {"futures": "99999"}, {"futures": "ten"}, {"seed": "-1"}):
        answer = staff.send(
            "/planner/plans/east/runs", **({"id": "bad", "futures": "2", "seed": "1"} | fields)
        )
        assert answer.status_code == 422, fields
    compared = staff.page("/planner/compare?run=east-2&run=west-2")
    assert {"east", "west"} <= set(" / ".join(compared.texts).split(" / "))
    assert staff.page("/planner/compare?run=east-2", 422)


def test_progress_of_a_rehearsal_is_a_stream_that_ends(staff: Visit) -> None:
    with staff.http.stream("GET", "/planner/runs/east-2/progress") as answer:
        told = answer.read().decode()
    assert "event: end" in told
    assert '{"done":2,"of":2}' in told


def test_costs_that_are_kept_change_the_result(staff: Visit) -> None:
    assert "Costs beside the devices are not entered" in staff.page("/economics").source
    answer = staff.send("/economics/costs", costs="costs:\n  - {name: crew, kind: staff, amuont: 1 M}\n")
    assert answer.status_code == 422
    assert "costs.yaml:2" in answer.text
    assert staff.send(
        "/economics/costs", costs="costs:\n  - {name: crew, kind: staff, amount: 1 M}\n"
    ).is_success
    page = staff.page("/economics").source
    assert "Costs beside the devices are not entered" not in page
    assert "staff" in page


def test_pasted_code_is_judged_for_each_chosen_chip(tenant: Visit) -> None:
    code = "import torch\nimport flash_attn\nmodel = torch.nn.Linear(2, 2).cuda()\n"
    answer = tenant.send("/portability", text=code, **{"to.cann": "1", "to.musa": "1"})
    assert answer.status_code == 200
    assert "pasted.py:3" in answer.text
    assert answer.text.count("torch_npu") > 0
    assert answer.text.count('class="finding"') >= 2
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("train.py", code)
    answer = tenant.http.post(
        "/portability",
        data={"csrf": tenant.csrf, "to.cann": "1"},
        files={"archive": ("code.zip", archive.getvalue())},
    )
    assert "train.py:3" in answer.text
    for fields, code in (
        ({"text": ""}, "source_missing"),
        ({"text": "x = 1", "to.cann": ""}, "target_missing"),
    ):
        answer = tenant.send("/portability", **({"to.cann": "1"} | fields))
        assert answer.status_code == 422
        assert code in answer.text


def test_every_mode_is_priced_beside_the_hour(tenant: Visit) -> None:
    page = tenant.page("/market/compare?model=h100&cards=8&hours=400")
    assert {"hourly", "compute", "package"} <= set(page.texts)
    assert any(text.endswith(" h") for text in page.texts)
    for wrong, code in (
        ("cards=0", "devices_absurd"),
        ("cards=x", "number_malformed"),
        ("hours=800", "duration_absurd"),
    ):
        assert code in tenant.page(f"/market/compare?model=h100&{wrong}", 422).source


def test_refusals_are_said_in_chinese(centre: Served) -> None:
    visit = Visit(centre, centre.admin, "zh")
    answer = visit.send("/market/quotes", id="bad", model="a100", tenant="acme", devices="many", hours="1")
    assert "不是整数" in answer.text
    assert "number_malformed" in answer.text
    assert "没有作业" in visit.page("/jobs/acme.missing", 404).source
    visit.close()


def test_a_book_check_is_begun_by_hand_and_its_result_stays(staff: Visit) -> None:
    assert "Not checked since" in staff.page("/admin/check").source
    staff.send("/admin/check")
    for _ in range(100):
        page = staff.page("/admin/check").source
        if "Being checked" not in page:
            break
        time.sleep(0.1)
    assert "Both books balance." in page


def test_the_output_of_devices_is_a_stream(centre: Served, staff: Visit) -> None:
    with staff.http.stream("GET", "/jobs/acme.acme-job-1/devices") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        first = next(answer.iter_lines())
    assert first.startswith("event: ")
