"""Planned centres are rehearsed in many futures; where nothing shows demand, no one return is said."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from planfiles import GUIDE, NEW_CENTRE, ONE_SERVER, Desk, changed, millions, value

CENTRE_500P = GUIDE / "centre-500p.yaml"


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


def built(desk, base, *changes, more="", futures=24, words=("--json",)):
    file = desk.file(changed(base, *changes) + more)
    status, out, err = desk.run("plan", "build", file, "--futures", str(futures), "--workers", "1", *words)
    assert status == 0, err
    return json.loads(out) if "--json" in words else out


CHEAP = ("price_per_server: 2.83 M", "price_per_server: 1.5 M")


def test_s51_without_signed_demand_or_a_comparable_site_there_is_no_single_return(desk):
    outlook = built(desk, CENTRE_500P)
    assert outlook["missing"] == ["contracts", "own_history", "comparable_trace"]
    assert not outlook["single_allowed"]
    assert all(one["single"] is None and one["mean"] is None for one in outlook["spreads"].values())
    assert all("50" not in one["quantiles"] for one in outlook["spreads"].values())
    assert (
        outlook["spreads"]["irr_yearly"]["quantiles"]["5"]
        < outlook["spreads"]["irr_yearly"]["quantiles"]["95"]
    )
    text = built(desk, CENTRE_500P, words=())
    assert "No single return is given" in text
    assert "signed contracts; this centre's own record of served and refused demand" in text


def test_a_break_even_above_full_is_said_bluntly(desk):
    text = built(desk, CENTRE_500P, words=())
    assert "Break-even needs 111 % of the card time to be let" in text
    assert "Do not build it at this price." in text


def test_signed_contracts_are_evidence_and_allow_one_number(desk):
    more = (
        "contracts:\n  - {id: c1, customer: a, signed: 2024-12-01, start: 2025-01-01, months: 60, amount: 4.32 M, servers: 1}\n"
        "rehearse: {breakdowns: {repair_hours: 0}}\n"
    )
    outlook = built(desk, ONE_SERVER, more=more, futures=2)
    [evidence] = outlook["evidence"]
    assert (evidence["kind"], value(evidence["coverage"])) == ("contracts", 100)
    assert evidence["demand"]["status"] == "claimed"
    assert outlook["single_allowed"]
    assert millions(outlook["spreads"]["revenue"]["single"]) == pytest.approx(4.32)
    assert value(outlook["spreads"]["occupancy"]["single"]) == pytest.approx(100)
    assert outlook["ladder"]["reserved"]["quantiles"]["50"] == pytest.approx(100)


def test_s52_a_build_needs_all_its_steps_and_a_slip_of_three_months_has_its_price(desk):
    report = desk.economics(CENTRE_500P)
    assert millions(report["measures"]["slip"]) != 0
    assert "slip of 3 months" in report["measures"]["slip"]["unit"]
    refusals = desk.refusals(
        CENTRE_500P, ("      - {kind: network, start: 2026-05-15, end: 2026-06-10}\n", "")
    )
    assert [(one["code"], "network" in one["message"]) for one in refusals] == [("step_missing", True)]
    early = desk.refusals(
        CENTRE_500P, ("start: 2026-06-11, end: 2026-06-30}", "start: 2026-05-01, end: 2026-06-30}")
    )
    assert {one["code"] for one in early} == {"dates_contradict"}


def test_revenue_cannot_start_before_acceptance(desk):
    years = desk.economics(CENTRE_500P)["years"]
    late = desk.economics(
        CENTRE_500P, ("    accepted: 2026-09-30\n", "    accepted: 2026-09-30\n    slip: 6 months\n")
    )
    assert millions(late["years"][0]["profit"]["revenue"]) < millions(years[0]["profit"]["revenue"])
    refused = desk.refusals(
        CENTRE_500P, ("    accepted: 2026-09-30\n", "    accepted: 2026-09-30\n    in_service: 2026-09-01\n")
    )
    assert refused[0]["code"] == "dates_contradict"


def test_s53_idle_cards_lower_the_rent_and_that_lowers_the_return(desk):
    calm = "rehearse: {market: {feedback: 0 %}}\n"
    loop = "rehearse: {market: {target: 90 %, feedback: 60 %}}\n"
    without, within = (built(desk, NEW_CENTRE, CHEAP, more=more) for more in (calm, loop))
    years = [within["price_years"][year]["quantiles"]["5"] for year in ("1", "2", "3", "4", "5")]
    assert years == sorted(years, reverse=True) and years[-1] < years[0]
    assert [one["quantiles"]["5"] for one in without["price_years"].values()] == [100] * 5
    for percent in ("5", "25", "75"):
        assert (
            within["spreads"]["irr_yearly"]["quantiles"][percent]
            < without["spreads"]["irr_yearly"]["quantiles"][percent]
        )


def test_s54_entrants_push_rents_down_and_history_stands_beside(desk):
    more = "rehearse: {market: {demand_growth: 40 %, supply_growth: 120 %, elasticity: 0.4}}\n"
    outlook = built(desk, NEW_CENTRE, CHEAP, more=more)
    second = outlook["price_years"]["2"]["quantiles"]["95"]
    assert second == pytest.approx(100 * (1.4 / 2.2) ** 2.5)
    text = built(desk, NEW_CENTRE, CHEAP, more=more, words=())
    assert "Rents as they moved before" in text and "8xH100 node rent peak to end-2024  200" in text


def test_equal_seeds_give_equal_futures_however_many_work(desk):
    file = desk.file(changed(CENTRE_500P))
    one, two = (
        desk.run("plan", "build", file, "--futures", "6", "--workers", workers, "--json")[1]
        for workers in ("1", "2")
    )
    assert one == two
    other = desk.run("plan", "build", file, "--futures", "6", "--workers", "1", "--seed", "2", "--json")[1]
    assert other != one


def test_lengths_that_nobody_measured_are_not_called_measured(desk):
    rows = {
        "ran,0,36000,1,8,,,t,served,,,,": "measured",
        "runs,100,3600,1,8,,,t,served,,,,so_far": "so_far",
        "limited,200,7200,1,8,,,t,refused,,7200,,": "limit",
        "guessed,300,1800,1,8,,,t,refused,,,,median": "median",
    }
    (desk.folder / "own.csv").write_text(TRACE.strip() + ",length_from\n" + "\n".join(rows) + "\n")
    more = "rehearse:\n  demand: {spread: 0 %, traces: [{file: own.csv, own: true}]}\n"
    year = ("months: 5 years\ntranches", "months: 1 month\ntranches")
    [evidence] = built(desk, ONE_SERVER, year, more=more, futures=1)["evidence"]
    assert evidence["demand"]["status"] == "claimed", "a time limit is its owner's word"
    found = {name: (value(one), one["status"]) for name, one in evidence["lengths"].items()}
    assert found == {
        "measured": (80, "measured"),
        "so_far": (8, "derived"),
        "limit": (16, "claimed"),
        "median": (4, "derived"),
    }
    text = built(desk, ONE_SERVER, year, more=more, futures=1, words=())
    assert "74% ran so long (measured)" in text and "15% never ran: their own time limit (claimed)" in text
    (desk.folder / "own.csv").write_text(TRACE.strip() + ",length_from\n" + "x,0,1,1,8,,,t,,,,,felt\n")
    status, out, _ = desk.run("plan", "build", str(desk.folder / "plan.yaml"), "--workers", "1", "--json")
    assert (status, json.loads(out)["refusals"][0]["code"]) == (1, "trace_value")


TRACE = "job,submit_s,run_s,nodes,devices_per_node,device_milli,models,tenant,label,priority,time_limit_s,checkpoint_s\n"


def test_demand_of_a_trace_is_played_by_the_placement_core(desk):
    jobs = "".join(
        f"j{day}-{n},{86400 * day + 3600 * n},{6 * 3600},1,4,,{'h800' if n % 4 else 'a100'},t,,,,\n"
        for day in range(21)
        for n in range(8)
    )
    (desk.folder / "jobs.csv").write_text(TRACE + jobs)
    more = (
        "rehearse:\n  breakdowns: {repair_hours: 0}\n"
        "  demand: {spread: 0 %, traces: [{file: jobs.csv, own: true, share: 50 %}]}\n"
    )
    year = ("months: 5 years\ntranches", "months: 3 months\ntranches")
    outlook = built(
        desk, ONE_SERVER, year, ("name: type 1\n", "name: type 1\n    model: h800\n"), more=more, futures=3
    )
    [evidence] = outlook["evidence"]
    assert (evidence["kind"], evidence["demand"]["status"]) == ("own_history", "derived"), (
        "half of it is our word"
    )
    assert evidence["lengths"]["measured"]["status"] == "measured"
    assert value(evidence["lengths"]["measured"]) == pytest.approx(8 * 4 * 6)
    assert value(evidence["demand"]) == pytest.approx(8 * 4 * 6 / 2)
    assert outlook["missing"] == ["contracts", "comparable_trace"]
    ladder = {line: one["quantiles"]["50"] for line, one in outlook["ladder"].items()}
    assert sum(one["mean"] for one in outlook["ladder"].values()) == pytest.approx(100)
    assert ladder["productive"] == pytest.approx(100 * 72 / 192, rel=0.15)
    assert outlook["refused"]["no_fit_model"]["quantiles"]["50"] > 0
    assert outlook["spreads"]["irr_yearly"]["futures"] == 0
    file = desk.file(changed(ONE_SERVER, ("name: type 1\n", "name: type 1\n    model: h800\n")) + more)
    status, out, err = desk.run("plan", "remedies", file, "--futures", "2", "--workers", "1", "--json")
    assert status == 0, err
    found = {one["name"]: one for one in json.loads(out)["played"]}
    assert found["porting"]["net_gain_micros"] > 0 and found["porting"]["refused_card_hours"] == 0
    assert all(sum(one["ladder"].values()) == pytest.approx(100) for one in found.values())
    assert all({"unit", "population", "status"} <= one.keys() for one in found.values())
    idle = json.loads(out)["not_played"]
    assert idle.keys() == {"sharing", "defragmentation", "lending_at_night"}
    assert "no contract holds servers" in idle["lending_at_night"]
    terms = found["spot_with_notice"]["terms"]
    assert (terms["spot"]["source"], terms["spot"]["status"]) == ("assumed", "claimed")
    assert "Google Cloud" in terms["spot_price"]["source"]
    assert (
        found["spot_with_notice"]["net_gain_micros"] > 0
        and "give way" in found["spot_with_notice"]["assumed"]
    )
    assert found["spot_with_notice"]["ladder"]["productive"] > found["as_planned"]["ladder"]["productive"]
    assert found["valley_pricing"]["net_gain_micros"] < 0, (
        "a lower price alone brings nothing where cards stand free"
    )
    leased = "contracts:\n  - {id: c1, customer: a, signed: 2024-12-01, start: 2025-01-01, months: 60, amount: 4.32 M, servers: 1}\n"
    terms = (
        "  breakdowns: {repair_hours: 0}\n",
        "  breakdowns: {repair_hours: 0}\n  remedies: {lent: 100 %}\n",
    )
    held = desk.file(changed(Path(file), terms) + leased)
    status, out, err = desk.run("plan", "remedies", held, "--futures", "2", "--workers", "1", "--json")
    assert status == 0, err
    lent = {one["name"]: one for one in json.loads(out)["played"]}
    assert lent["lending_at_night"]["terms"]["lent"]["source"] == "the plan"
    assert lent["as_planned"]["ladder"]["reserved"] == pytest.approx(100)
    assert 60 < lent["lending_at_night"]["ladder"]["reserved"] < 100, "a third of the day at most is lent"
    assert lent["lending_at_night"]["net_gain_micros"] > 0


def test_plans_are_set_side_by_side(desk):
    dear, cheap = (
        desk.file(changed(NEW_CENTRE)),
        desk.file(changed(NEW_CENTRE, CHEAP, ("at 69k", "at half price")), "b.yaml"),
    )
    status, out, err = desk.run("plan", "compare", dear, cheap, "--futures", "12", "--workers", "1")
    assert status == 0, err
    assert "102 servers at 69k" in out and "102 servers at half price" in out
    assert "Do not build it at this price." in out
    page = desk.run("plan", "compare", dear, cheap, "--futures", "12", "--workers", "1", "--format", "html")[
        1
    ]
    assert page.startswith("<!doctype html>") and "<script" not in page


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_needs_nothing_else(desk, monkeypatch, language):
    monkeypatch.setenv("PENSTOCK_LANG", language)
    page = built(desk, CENTRE_500P, words=("--format", "html"))
    assert "<svg" in page and "<script" not in page and "http" not in page.replace("http-equiv", "")
    assert ("不给出单一收益率" if language == "zh" else "No single return") in page


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ("rehearse: {demand: {traces: [{file: nowhere.csv}]}}\n", "file_unreadable"),
        ("rehearse: {policy: best}\n", "policy_unknown"),
        ("rehearse: {slip: {low: 3 months, likely: 1 month, high: 2 months}}\n", "range_reversed"),
        ("rehearse: {terminated: 120 %}\n", "number_out_of_range"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(desk, more, code):
    status, out, _ = desk.run(
        "plan", "build", desk.file(changed(NEW_CENTRE) + more), "--workers", "1", "--json"
    )
    assert status == 1
    assert json.loads(out)["refusals"][0]["code"] == code


def test_the_guide_runs_as_written_in_both_languages(tmp_path):
    english, chinese = (
        re.findall(r"```sh\n(.*?)```", (GUIDE.parent / name).read_text("utf-8"), re.DOTALL)
        for name in ("planner.md", "planner.zh-CN.md")
    )
    assert english == chinese
    shutil.copytree(GUIDE, tmp_path / "plans")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PENSTOCK_LANG": "en"}
    script = "set -eu\n" + "\n".join(english)
    done = subprocess.run(
        ["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "No single return is given" in done.stdout and "A cheaper centre of 500 PFLOPS" in done.stdout


def test_remedies_without_a_trace_are_refused(desk):
    status, out, _ = desk.run("plan", "remedies", desk.file(changed(NEW_CENTRE)), "--json")
    assert (status, json.loads(out)["refusals"][0]["code"]) == (1, "demand_missing")
