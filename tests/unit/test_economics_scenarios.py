"""Published cases, rebuilt by the command line, come to the published figures."""

import pytest
from planfiles import LEASER, NEW_CENTRE, ONE_SERVER, Desk, millions, value

WHOLE_290 = ("price_per_server: 2.83 M", "price_per_server: 2.843137254902 M")


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


def test_s24_the_points_between_gross_and_net_margin_are_shown_one_by_one(desk):
    lines = {"interest": 32.40, "impairment": 13.96, "research": 9.8, "selling": 5.8, "administration": 2.7}
    costs = "".join(
        f"  - {{name: {kind}, kind: {kind}, share: {share} %}}\n"
        for kind, share in lines.items()
        if kind not in ("interest", "impairment")
    )
    report = desk.economics(
        LEASER,
        ("amount: 35.15 M", "amount: 100 M"),
        ("share: 0.12 %}", "share: 0.1 %}\n" + costs.rstrip()),
        ("  - {name: overheads and research, kind: administration, amount: 9.85 M, every: plan}\n", ""),
        ("share: 9.5 %", "share: 40.69 %"),
        ("principal: 226 M", "principal: 810 M"),
        ("servers: 320", "servers: 320\n    occupancy: 0 %"),
        ("filed:", "impairments:\n  - {on: 2024-08-31, tranche: small servers, amount: 13.96 M}\nfiled:"),
    )
    profit = report["whole"]["profit"]
    assert value(profit["gross_margin"]) == pytest.approx(42.45, abs=0.01)
    bridge = {line: millions(profit[line]) for line in (*lines, "surtax")}
    assert bridge == pytest.approx({**lines, "surtax": 0.1}, abs=0.001)
    assert value(profit["net_margin"]) == pytest.approx(42.45 - sum(bridge.values()), abs=0.01)


def test_s25_a_real_leasers_eight_months(desk):
    report = desk.economics(LEASER)
    profit = report["whole"]["profit"]
    assert millions(profit["revenue"]) == 35.15
    assert millions(profit["depreciation"]) == pytest.approx(16.86, abs=0.005)
    assert value(profit["gross_margin"]) == pytest.approx(42.5, abs=0.05)
    assert millions(profit["interest"]) == pytest.approx(9.04, abs=0.001)
    assert millions(profit["net"]) == pytest.approx(-3.98, abs=0.005)


def test_s26_had_all_been_in_service_from_the_first_day_gross_margin_is_negative(desk):
    report = desk.economics(
        LEASER,
        ("servers: 38", "servers: 100"),
        ("price_per_server: 2.83 M", "price_per_server: 2.12 M"),
        ("accepted: 2024-01-22", "accepted: 2023-12-31"),
        ("accepted: 2024-04-30", "accepted: 2023-12-31"),
    )
    profit = report["whole"]["profit"]
    assert millions(profit["depreciation"]) == pytest.approx(36.7, abs=0.05)
    assert value(profit["gross_margin"]) == pytest.approx(-14, abs=0.1)


def test_s27_budget_commitment_payment_and_service_are_four_amounts(desk):
    report = desk.economics(
        LEASER,
        (
            "    servers: 38\n",
            "    servers: 38\n    budget: 200 M\n    committed: [{on: 2023-12-01, amount: 150 M}]\n"
            "    paid: [{on: 2024-01-10, amount: 60 M}, {on: 2025-01-10, amount: 40 M}]\n",
        ),
    )
    stages = report["stages"]["type 1, eight H800 each"]
    assert [millions(stages[name]) for name in ("budget", "committed", "paid", "in_service")] == [
        200,
        150,
        60,
        107.54,
    ]
    assert millions(report["stages"]["centre"]["budget"]) == 290
    assert [stages[name]["status"] for name in ("budget", "in_service")] == ["claimed", "derived"]


def test_s28_filed_results_stay_as_filed_and_what_they_imply_stands_beside(desk):
    filed = desk.economics(LEASER)["filed"]
    assert [row["status"] for row in filed] == ["unaudited", "unaudited", "audited"]
    assert [millions(row["net"]) for row in filed] == pytest.approx([-3.9813, 5.54, -14.56])
    assert millions(filed[2]["implied_net"]) == pytest.approx(-20.1)
    assert filed[2]["implied_net"]["status"] == "derived"
    assert millions(filed[2]["impairment"]) == 11.26
    audited = "  - {since: 2024-01-01, until: 2024-09-30, net: 5.1 M, status: audited}\n"
    again = desk.economics(LEASER, more=audited)["filed"]
    assert [row["status"] for row in again] == ["unaudited", "unaudited", "audited", "audited"]
    assert [millions(row["net"]) for row in again[1:3]] == [5.54, 5.1], "both stay as filed"
    assert millions(again[2]["restated_by"]) == pytest.approx(-0.44)


