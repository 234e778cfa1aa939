"""A plan that contradicts itself is refused with code, place and remedy."""

import msgspec
import pytest
from planfiles import LEASER, NEW_CENTRE, Desk, value

from penstock.base.figure import Figure, total
from penstock.base.refusal import Refusal


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


def put(more: str) -> tuple[str, str]:
    return ("    accepted: 2024-01-01\n", f"    accepted: 2024-01-01\n    {more}\n")


@pytest.mark.parametrize(
    ("change", "code", "line"),
    [
        (put("ordered: 2024-05-01"), "dates_contradict", 9),
        (put("in_service: 2023-12-01"), "dates_contradict", 10),
        (put("life: -5 years"), "number_out_of_range", 10),
        (put("life: 5 parsecs"), "unit_unknown", 10),
        (put("life: five years"), "quantity_malformed", 10),
        (put("residual: 105 %"), "number_out_of_range", 10),
        (put("lifetime: 5 years"), "field_unknown", 10),
        (put("method: units_of_production"), "field_missing", 5),
        (put("build: [{kind: power, start: 2023-01-01, end: 2023-06-01}]"), "step_missing", 10),
        (("model: h800", "model: h808"), "model_unknown", 6),
        (("servers: 102", "servers: 0"), "number_out_of_range", 7),
        (("servers: 102", "servers: many"), "field_malformed", 7),
        (("2.83 M", "2.83 parsecs"), "unit_unknown", 8),
        (("2.83 M", "-1 M"), "amount_negative", 8),
        (("2.83 M", "1e30"), "amount_too_large", 8),
        (("occupancy: 100 %", "occupancy: 101 %"), "number_out_of_range", 12),
        (("{per_server_month: 69k}", "{per_server_month: 69k, per_card_hour: 3}"), "rent_unclear", 11),
        (("rate: 6 %", "rate: -6 %"), "number_out_of_range", 17),
        (("principal: 230.928 M", "principal: 0"), "amount_not_positive", 17),
        (("amount: 14.8 M", "amount: 14.8 M, share: 3 %"), "cost_unclear", 15),
        (("months: 5 years", "months: 0 months"), "number_out_of_range", 3),
        (("start: 2024-01-01", "start: 2024-02-30"), "field_malformed", 2),
        (put("used: -1 year"), "number_out_of_range", 10),
        (put("paid: [{on: 2024-01-01, amount: -3 M}]"), "amount_negative", 10),
        (put("claimed: 700 PFLOPS fp17"), "precision_unknown", 10),
        (put("claimed: 700 petaflops fp16"), "unit_unknown", 10),
        (put("watts_per_server: -1 kW"), "amount_negative", 10),
        (("amount: 14.8 M", "amount: -14.8 M"), "amount_negative", 15),
    ],
)
def test_each_mistake_has_its_code_and_place(desk, change, code, line):
    refusal = next(one for one in desk.refusals(NEW_CENTRE, change) if one["code"] == code)
    assert refusal["where"].split(":")[1] == str(line)
    assert refusal["remedy"]


CONTRACT = (
    "contracts: [{id: c, customer: a, signed: 2024-02-01, start: 2024-03-01, months: 12, amount: 1 M%s}]\n"
)


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (
            "exit: {on: 2023-05-01, resale: 40 %}\n",
            "dates_contradict",
            "2023-05-01 is before start 2024-01-01",
        ),
        (
            "impairments: [{on: 2023-12-01, tranche: h800, amount: 1 M}]\n",
            "dates_contradict",
            "2023-12-01 is before in_service",
        ),
        (CONTRACT % ", terminated: 2024-01-01", "dates_contradict", "2024-01-01 is before signed 2024-02-01"),
        (
            CONTRACT % ", terminated: 2026-01-01",
            "dates_contradict",
            "2025-03-01 is before terminated 2026-01-01",
        ),
        (CONTRACT % ", delivered_amount: 2 M", "amount_absurd", "more than the contract"),
        ("subsidies: [{name: s, on: 2024-05-01, amount: -1 M}]\n", "amount_negative", "negative"),
        (
            "takings: [{name: t, since: 2024-05-01, until: 2024-05-01, amount: 1}]\n",
            "dates_contradict",
            "no day",
        ),
        ("vouchers: {share: 130 %, paid_after: 3 months}\n", "number_out_of_range", "130 %"),
        ("power: {pue: 1.2}\n", "price_unclear", "one price"),
    ],
)
def test_what_contradicts_itself_is_refused_with_both_sides(desk, more, code, said):
    found = [one for one in desk.refusals(NEW_CENTRE, more=more) if one["code"] == code]
    assert len(found) == 1 and said in found[0]["message"], found
    assert found[0]["where"].startswith("plan.yaml:") and found[0]["remedy"]


def test_shares_of_revenue_that_take_more_than_there_is_are_refused(desk):
    costs = "{name: team, kind: staff, share: 60 %}", "{name: sales, kind: selling, share: 41 %}"
    refusals = desk.refusals(NEW_CENTRE, ("costs:\n", f"costs:\n  - {costs[0]}\n  - {costs[1]}\n"))
    [refusal] = [one for one in refusals if one["code"] == "shares_exceed"]
    assert "101 % of revenue" in refusal["message"]


SECOND = (
    "costs:",
    "  - {name: more, model: h800, servers: 2, price_per_server: 2.83 M, accepted: 2024-01-01, claimed: 4 PFLOPS %s}\n"
    "costs:",
)


