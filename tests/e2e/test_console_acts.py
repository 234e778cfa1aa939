"""What people do in the console: sign and change, open an invoice to its devices, submit, quote, set."""

import re
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from penstock.base.refusal import Refused, not_found
from served import Served, served
from visiting import Page, Visit, furnish, offered, priced


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("centre")) as one:
        offered(one)
        one.acme = furnish(one, "acme")
        priced(one)
        yield one


def test_a_contract_is_signed_changed_and_ended_by_staff_only(staff: Visit, tenant: Visit) -> None:
    text = (
        "contract: acme-p\ntenant: acme\nprice_book: river-bend-2026\nfrom: 2026-01-06\nuntil: 2027-01-06\n"
        "items:\n  - {item: pflops-month, quantity: 2}\nshares:\n  - {party: owner, rate: 60%}\n"
    )
    wrong = text.replace("pflops-month", "petaflops")
    for answer in (
        staff.send("/market/contracts", text=wrong),
        staff.send("/market/contracts/check", text=wrong),
    ):
        assert "petaflops" in answer.text
        assert "contract.yaml:7" in answer.text
    assert "1 item and" in staff.send("/market/contracts/check", text=text).text
    assert tenant.send("/market/contracts", text=text).status_code == 403
    assert "forbidden" in tenant.send("/market/contracts/check", text=text).text
    signed = staff.send("/market/contracts", text=text)
    assert signed.url.path == "/market/contracts/acme.acme-p"
    assert "60.0" in signed.text
    change = {"id": "more", "item": "pflops-month", "at": "2026-02-01T00:00"}
    refused = staff.send("/market/contracts/acme.acme-p/changes", **change, quantity="many")
    assert "quantity_absurd" in refused.text
    assert 'value="2026-02-01T00:00"' in refused.text
    for _ in range(2):
        changed = staff.send("/market/contracts/acme.acme-p/changes", **change, quantity="3")
        assert changed.text.count("pflops-month · 3") == 1
    assert tenant.send("/market/contracts/acme.acme-p/changes", **change, quantity="4").status_code == 403
    ended = staff.send("/market/contracts/acme.acme-p/terminate")
    assert "/changes" not in ended.text


def test_a_line_of_an_invoice_opens_to_devices_windows_and_ledger(staff: Visit, tenant: Visit) -> None:
    invoice = next(
        link for link in tenant.page("/billing").links if re.fullmatch("/billing/invoices/[^/]+", link)
    )
    lines = [link for link in tenant.page(invoice).links if "/lines/" in link]
    assert len(lines) == 2
    for visit in (staff, tenant):
        for line in lines:
            page = visit.page(line)
            assert {"Devices that were held", "Windows that were rated", "Posted to the ledger"} <= set(
                page.texts
            )
            assert "/billing/ledger/tenant/acme/prepaid" in page.links
            assert ("/billing/ledger/centre/revenue/hourly" in page.links) is (visit is staff)
            assert any(link.startswith("/fleet/devices/") for link in page.links) is (visit is staff)
    staff.page(f"{invoice}/lines/99", 422)


def test_jobs_of_an_array_are_submitted_all_or_none(centre: Served, tenant: Visit) -> None:
    text = "name: many\narray: 0-2\nresources:\n  accelerators: a100:8\nrun: simulated\n"
    before = centre.rows()["jobs"]
    with patch(
        "penstock.app.jobs.audit.record", side_effect=[None, None, Refused(not_found("lease", "gone"))]
    ):
        assert tenant.send("/jobs", id="many", text=text).status_code == 404
    assert centre.rows()["jobs"] == before
    assert tenant.send("/jobs", id="many", text=text).url.path == "/jobs"
    assert len(centre.rows()["jobs"]) == len(before) + 3


def test_the_map_leaves_out_what_is_known(staff: Visit) -> None:
    whole = staff.http.get("/fleet/map?colour=state").json()
    assert len(whole["kinds"]) == sum(len(devices) for _, devices in whole["nodes"]) == 8
    part = staff.http.get("/fleet/map", params={"colour": "tenant", "known": whole["layout"]}).json()
    assert "nodes" not in part
    assert {part["names"][kind] for kind in part["kinds"]} <= {"", "acme"}
    activity = staff.http.get("/fleet/map?colour=activity").json()
    assert activity["names"] == ["not_measured"]


