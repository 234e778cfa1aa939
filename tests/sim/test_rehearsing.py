"""Rehearsing trace files: what the report says of a small one, in both languages, and its equal bytes."""

import msgspec
import pytest

from penstock.base.refusal import Refused
from penstock.insight.model import Line
from penstock.placement.replay import How
from penstock.placement.rounds import Rounds
from penstock.sim.replaying import run_replay
from penstock.sim.trace.generate import LIKES, check_generate, generate
from penstock.web.documents.replay_html import render_replay

TRACE = (
    "job,submit_s,run_s,nodes,devices_per_node,device_milli,models,tenant,time_limit_s\n"
    "whole,0,7200,1,2,,,lab,\n"
    "share,1800,3600,1,1,500,A100,uni,\n"
    "gang,1800,3600,2,2,,,uni,7200\n"
    "huge,1800,3600,9,2,,,uni,\n"
    "bad,soon,1,1,1,,,,\n"
    "late,10800,60,1,1,,,lab,\n"
)
HOUR_US = 3_600_000_000


def report(tmp_path, *hows, seeds=(1,)):
    path = tmp_path / "trace.csv"
    path.write_text(TRACE)
    prices = {"A100": 10_000_000}
    return run_replay(path, "A100:2x2", hows, seeds, prices=prices, skip_bad=True)


def test_a_small_trace_by_hand(tmp_path):
    found = report(tmp_path, How(policy="best-fit"))
    run = found.runs[0]
    assert (found.jobs, found.skipped, found.devices) == (5, 1, {"A100": 4})
    assert found.first_skipped[0].where.endswith("trace.csv:6:submit_s")
    assert (run.ended, run.refused) == (4, {"busy": 1})
    # the gang waits for `whole`, which ends at two hours, and runs to three
    assert run.makespan_s == 10_860
    waits = {wait.label: wait for wait in run.waits}
    assert (waits["4 devices"].mean_s, waits["part of a device"].mean_s) == (5400, 0)
    assert (waits["18 devices"].started, waits[""].jobs) == (0, 5)
    lines = {line.line: line.card_us for line in run.ladder.lines}
    assert run.ladder.capacity_card_us == 12 * HOUR_US
    assert lines[Line.PRODUCTIVE] == (2 * 2 + 0.5 + 4) * HOUR_US
    assert lines[Line.NO_FIT_FRAGMENTATION] == 2.5 * HOUR_US, (
        "free for an hour and a half, beside the gang that waits"
    )
    assert lines[Line.NO_DEMAND] == 1 * HOUR_US
    assert run.revenue_micros == {"A100": 85_000_000}
    assert sum(part.busy_card_hours[0] for part in run.parts) == pytest.approx(8.5)


def test_both_languages_and_equal_bytes(tmp_path):
    hows = (
        How(policy="penstock"),
        How(policy="random", passing="easy"),
        Rounds(aim="cost"),
        Rounds(aware=False),
    )
    found = report(tmp_path, *hows, seeds=(1, 2))
    assert len(found.runs) == 6, "rounds know no seed"
    again = report(tmp_path, *hows, seeds=(1, 2))
    assert msgspec.json.encode(again) == msgspec.json.encode(found)
    assert msgspec.json.decode(msgspec.json.encode(found), type=type(found)) == found
    english, chinese = render_replay(found, "en"), render_replay(found, "zh")
    assert english == render_replay(again, "en")
    assert "Where the card-hours go" in english and "卡时去了哪里" in chinese
    assert all(
        f"--{line.line}:" in english for run in found.runs for line in run.ladder.lines if line.card_us
    )
    assert "http" not in english.replace("http-equiv", "") and "<script" not in english


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (How(policy="magic"), "policy_unknown"),
        (How(queue="magic"), "queue_unknown"),
        (How(passing="magic"), "passing_unknown"),
        (Rounds(aim="magic"), "queue_unknown"),
        (Rounds(round_s=10, restart_s=10), "rounds_absurd"),
    ],
)
def test_unknown_ways_are_refused(tmp_path, how, code):
    with pytest.raises(Refused, match=code):
        report(tmp_path, how)


@pytest.mark.parametrize("like", LIKES)
def test_a_drawn_trace_repeats_and_can_be_rehearsed(tmp_path, like):
    text = "".join(generate(like, 300, 64, 0.9, 7))
    assert text == "".join(generate(like, 300, 64, 0.9, 7)) != "".join(generate(like, 300, 64, 0.9, 8))
    path = tmp_path / "drawn.csv"
    path.write_text(text)
    found = run_replay(path, "A100:8x8", [How(policy="best-fit")], [1])
    assert found.jobs == 300 and not found.skipped
    assert found.runs[0].ended + sum(found.runs[0].refused.values()) == 300
    assert 0.2 < found.runs[0].ladder.occupied_card_us / found.runs[0].ladder.capacity_card_us < 1


def test_absurd_traces_are_not_drawn():
    assert check_generate("openb", 10, 8, 0.9) is None
    for like, jobs, cards, load in (
        ("x", 1, 1, 1),
        ("openb", 0, 1, 1),
        ("openb", 1, 0, 1),
        ("openb", 1, 1, 11),
    ):
        assert check_generate(like, jobs, cards, load) is not None
