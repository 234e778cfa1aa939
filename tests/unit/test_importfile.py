"""Fleet files: both forms read alike, and each mistake is named with its place, nothing half imported."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.fleet import importfile
from penstock.fleet.accelerators import catalogue
from penstock.fleet.device import DeviceState
from penstock.fleet.importfile import FleetFile, parse_fleet

CSV = """\
node,model,count,cpu_cores,memory_gib,leaf,fabric,site,commissioned_at,cost_per_device,tranche,life_years
n001,h200,2,192,2048,leaf1,ib1,wuhan,2026-03-01,236500.00,2026a,5
n002,Ascend910B3,1,192,1024,leaf2,roce1,wuhan,2026-05-01T08:00:00+08:00,110000,2026b,4
n002,ascend910c,2,,,,,,,,,
"""
YAML = """\
site: wuhan
nodes:
  - node: n001
    cpu_cores: 192
    memory_gib: 2048
    leaf: leaf1
    fabric: ib1
    devices:
      - {model: h200, count: 2, commissioned_at: 2026-03-01, cost_per_device: 236500.00, tranche: 2026a}
  - node: n002
    cpu_cores: 192
    memory_gib: 1024
    leaf: leaf2
    fabric: roce1
    devices:
      - model: ascend910b3
        count: 1
        commissioned_at: 2026-05-01T08:00:00+08:00
        cost_per_device: "110000"
        tranche: 2026b
        life_years: 4
      - {model: ascend910c, count: 2}
