"""What is published about centres is held against itself: intensity, implied cards, precision, sparse figures."""

import pytest
from planfiles import Desk, value


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


WUHAN = "centres: [{name: wuhan, investment: 460 M, compute: 100 PFLOPS fp16, build: 6 months%s}]"


def test_s01_investment_intensity_and_build_time(desk):
    figures = desk.claims(WUHAN % "")["figures"]
    assert value(figures["wuhan.investment_intensity"]) == 4_600_000 * 10**6
    assert "fp16" in figures["wuhan.investment_intensity"]["unit"]
    assert value(figures["wuhan.build_time"]) == 6


def test_s02_racks_that_nobody_states_are_unknown_and_never_zero(desk):
    figures = desk.claims(
        "centres:\n"
        "  - {name: sensetime, investment: 5.6 bn, compute: 3740 PFLOPS, racks: 5000}\n"
        "  - {name: zhangbei, investment: 18 bn, compute: 12000 PFLOPS}\n"
    )["figures"]
    assert value(figures["sensetime.investment_intensity"]) / 1e12 == pytest.approx(1.497, abs=0.0005)
    assert value(figures["zhangbei.investment_intensity"]) / 1e12 == pytest.approx(1.5)
    assert value(figures["sensetime.per_rack"]) == pytest.approx(0.748)
    assert figures["zhangbei.per_rack"]["value"] is None


def test_s03_thousands_of_chips_contradict_100_pflops(desk):
    found = desk.claims(WUHAN % ", model: ascend910a, cards: 2000")
    assert value(found["figures"]["wuhan.implied_cards"]) == 391
    assert value(found["figures"]["wuhan.per_card"]) == 50
    [warning] = found["warnings"]
    assert warning["code"] == "cards_contradict"
    assert "391" in warning["message"] and "which precision" in warning["message"]


def test_s04_the_rate_of_a_computer_is_derived(desk):
    figure = desk.claims(WUHAN % ", computers: 50000")["figures"]["wuhan.per_computer"]
    assert (value(figure), figure["status"]) == (2, "derived")


def test_s05_a_speed_up_without_a_benchmark_stays_claimed(desk):
    figure = desk.claims(f"speeds: [{{name: stars, before_s: {169 * 86400}, after_s: 100, under: true}}]")[
        "figures"
    ]
    assert value(figure["stars.speed_up"]) == 146_016
    assert figure["stars.speed_up"]["status"] == "claimed"
    assert figure["stars.speed_up"]["unit"] == "times or more"


def test_s06_a_gap_over_two_precisions_is_refused_naming_both_unless_a_rule_is_given(desk):
    gap = "gaps: [{name: china, demand: 725.3 EFLOPS fp16, supply: 280 EFLOPS fp32%s}]"
    [refusal] = desk.claims(gap % "", status=1)["refusals"]
    assert refusal["code"] == "precision_mixed"
    assert "fp32" in refusal["message"] and "fp16" in refusal["message"]
    figures = desk.claims(gap % ", factor: 2, rule: two fp16 for one fp32")["figures"]
    assert value(figures["china.gap"]) == pytest.approx(165_300)
    assert "two fp16 for one fp32" in figures["china.gap"]["population"]


def test_s07_s56_a_sparse_figure_is_flagged_and_halved(desk):
    found = desk.claims(
        "centres: [{name: l, investment: 693 M, compute: 5225 PFLOPS fp16, model: h800, cards: 2640}]"
    )
    assert value(found["figures"]["l.per_card"]) == pytest.approx(1979, abs=0.5)
    assert value(found["figures"]["l.dense_compute"]) == pytest.approx(2612, abs=1)
    assert [warning["code"] for warning in found["warnings"]] == ["sparse_figure"]
    assert "half as much" in found["warnings"][0]["message"]
    h100 = desk.claims("centres: [{name: h, compute: 1.979 PFLOPS fp16, model: h100, cards: 1}]")
    assert "dense it is 989" in h100["warnings"][0]["message"]


@pytest.mark.parametrize(
    ("cards", "pflops", "per_card"), [(4096, 984, 240.2), (16384, 1945, 118.7), (1328, 450, 338.9)]
)
def test_s09_the_rate_per_card_is_derived_from_a_contract(desk, cards, pflops, per_card):
    found = desk.claims(
        f"centres: [{{name: c, compute: {pflops} PFLOPS fp16, cards: {cards}, model: ascend910b3}}]"
    )
    assert value(found["figures"]["c.per_card"]) == pytest.approx(per_card, abs=0.05)
    assert bool(found["warnings"]) == (abs(per_card - 313) > 0.15 * 313)


def test_s10_built_building_and_planned_are_counted_apart(desk):
    found = desk.claims(
        "centres:\n  - {name: a, count: 185}\n  - {name: b, count: 60, stage: building}\n  - {name: c, count: 9, stage: planned}\n"
    )["figures"]
    assert {name: figure["value"] for name, figure in found.items()} == {
        "centres.built": 185,
        "centres.building": 60,
        "centres.planned": 9,
    }


def test_s39_gap_and_coverage_with_effective_supply_beside_nameplate(desk):
    figures = desk.claims(
        "gaps: [{name: ccid, demand: 123.6 EFLOPS, supply: 57.9 EFLOPS}]\nsites: [{name: west, compute: 10 EFLOPS, idle: 80 %}]"
    )["figures"]
    assert value(figures["ccid.gap"]) == pytest.approx(65_700)
    assert value(figures["ccid.coverage"]) == pytest.approx(46.8, abs=0.05)
    assert "unstated precision" in figures["ccid.gap"]["unit"]
    assert (value(figures["west.nameplate"]), value(figures["west.effective"])) == (
        10_000,
        pytest.approx(2_000),
    )


def test_parameters_carry_source_and_status_as_collected(desk):
    status, out, _ = desk.run("plan", "parameters", "--json")
    assert status == 0
    import json

    found = {row["parameter"]: row for row in json.loads(out)}
    assert len(found) == 44
    assert found["interest rate"]["base"] == 6.0
    assert found["power price east"]["status"] == "unverified"
    assert all(row["source"] and row["status"] for row in found.values())