def test_a_payment_is_told_to_open_pages(centre: Served, staff: Visit) -> None:
    with staff.http.stream("GET", "/live") as stream:
        events = (line for line in stream.iter_lines() if line.startswith("data:"))
        first = next(events)
        centre.done("POST", "/tenants/acme/payments", json={"id": "told", "amount_micros": 1_000_000})
        assert next(events) != first


def test_streams_end_with_the_session(centre: Served) -> None:
    leaving = Visit(centre, centre.admin)
    session = leaving.http.cookies["penstock_session"]
    with leaving.http.stream("GET", "/live") as page, centre.opened("GET", "/events", session) as api:
        pages, events = page.iter_lines(), api.iter_lines()
        assert next(pages) == next(events) == "event: changed"
        leaving.send("/sign-out")
        assert "event: end" in list(pages)
        assert "event: end" in list(events)
    leaving.close()


def test_a_lease_is_suspended_and_goes_on_by_staff_only(staff: Visit, tenant: Visit) -> None:
    path = "/leases/acme.acme-lease/state"
    assert '<span class="pill suspended">' in staff.send(path, state="suspended", reason="unpaid").text
    assert '<span class="pill active">' in staff.send(path, state="active").text
    assert staff.send(path, state="ended").status_code == 422
    assert tenant.send(path, state="breached").status_code == 403
    assert "/state" not in tenant.page("/leases/acme.acme-lease").source


def test_the_audit_log_begins_with_the_newest_and_goes_back(staff: Visit) -> None:
    with patch("penstock.web.console.admin.ACTS_SHOWN", 3):
        first = staff.page("/admin/audit")
        older = next(link for link in first.links if "before=" in link)
        numbers = [
            [int(text) for text in page.texts if text.isdigit()]
            for page in (first, staff.page(f"/admin/audit{older}"))
        ]
    assert [*numbers[0], *numbers[1]] == list(range(numbers[0][0], numbers[0][0] - 6, -1))
    assert "CNY\N{NO-BREAK SPACE}10,000.00" in staff.page("/admin/audit").source


def test_settings_are_changed_by_operators_only(centre: Served, staff: Visit, tenant: Visit) -> None:
    assert staff.send("/admin/settings/name", name="河湾智算中心").url.path == "/admin/settings"
    assert 'value="河湾智算中心"' in staff.page("/admin/settings").source
    rules = {"policy": "penstock", "order": "fifo", "promises": "8", "spot_notice_s": "30"}
    assert 'value="8"' in staff.send("/admin/settings/placement", **rules).text
    for path, fields, code in (
        ("name", {"name": " "}, "name_missing"),
        ("password", {"password": "short"}, "password_short"),
        ("placement", rules | {"policy": "luck"}, "policy_unknown"),
        ("placement", rules | {"promises": "many"}, "number_malformed"),
    ):
        assert code in staff.send(f"/admin/settings/{path}", **fields).text, code
        assert tenant.send(f"/admin/settings/{path}", **fields).status_code == 403
    tenant.page("/admin/settings", 403)


def test_a_quote_is_built_while_it_is_typed(centre: Served, tenant: Visit) -> None:
    fields = {"id": "typed", "model": "a100", "devices": "1", "hours": "3"}
    before = centre.rows()["quotes"]
    answer = tenant.send("/market/quotes/check", **fields)
    assert "27.00" in answer.text
    assert "Not available" in tenant.send("/market/quotes/check", **fields | {"devices": "9"}).text
    assert "number_malformed" in tenant.send("/market/quotes/check", **fields | {"devices": "x"}).text
    assert centre.rows()["quotes"] == before


def test_too_many_tries_to_sign_in_are_a_page(tmp_path: Path) -> None:
    with served(tmp_path) as one:
        answers = [one.raw("POST", "/sign-in", data={"secret": "guess"}) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {401}
    assert answers[20].status_code == 429
    page = Page(answers[20].text)
    assert "That did not work" in page.texts
    assert "too_many_requests" in page.source