def test_claims_of_two_precisions_make_no_sum(desk):
    first = put("claimed: 807 PFLOPS fp16")
    [refusal] = desk.refusals(NEW_CENTRE, first, (SECOND[0], SECOND[1] % "fp32"))
    assert refusal["code"] == "precision_mixed"
    assert "fp16" in refusal["message"] and "fp32" in refusal["message"]
    measures = desk.economics(NEW_CENTRE, first, (SECOND[0], SECOND[1] % "fp16"))["measures"]
    assert value(measures["compute_claimed"]) == 811
    assert measures["compute_claimed"]["unit"] == "PFLOPS fp16"
    assert measures["compute_claimed"]["status"] == "claimed"
    assert value(measures["compute_dense"]) == pytest.approx(104 * 8 * 0.989, rel=0.001)
    assert measures["compute_dense"]["unit"] == "PFLOPS fp16 dense"


def test_a_sparse_figure_given_as_dense_is_flagged_against_the_catalogue(desk):
    report = desk.economics(NEW_CENTRE, put("claimed: 1615 PFLOPS fp16"))
    found = {one["code"]: one["numbers"] for one in report["findings"]}
    assert found["sparse_figure"]["halved"] == pytest.approx(807.5)
    _, out, _ = desk.run("plan", "economics", str(desk.folder / "plan.yaml"))
    assert "sparse" in out


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("speeds: [{name: a, before_s: 100, after_s: 0}]", "number_out_of_range"),
        ("centres: [{name: a, cards: -4}]", "number_out_of_range"),
        ("centres: [{name: a, racks: 0}]", "number_out_of_range"),
        ("centres: [{name: a, build: -6 months}]", "number_out_of_range"),
        ("centres: [{name: a, investment: -1 M}]", "amount_not_positive"),
        ("centres: [{name: a, compute: 0 PFLOPS fp16}]", "amount_not_positive"),
        ("centres: [{name: a, compute: 100 petabytes}]", "unit_unknown"),
        ("centres: [{name: a, compute: 100 PFLOPS fp15}]", "precision_unknown"),
        ("gaps: [{name: a, demand: 0 PFLOPS, supply: 1 PFLOPS}]", "amount_not_positive"),
        ("sites: [{name: a, compute: 1 PFLOPS, idle: 130 %}]", "number_out_of_range"),
    ],
)
def test_claims_that_cannot_be_are_refused(desk, text, code):
    [refusal] = desk.claims(text, status=1)["refusals"]
    assert refusal["code"] == code
    assert refusal["where"].split(":")[:2] == ["claims.yaml", "1"]


@pytest.mark.parametrize("pue", ["0.8", "4.2"])
def test_an_impossible_pue_is_refused(desk, pue):
    [refusal] = desk.refusals(NEW_CENTRE, more=f"power: {{pue: {pue}, per_kwh: 0.36}}\n")
    assert refusal["code"] == "pue_impossible"


def test_a_tariff_covers_the_day_once(desk):
    tariff = "[{from_hour: 0, to_hour: 8, per_kwh: 0.3}, {from_hour: 7, to_hour: 23, per_kwh: 0.7}]"
    [refusal] = desk.refusals(NEW_CENTRE, more=f"power: {{pue: 1.2, tariff: {tariff}}}\n")
    assert refusal["code"] == "tariff_not_whole"
    assert "hours 7, 23" in refusal["message"]


def test_one_mistake_does_not_hide_the_next(desk):
    codes = [
        one["code"] for one in desk.refusals(NEW_CENTRE, put("life: -5 years"), ("rate: 6 %", "rate: 600 %"))
    ]
    assert codes == ["number_out_of_range", "number_out_of_range"]


@pytest.mark.parametrize("text", ["", "- 1", "name: [", "name: a\nname: b", "tranches: {}"])
def test_what_is_no_plan_is_refused(desk, text):
    status, out, err = desk.run("plan", "economics", desk.file(text))
    assert (status, out) == (1, "")
    assert "remedy" in err


def test_a_file_that_is_not_there_is_refused(desk):
    status, _, err = desk.run("plan", "economics", "nowhere.yaml")
    assert status == 1 and "file_unreadable" in err


def test_events_name_tranches_of_the_plan(desk):
    more = "impairments:\n  - {on: 2024-05-01, tranche: nobody, amount: 1 M}\n"
    [refusal] = desk.refusals(LEASER, ("filed:", more + "filed:"))
    assert (refusal["code"], refusal["where"].split(":")[0]) == ("tranche_unknown", "plan.yaml")


def figure(value, unit, population="x"):
    return Figure(value=value, unit=unit, population=population, status="claimed")


def test_figures_of_two_precisions_make_no_sum():
    refused = total([figure(1.0, "PFLOPS fp32"), figure(2.0, "PFLOPS fp16")], "both")
    assert isinstance(refused, Refusal)
    assert refused.code == "precision_mixed"
    assert "fp16" in refused.message and "fp32" in refused.message


def test_a_sum_of_claims_is_a_claim_and_nothing_unknown_counts_as_nothing():
    summed = total(
        [figure(1, "cards"), msgspec.structs.replace(figure(2, "cards"), status="measured")], "both"
    )
    assert isinstance(summed, Figure)
    assert (summed.value, summed.status) == (3, "claimed")
    assert isinstance(total([figure(1, "cards"), figure(None, "cards")], "both"), Refusal)