@pytest.mark.parametrize(("rent", "percent"), [("69k", 109), ("60k", 125)])
def test_s29_break_even_is_above_full_and_the_plan_says_do_not_build(desk, rent, percent):
    report = desk.economics(NEW_CENTRE, ("per_server_month: 69k", f"per_server_month: {rent}"))
    assert round(value(report["measures"]["break_even_occupancy"])) == percent
    assert report["findings"][0]["code"] == "break_even_above_full"
    _, out, _ = desk.run("plan", "economics", str(desk.folder / "plan.yaml"))
    assert f"Break-even needs {percent}%" in out
    assert "Do not build it at this price." in out


def test_s30_at_15_percent_the_year_loses_79_6_million_and_the_cash_runs_out(desk):
    """The loss is that of the whole 290 M; the 102 servers alone (288.66 M) lose 79.3 M."""
    at_15 = ("occupancy: 100 %", "occupancy: 15 %")
    report = desk.economics(
        NEW_CENTRE, at_15, WHOLE_290, ("230.928 M", "232 M"), more="cash_at_start: 100 M\n"
    )
    assert millions(report["years"][0]["profit"]["net"]) == pytest.approx(-79.6, abs=0.05)
    assert value(report["measures"]["runway"]) > 0
    assert report["measures"]["runway"]["unit"].startswith("months")
    servers_alone = desk.economics(NEW_CENTRE, at_15)
    assert millions(servers_alone["years"][0]["profit"]["net"]) == pytest.approx(-79.3, abs=0.05)


def test_s31_one_server_returns_3_3_percent_and_less_than_nothing_when_rents_fall(desk):
    report = desk.economics(ONE_SERVER)
    assert value(report["measures"]["irr_yearly"]) == pytest.approx(3.3, abs=0.05)
    assert 4 < value(report["measures"]["payback"]) < 5
    falling = desk.economics(
        ONE_SERVER, ("{per_server_month: 60k}", "{per_server_month: 60k, decline_per_year: 20 %}")
    )
    assert value(falling["measures"]["irr_yearly"]) == pytest.approx(-11.2, abs=0.05)


def test_s51_an_assumed_occupancy_has_no_single_return_and_a_range_of_claims(desk):
    report = desk.economics(ONE_SERVER, ("    occupancy_source: company filing\n", ""))
    measures = report["measures"]
    assert {measures[name]["value"] for name in ("npv", "irr_yearly", "xirr", "payback")} == {None}
    assert value(measures["irr_yearly_high"]) == pytest.approx(3.3, abs=0.05), (
        "93 % let, as the filing has it"
    )
    assert measures["irr_yearly_low"]["value"] is None or value(measures["irr_yearly_low"]) < -20
    assert measures["npv_low"]["status"] == "claimed" and measures["npv_low"]["source"]
    assert "returns_without_evidence" in {one["code"] for one in report["findings"]}


def test_s32_what_matters_is_ranked_and_power_is_an_order_smaller_than_depreciation(desk):
    power = "power: {pue: 1.2, per_kwh: 0.36}\n"
    report = desk.economics(
        ONE_SERVER,
        ("per_server_month: 60k", "per_server_month: 69k"),
        ("    servers: 1\n", "    servers: 1\n    watts_per_server: 10.2 kW\n"),
        more=power,
    )
    swings = [abs(one["npv_high_micros"] - one["npv_low_micros"]) for one in report["tornado"]]
    assert swings == sorted(swings, reverse=True)
    assert {one["factor"] for one in report["tornado"]} == {
        *("occupancy", "rent_decline", "useful_life", "purchase_price", "interest", "power_price", "pue")
    }
    assert value(report["tranches"]["type 1"]["power_per_card_hour"]) / 1e6 == pytest.approx(0.55, abs=0.002)
    assert value(report["measures"]["revenue_per_card_hour"]) / 1e6 == pytest.approx(11.8, abs=0.05)
    profit = report["whole"]["profit"]
    assert millions(profit["depreciation"]) > 10 * millions(profit["power"])


def test_s33_another_depreciation_life_changes_profit_and_leaves_cash(desk):
    lives = desk.economics(NEW_CENTRE)["lives"]
    assert list(lives) == ["4", "5", "6"]
    cash = [millions(year["cash"]["net"]) for year in lives["5"]]
    assert all([millions(year["cash"]["net"]) for year in years] == cash for years in lives.values())
    first_years = [millions(years[1]["profit"]["net"]) for years in lives.values()]
    assert first_years == sorted(first_years) and len(set(first_years)) == 3


