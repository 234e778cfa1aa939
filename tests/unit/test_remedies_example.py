"""The worked example of the remedies on the published traces: each of the six has something to work on."""

import json
from pathlib import Path

import pytest
from planfiles import GUIDE, Desk

DATA = Path(__file__).parents[3] / "shared/data"
REMEDIES = {"sharing", "porting", "spot_with_notice", "defragmentation", "valley_pricing", "lending_at_night"}


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    return Desk(tmp_path, capsys)


@pytest.mark.skipif(not (DATA / "traces/philly/jobs.csv").is_file(), reason="the traces are not here")
def test_each_remedy_does_on_the_traces_what_it_is_for(desk):
    for name in ("traces", "throughput"):
        (desk.folder / name).symlink_to(DATA / name)
    file = desk.file((GUIDE / "remedies-500p.yaml").read_text())
    status, out, err = desk.run("plan", "remedies", file, "--futures", "1", "--workers", "1", "--json")
    assert status == 0, err
    report = json.loads(out)
    found = {one["name"]: one for one in report["played"]}
    assert found.keys() == {"as_planned", *REMEDIES} and report["not_played"] == {}
    base = found["as_planned"]
    assert base["let_percent"] > 60, "the month is not an empty one"

    def gained(remedy: str, line: str) -> float:
        return found[remedy]["ladder"].get(line, 0.0) - base["ladder"].get(line, 0.0)

    assert found["porting"]["refused_card_hours"] < base["refused_card_hours"]
    assert gained("porting", "productive") > 0
    assert gained("sharing", "productive") < 0, "a share of a card is let, no longer the whole"
    assert gained("spot_with_notice", "productive") > 0 and found["spot_with_notice"]["net_gain_micros"] > 0
    assert gained("defragmentation", "no_fit_fragmentation") < 0, (
        "what does not fit for fragments alone is let in"
    )
    assert found["valley_pricing"]["net_gain_micros"] != 0
    assert gained("lending_at_night", "reserved") < 0
    for one in found.values():
        assert all(term["source"] and term["status"] == "claimed" for term in one["terms"].values())


def test_the_pages_of_the_remedies_hold_tables_pictures_and_sources(desk, monkeypatch):
    jobs = "".join(
        f"j{day}-{n},{86400 * day + 3600 * n},21600,1,4,,,t,,,,1800\n" for day in range(21) for n in range(8)
    )
    head = (
        "job,submit_s,run_s,nodes,devices_per_node,device_milli,models,tenant,label,priority,time_limit_s,"
        "checkpoint_s\n"
    )
    (desk.folder / "jobs.csv").write_text(head + jobs)
    text = (GUIDE / "remedies-500p.yaml").read_text().partition("      - file: traces/")[0]
    file = desk.file(text + "      - {file: jobs.csv}\n")
    for language, said in (("en", "Not played"), ("zh", "未推演")):
        monkeypatch.setenv("PENSTOCK_LANG", language)
        words = ("--futures", "1", "--workers", "1", "--format", "html")
        status, page, err = desk.run("plan", "remedies", file, *words)
        assert status == 0, err
        assert page.count("<svg") == 2 and "<script" not in page
        assert said in page and "Google Cloud" in page
        assert ("assumed" if language == "en" else "假设") in page
