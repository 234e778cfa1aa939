"""The ladder, its alarms and the lost demand over the wire: scenarios S11 to S15, S34 and S35 on a live centre."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.tags import untagged

from penstock.base.quantity import ComputeRate
from penstock.cli.main import main
from penstock.cli.plan_economics import read_plan
from penstock.insight.economics.plan import Demand, Rehearse, TraceOfDemand
from penstock.sim.planning.build import evidence_of
from penstock.sim.planning.demand import pool
from penstock.store import fleet
from served import YUAN, Served, job, open_tenant, served

CARDS = 1000
OWN = TraceOfDemand(file="own.csv", own=True)
GUIDE = Path(__file__).parents[2] / "docs/guide/plans"
HOUR_US = 3_600_000_000


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A thousand cards for ten hours: 140 leased, 70 of them in use, 16 broken, 64-card gangs turned away."""
    with served(tmp_path_factory.mktemp("centre")) as centre:
        centre.centre.install("h100", nodes=(CARDS - 8) // 8, devices_per_node=8)
        for model, yuan in (("h100", 4), ("a100", 4.4)):
            body = {"id": f"{model}-list", "model": model, "price_micros_per_card_hour": round(yuan * YUAN)}
            centre.done("POST", "/offers", json=body)
        for name in ("acme", "zhi"):
            open_tenant(centre, name, 1_000_000)
        _lease(centre, "acme", "h100", 120, 100)
        _lease(centre, "zhi", "h100", 20, 10)
        for number in range(70 // 8):
            spec = job(
                resources={"models": ["h100"], "devices_per_node": 8}, env={"SIMULATED_SECONDS": "72000"}
            )
            centre.done(
                "POST",
                "/jobs",
                json={"id": f"train-{number}", "tenant": "acme", "lease": "acme.acme-h100", "spec": spec},
            )
        for number in range(4):  # half of the a100 node is taken: a gang of 8 fits it no more
            spec = job(
                resources={"models": ["a100"], "devices_per_node": 1}, env={"SIMULATED_SECONDS": "72000"}
            )
            centre.done("POST", "/jobs", json={"id": f"small-{number}", "tenant": "zhi", "spec": spec})
        centre.turn()
        gang = job(resources={"models": ["a100"], "devices_per_node": 8}, time_limit_s=36_000)
        centre.done("POST", "/jobs", json={"id": "gang", "tenant": "zhi", "spec": gang})
        centre.turn()
        for index in range(8):
            centre.done(
                "POST", f"/fleet/devices/h100-0100.{index}/state", json={"state": "down", "reason": "ecc"}
            )
        centre.turn(minutes=600)
        yield centre


def _lease(one: Served, tenant: str, model: str, devices: int, hours: float) -> None:
    name = f"{tenant}-{model}"
    asked = {"id": name, "tenant": tenant, "model": model, "devices": devices, "hours": hours}
    one.done("POST", "/quotes", json=asked)
    one.done("POST", "/leases", json={"id": name, "quote": f"{tenant}.{name}"})


def ladder(one: Served, **query: str) -> dict[str, Any]:
    return one.done("GET", "/ladder", params=query)


def hours(ladder: dict[str, Any], rung: str) -> float:
    return ladder[f"{rung}_card_us"] / HOUR_US


def line(ladder: dict[str, Any], name: str) -> dict[str, Any]:
    return next(line for line in ladder["lines"] if line["line"] == name)


def alarms(one: Served, token: str = "", **query: Any) -> dict[tuple[str, str], dict[str, Any]]:
    found = one.done("GET", "/alarms", token, params=query)["items"]
    return {(alarm["code"], alarm["about"]): alarm for alarm in found}


def test_s11_the_rungs_are_told_apart_and_there_is_no_one_utilisation(one: Served) -> None:
    whole = ladder(one)[""]
    assert whole["devices"] == CARDS
    assert hours(whole, "capacity") == pytest.approx(10_000)
    assert hours(whole, "available") == pytest.approx(9_920, abs=1)
    assert hours(whole, "sold") == pytest.approx(1_440, abs=1)
    assert hours(whole, "occupied") == pytest.approx(680, abs=1)
    assert hours(whole, "active") == pytest.approx(680, abs=2)
    assert "utilisation" not in str(whole)


def test_s12_an_allocation_of_13_percent_is_an_idle_alarm_beside_a_benchmark_of_other_centres(
    one: Served,
) -> None:
    found = alarms(one)["pool_idle", "h100"]
    figures = found["figures"]
    assert figures["sold_of_available"]["value"] == pytest.approx(0.142, abs=0.001)
    assert figures["sold_of_available"]["population"] == "992 commissioned devices of h100"
    assert (figures["benchmark_low"]["value"], figures["benchmark_high"]["value"]) == (0.10, 0.15)
    assert figures["benchmark_high"]["status"] == "claimed"
    assert "general-purpose" in figures["benchmark_high"]["population"]
    assert "not of AI centres" in found["message"]
    assert ("pool_idle", "h100") not in alarms(one, sold_floor=0.1)


def test_s13_idle_time_has_one_cause_each_and_the_causes_make_up_all_of_it(one: Served) -> None:
    whole = ladder(one)[""]
    assert sum(line["card_us"] for line in whole["lines"]) == whole["capacity_card_us"]
    idle = whole["capacity_card_us"] - whole["occupied_card_us"]
    causes = ("down", "no_demand", "no_fit_fragmentation", "reserved_unused")
    assert sum(line(whole, cause)["card_us"] for cause in causes) == idle
    assert all(line(whole, cause)["card_us"] for cause in causes)


@pytest.mark.parametrize("by", ["model", "node", "tenant", "tranche", "site"])
def test_groups_make_up_the_whole(one: Served, by: str) -> None:
    whole, parts = ladder(one)[""], ladder(one, by=by)
    for kind in ("card_us", "list_value_micros", "carried_cost_micros"):
        assert sum(line[kind] for part in parts.values() for line in part["lines"]) == sum(
            line[kind] for line in whole["lines"]
        )


@pytest.mark.parametrize(
    "name", ["down", "no_fit_fragmentation", "reserved_unused", "productive", "starting"]
)
def test_a_line_opens_to_intervals_that_sum_to_it(one: Served, name: str) -> None:
    whole = line(ladder(one)[""], name)
    found = one.done("GET", "/card-hours", params={"line": name})["items"]
    for kind in ("card_us", "list_value_micros", "carried_cost_micros"):
        assert sum(interval[kind] for interval in found) == whole[kind], kind
    assert {interval["line"] for interval in found} <= {name}


def test_what_is_behind_a_line_is_said(one: Served) -> None:
    broken = one.done("GET", "/card-hours", params={"line": "down"})["items"]
    assert {interval["why"] for interval in broken} == {"down: ecc"}
    kept_out = one.done("GET", "/card-hours", params={"line": "no_fit_fragmentation"})["items"]
    assert {(i["job"], i["tenant"], i["why"]) for i in kept_out} == {("zhi.gang", "zhi", "wants 8 × a100")}
    mine = one.done("GET", "/card-hours", params={"line": "reserved_unused", "by": "tenant", "of": "zhi"})[
        "items"
    ]
    assert {i["lease"] for i in mine} == {"zhi.zhi-h100"}


def test_s14_the_gang_that_free_cards_did_not_fit_is_lost_revenue_by_its_size(one: Served) -> None:
    found = one.done("GET", "/lost")
    row = next(row for row in found["rows"] if row["remedy"] == "defragment")
    assert (row["what"], row["reason"], row["asks"], row["refused"]) == (
        "1 × 8",
        "no_fit_fragmentation",
        1,
        1,
    )
    assert row["lost_card_us"] == 80 * HOUR_US
    assert row["lost_value_micros"] == 80 * round(4.4 * YUAN)
    assert row["idle_card_us"] == line(ladder(one)[""], "no_fit_fragmentation")["card_us"]
    assert found["lost_value_micros"] == sum(row["lost_value_micros"] for row in found["rows"])


def test_s15_cards_held_and_not_used_are_shown_to_the_tenant_and_to_the_operator(one: Served) -> None:
    token, before = one.token("zhi", "viewer", "vera"), one.writes()
    found = alarms(one)["idle_holdings", "zhi"]
    assert found["figures"]["reserved_unused"]["value"] == pytest.approx(200, abs=1)
    own = alarms(one, token)
    assert list(own) == [("idle_holdings", "zhi")]
    assert own["idle_holdings", "zhi"] == found
    assert one.writes() == before, "what is billed stays as the plan says"


def test_s34_a_rent_under_its_depreciation_is_an_alarm(one: Served) -> None:
    found = alarms(one)
    rent = found["rent_below_carrying", "h100"]["figures"]
    assert rent["depreciation"]["value"] == pytest.approx(4.335 * YUAN, rel=1e-3), "190,000 over five years"
    assert rent["list_price"]["value"] == 4 * YUAN
    assert rent["break_even_share_sold"]["value"] == pytest.approx(1.0839, abs=1e-3)
    assert ("rent_below_carrying", "a100") not in found


def test_s35_a_backlog_of_few_customers_is_an_alarm_with_its_shares(one: Served) -> None:
    found = alarms(one)["backlog_concentrated", "acme"]["figures"]
    assert found["backlog"]["value"] == pytest.approx(120 * 90 * 4 * YUAN, rel=1e-3)
    assert found["share_of_the_largest"]["value"] == pytest.approx(1.0, abs=0.01)


def test_what_was_asked_of_the_centre_is_a_trace_that_a_plan_rests_on(
    one: Served, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = {row["job"]: row for row in one.done("GET", "/recorded-jobs")["items"]}
    assert (found["zhi.gang"]["label"], found["zhi.gang"]["run_s"]) == ("refused", 36_000)
    assert found["zhi.gang"]["length_from"] == "limit"
    assert (found["zhi.small-0"]["label"], found["zhi.small-0"]["length_from"]) == ("served", "so_far")
    assert found["zhi.small-0"]["run_s"] == pytest.approx(36_000, abs=120)
    monkeypatch.setenv("PENSTOCK_URL", one.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", one.admin)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    main(["plan", "history", "--from", "2026-01-05T00:00:00Z"])
    (tmp_path / "own.csv").write_text(capsys.readouterr().out)
    plan = msgspec.structs.replace(
        read_plan(GUIDE / "centre-500p.yaml"), rehearse=Rehearse(demand=Demand(traces=(OWN,)))
    )
    rests_on = pool(plan, OWN, tmp_path)
    cards = sum(row["nodes"] * row["devices_per_node"] * row["run_s"] for row in found.values())
    assert sum(rests_on.hours_by_length.values()) == pytest.approx(cards / 3600)
    [evidence] = evidence_of(plan, (rests_on,))
    assert (evidence.kind, evidence.demand.status) == ("own_history", "claimed"), "a time limit is among it"
    assert {name: one.status for name, one in evidence.lengths.items()} == {
        "limit": "claimed",
        "so_far": "derived",
    }
    assert one.ask("GET", "/recorded-jobs", one.token("zhi", "viewer", "vic")).status_code == 403


def test_s11_mfu_stands_beside_the_rungs_where_jobs_state_their_flops(tmp_path: Path) -> None:
    with served(tmp_path) as centre:
        centre.centre.install("a100", nodes=1, devices_per_node=8)
        with centre.centre.app.database.write() as tx:
            for device in fleet.devices(tx):
                rated = msgspec.structs.replace(device, nominal=(ComputeRate("bf16", 312.0, "claimed"),))
                fleet.save_device(tx, rated, centre.centre.clock.now(), "rated")
        centre.done(
            "POST", "/offers", json={"id": "l", "model": "a100", "price_micros_per_card_hour": 4 * YUAN}
        )
        open_tenant(centre, "acme", 1_000_000)
        assert ladder(centre)[""]["mfu"] is None, "nobody states any FLOPs"
        half = {"total": 0.5 * 4 * 312e12 * 3600, "precision": "bf16"}
        for name, more in (("stated", {"flops": half}), ("silent", {})):
            spec = job(
                resources={"models": ["a100"], "devices_per_node": 4},
                env={"SIMULATED_SECONDS": "3600"},
                **more,
            )
            centre.done("POST", "/jobs", json={"id": name, "tenant": "acme", "spec": spec})
        centre.turn()
        centre.turn(minutes=90)
        found = ladder(centre)[""]["mfu"]
        assert found["value"] == pytest.approx(50, rel=0.05)
        assert found["status"] == "claimed" and found["unit"].startswith("percent of the dense peak")
        assert found["population"].startswith("1 jobs that state their FLOPs")
        assert ladder(centre, by="tenant")["acme"]["mfu"]["value"] == found["value"]
        assert ladder(centre, by="tenant")[""]["mfu"] is None


@pytest.mark.parametrize("path", ["/ladder", "/ladder?by=model", "/alarms", "/lost", "/economics"])
def test_every_number_says_its_unit_population_and_status(one: Served, path: str) -> None:
    assert untagged(one.done("GET", path)) == set()


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/card-hours", {"line": "idle"}, "line_unknown"),
        ("/card-hours", {"by": "model"}, "group_incomplete"),
        ("/card-hours", {"by": "colour", "of": "red"}, "axis_unknown"),
        ("/ladder", {"by": "colour"}, "axis_unknown"),
        ("/alarms", {"sold_floor": "1.5"}, "share_absurd"),
        ("/alarms", {"idle_share": "nan"}, "share_absurd"),
        ("/alarms", {"idle_card_hours": "nan"}, "hours_absurd"),
        ("/alarms", {"backlog_customers": "0"}, "number_out_of_range"),
    ],
)
def test_what_cannot_be_asked_is_refused(one: Served, path: str, query: dict[str, str], code: str) -> None:
    answer = one.ask("GET", path, params=query)
    assert (answer.status_code, answer.json()["refusals"][0]["code"]) == (422, code)


def test_a_tenant_learns_nothing_of_the_centre(one: Served) -> None:
    token = one.token("acme", "owner", "ann")
    for path in ("/lost", "/card-hours", "/ladder"):
        assert one.ask("GET", path, token).status_code == 403


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["ladder", "--line", "no_fit_fragmentation", "--last", "7d"], "wants 8 × a100"),
        (["ladder", "--by", "model", "--of", "h100"], "992"),
        (["lost"], "defragment"),
        (["alarms"], "rent_below_carrying h100"),
    ],
)
def test_the_command_line_shows_the_same(
    one: Served,
    command: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("PENSTOCK_URL", one.url)
    monkeypatch.setenv("PENSTOCK_TOKEN", one.admin)
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    if "--last" in command:  # the clock of this host is not the simulated one
        command = [*command[:-2], "--from", "2026-01-05T00:00:00Z"]
    main(command)
    assert said in capsys.readouterr().out
