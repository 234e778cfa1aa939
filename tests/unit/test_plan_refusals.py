"""A plan that contradicts itself is refused with code, place and remedy."""

import msgspec
import pytest
from planfiles import LEASER, NEW_CENTRE, Desk

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
    ],
)
def test_each_mistake_has_its_code_and_place(desk, change, code, line):
    refusal = next(one for one in desk.refusals(NEW_CENTRE, change) if one["code"] == code)
    assert refusal["where"].split(":")[1] == str(line)
    assert refusal["remedy"]


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