"""
HEAD = "node,model,count,cpu_cores,memory_gib,state,commissioned_at,cost_per_device,life_years\n"


def fleet(text: str, form="csv") -> FleetFile:
    parsed = parse_fleet(text, form, catalogue())
    assert isinstance(parsed, FleetFile), parsed
    return parsed


def mistakes(text: str, form="csv") -> list[tuple[str, str]]:
    parsed = parse_fleet(text, form, catalogue(), "f")
    assert isinstance(parsed, tuple), parsed
    assert all(r.status == 422 and r.remedy and r.message for r in parsed)
    return [(r.code, r.where) for r in parsed]


def test_both_forms_give_the_same_fleet():
    assert fleet(CSV) == fleet(YAML, "yaml")


def test_values_arrive():
    parsed = fleet(CSV)
    assert [n.id for n in parsed.nodes] == ["n001", "n002"]
    node = parsed.nodes[0]
    assert (node.cpu_cores, node.memory_bytes, node.leaf, node.fabric, node.site) == (
        192,
        2048 * 2**30,
        "leaf1",
        "ib1",
        "wuhan",
    )
    assert [d.id for d in parsed.devices] == ["n001-0", "n001-1", "n002-0", "n002-1", "n002-2"]
    first, huawei, half = parsed.devices[0], parsed.devices[2], parsed.devices[3]
    assert (first.model, first.stack, first.state, first.cost_micros) == (
        "h200",
        "cuda",
        DeviceState.AVAILABLE,
        236_500_000_000,
    )
    assert first.commissioned_at == datetime(2026, 3, 1, tzinfo=UTC)
    assert first.nominal == catalogue()["h200"].rates
    assert first.accepted_at is None
    assert (huawei.commissioned_at, huawei.life_years) == (datetime(2026, 5, 1, tzinfo=UTC), 4)
    assert (half.state, half.memory_bytes, half.commissioned_at) == (DeviceState.PLANNED, 64 * 2**30, None)


def test_a_package_of_two_devices_is_one_card():
    cards = [d.card for d in fleet(CSV).devices]
    assert cards[3] == cards[4]
    assert len(set(cards)) == 4


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("n1,h200,8,64", [("field_missing", "f:2:5")]),
        ("N1,h200,8,64,512", [("id_malformed", "f:2:1")]),
        (f"{'n' * 57},h200,8,64,512", [("id_malformed", "f:2:1")]),
        ("n1,h2000,8,64,512", [("model_unknown", "f:2:2")]),
        ("n1,ascend910b,8,64,512", [("model_ambiguous", "f:2:2")]),
        ("n1,h200,0,64,512", [("number_out_of_range", "f:2:3")]),
        ("n1,h200,-8,64,512", [("number_out_of_range", "f:2:3")]),
        ("n1,h200,8.0,64,512", [("number_out_of_range", "f:2:3")]),
        ("n1,h200,99999999999999999999,64,512", [("number_out_of_range", "f:2:3")]),
        ("n1,h200,٣,64,512", [("number_out_of_range", "f:2:3")]),
        ("n1,ascend910c,3,64,512", [("count_not_whole_cards", "f:2:3")]),
        ("n1,h200,8,64,512,running", [("state_unknown", "f:2:6")]),
        ("n1,h200,8,64,512,retired,2026-03-01", [("state_unknown", "f:2:6")]),
        ("n1,h200,8,64,512,available", [("field_missing", "f:2:7")]),
        ("n1,h200,8,64,512,planned,2026-03-01", [("state_and_date", "f:2:6")]),
        ("n1,h200,8,64,512,,2026-02-30", [("time_malformed", "f:2:7")]),
        ("n1,h200,8,64,512,,2026-03-01T10:00:00", [("time_without_zone", "f:2:7")]),
        ("n1,h200,8,64,512,,,1.005", [("amount_too_precise", "f:2:8")]),
        ("n1,h200,8,64,512,,,-5", [("amount_negative", "f:2:8")]),
        ("n1,h200,8,64,512,,,much", [("amount_malformed", "f:2:8")]),
        ("n1,h200,8,64,512,,,,0", [("number_out_of_range", "f:2:9")]),
        ("n1,h200,8,64,512,,,,5,9", [("too_many_values", "f:2:10")]),
        ('n1,"h2"00,8,64,512', [("csv_malformed", "f:2")]),
        ("n1,h200,8,64,512\x00", [("field_malformed", "f:2:5")]),
        (
            "N1,h2000,0,64,512",
            [("id_malformed", "f:2:1"), ("model_unknown", "f:2:2"), ("number_out_of_range", "f:2:3")],
        ),
    ],
)
def test_each_mistake_in_csv_has_its_place(line: str, expected: list):
    assert mistakes(HEAD + line + "\n") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("fleet_empty", "f")]),
        ("\n\n", [("fleet_empty", "f")]),
        (HEAD, [("fleet_empty", "f")]),
        ("node,model,cuont\n", [("column_unknown", "f:1:3"), ("column_missing", "f:1")]),
        ("node,model,count,model\n", [("column_duplicate", "f:1:4")]),
        (HEAD + "n1,h200,1,64,512\nn1,h20,1,32,512\n", [("node_conflict", "f:3:4")]),
        (HEAD + "n1,h2000,1,64,512\nn1,h20,1,,\n", [("model_unknown", "f:2:2")]),
        (HEAD + '\n"n1",h200,1,64,"512\n"\nn2,h20,1,64,\n', [("field_missing", "f:5:5")]),
    ],
)
def test_mistakes_of_a_whole_csv(text: str, expected: list):
    assert mistakes(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [("fleet_empty", "f")]),
        ("nodes: [", [("yaml_malformed", "f:2:1")]),
        ("{" * 500, [("yaml_malformed", "f")]),
        ("a: &a 1\nb: *a\n", [("yaml_malformed", "f")]),
        ("x: \ud800", [("yaml_malformed", "f")]),
        ("- 1\n", [("field_malformed", "f:1:1"), ("field_missing", "f:1:1")]),
        ("site: x\n", [("field_missing", "f:1:1")]),
        ("nodes: []\n", [("field_malformed", "f:1:8")]),
        ("nodes:\n  - node: n1\n", [("field_missing", "f:2:5")]),
        ("ndoes:\n  - node: n1\n", [("field_unknown", "f:1:1"), ("field_missing", "f:1:1")]),
        (YAML.replace("leaf: leaf1", "leef: leaf1"), [("field_unknown", "f:6:5")]),
        (YAML.replace("leaf: leaf1", "leaf: [leaf1]"), [("field_malformed", "f:6:11")]),
        (YAML.replace("leaf: leaf1", "leaf: leaf1\n    leaf: leaf3"), [("field_duplicate", "f:7:5")]),
        (YAML.replace("count: 1", "count: one"), [("number_out_of_range", "f:17:16")]),
        (YAML.replace("n002", "n001"), [("node_duplicate", "f:10:11")]),
    ],
)
def test_each_mistake_in_yaml_has_its_place(text: str, expected: list):
    assert mistakes(text, "yaml")[: len(expected)] == expected


def test_the_nearest_name_is_offered():
    for text, form in (
        (CSV.replace("h200", "h2000"), "csv"),
        (YAML.replace("leaf: leaf1", "leef: x"), "yaml"),
    ):
        (refusal,) = parse_fleet(text, form, catalogue())
        assert "did you mean" in refusal.remedy


def test_a_byte_order_mark_and_windows_lines_are_read():
    assert fleet("\ufeff" + CSV.replace("\n", "\r\n")) == fleet(CSV)


def test_too_much_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(importfile, "DEVICES_MAX", 4)
    assert mistakes(CSV) == [("fleet_too_large", "f")]
    assert mistakes("x" * (2**24 + 1)) == [("file_too_large", "f")]


def test_a_thousand_mistakes_are_cut_off():
    assert len(mistakes(HEAD + "n1,h2000,1,64,512\n" * 1000)) == 100
    assert len(mistakes("\n".join(f"k{i}: 1" for i in range(1000)), "yaml")) <= 100


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from("n1,:-{}[]&*!|>'\"#%@`\n\t \\?h200a0é\x00"), max_size=120))
def test_no_text_breaks_the_readers(noise: str):
    for form, frame in (("csv", "{}"), ("csv", HEAD + "{}"), ("yaml", "{}"), ("yaml", "nodes:\n  - {}")):
        parsed = parse_fleet(frame.replace("{}", noise), form, catalogue())
        assert isinstance(parsed, (FleetFile, tuple))
        assert parsed != ()