def test_s34_a_rent_that_no_longer_recovers_the_books_is_said_with_its_month(desk):
    falling = (
        "{per_server_month: 60k}",
        "{per_server_month: 60k, path: [{since: 2027-01-01, per_server_month: 30k}]}",
    )
    found = [
        one for one in desk.economics(ONE_SERVER, falling)["findings"] if one["code"] == "impairment_trigger"
    ]
    assert found[0]["numbers"]["month"] == 202701
    assert found[0]["numbers"]["rent_micros"] == 30_000 * 10**6 < found[0]["numbers"]["needed_micros"]


def contract(name: str, customer: str, amount: str, more: str = "") -> str:
    return f"  - {{id: {name}, customer: {customer}, signed: 2025-01-01, start: 2025-02-01, months: 12, amount: {amount}{more}}}\n"


def test_s35_backlog_is_gross_and_net_of_terminations_with_its_concentration(desk):
    ended = ", terminated: 2025-06-01"
    more = "contracts:\n"
    more += "".join(
        contract(f"n{i}", f"never{i}", "191.563333 M", f"{ended}, executed: false") for i in range(2)
    )
    more += contract("n2", "never2", "191.563334 M", f"{ended}, executed: false")
    more += "".join(contract(f"t{i}", f"ended{i}", "0.65 M", ended) for i in range(6))
    more += "".join(contract(f"big{i}", f"big{i}", "11.192640 M") for i in range(10))
    more += "".join(contract(f"s{i}", f"small{i}", "0.111038 M") for i in range(42))
    found = desk.economics(ONE_SERVER, more=more)["contracts"]
    assert [found[name]["value"] for name in ("signed", "terminated", "never_executed")] == [61, 9, 3]
    assert millions(found["signed_amount"]) == pytest.approx(695.18, abs=0.01)
    assert millions(found["terminated_amount"]) == pytest.approx(578.59, abs=0.001)
    assert millions(found["never_executed_amount"]) == pytest.approx(574.69, abs=0.001)
    assert millions(found["net_amount"]) == pytest.approx(
        millions(found["signed_amount"]) - millions(found["terminated_amount"])
    )
    assert value(found["top_ten"]) == pytest.approx(96, abs=0.1)


def test_s36_a_contract_is_brought_to_rents_per_server_and_card_hour(desk):
    more = "contracts:\n  - {id: Z, customer: Z, signed: 2024-05-01, start: 2024-05-01, months: 48, amount: 16.56 M, servers: 5}\n"
    found = desk.economics(ONE_SERVER, more=more)["contracts"]
    assert found["Z.per_month"]["value"] == 345_000 * 10**6
    assert found["Z.per_server_month"]["value"] == 69_000 * 10**6
    assert value(found["Z.per_card_hour"]) / 1e6 == pytest.approx(11.82, abs=0.005)


@pytest.mark.parametrize(
    ("terms", "reasons"),
    [
        ("take_or_pay: true, related_party: true, credit: good", ["related_party"]),
        ("take_or_pay: true", ["credit_unknown"]),
        ("take_or_pay: true, related_party: true, credit: bad", ["related_party", "credit_bad"]),
        ("take_or_pay: true, credit: good", None),
        ("related_party: true, credit: bad", None),
    ],
)
def test_s37_large_take_or_pay_contracts_do_not_start_by_themselves(desk, terms, reasons):
    report = desk.economics(ONE_SERVER, more="contracts:\n" + contract("K", "K", "20 M", f", {terms}"))
    assert report["blocked"].get("K") == reasons
    small = desk.economics(ONE_SERVER, more="contracts:\n" + contract("K", "K", "1 M", f", {terms}"))
    assert small["blocked"] == {}


def test_s55_giving_up_shows_debt_resale_and_penalties(desk):
    more = "exit: {on: 2026-01-01, resale: 40 %, penalties: 5 M}\n"
    left = desk.economics(NEW_CENTRE, more=more)["exit"]
    cost = 102 * 2.83
    carrying = cost - 2 * cost * 0.95 / 5
    assert millions(left["carrying"]) == pytest.approx(carrying, abs=0.001)
    assert millions(left["resale"]) == pytest.approx(0.4 * cost)
    assert millions(left["disposal_result"]) == pytest.approx(0.4 * cost - carrying, abs=0.001)
    assert millions(left["debt"]) == pytest.approx(230.928)
    assert millions(left["left"]) == pytest.approx(
        millions(left["cash"]) + 0.4 * cost - 230.928 - 5, abs=0.001
    )
