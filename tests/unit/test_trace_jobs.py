"""Traces of jobs in time: four kinds of columns, and what is refused with which place."""

import json

import numpy as np
import pytest

from penstock.base.refusal import Refused
from penstock.sim.trace.fleets import fleet_of
from penstock.sim.trace.jobfile import read_jobs
from penstock.sim.trace.throughput import read_speeds
from penstock.sim.trace.traced import arrays

FLEET = fleet_of("A100:4x8,T4:2x4")
OWN = "job,submit_s,run_s,nodes,devices_per_node,device_milli,models,tenant,priority,time_limit_s\n"
OPENB = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"
PHILLY = "job_id,vc,job_type,total_steps,submit_s,scale_factor\n"
SACCT = "JobID|Account|Submit|ElapsedRaw|TimelimitRaw|AllocTRES|NNodes|\n"
SPEEDS = "accelerator,consolidated,job_type,scale_factor,steps_per_s\na100,1,LM,1,10\na100,0,LM,1,7\na100,1,LM,8,60\nt4,1,LM,1,2\n"


@pytest.fixture
def speeds(tmp_path):
    path = tmp_path / "speeds.csv"
    path.write_text(SPEEDS)
    return read_speeds(path)


def jobs_of(tmp_path, text, speeds=None, *, skip_bad=False):
    path = tmp_path / "trace"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_jobs(path, FLEET, speeds, skip_bad=skip_bad)


def test_own_columns(tmp_path):
    trace = jobs_of(tmp_path, OWN + "b,70,60,2,8,,a100,lab,1,90\na,10,3.5,1,1,250,A100|T4,lab,,\n")
    first, second = trace.jobs
    assert (first.name, first.share, first.models, first.limit_s) == ("a", 250, ("A100", "T4"), float("inf"))
    assert (second.nodes, second.devices, second.priority, second.limit_s) == (2, 8, 1, 90)
    jobs = arrays(trace, FLEET)
    assert jobs.submit_s.tolist() == [0, 60]
    assert jobs.run_s.tolist() == [[3.5, 3.5], [60, np.inf]]
    assert jobs.volume.tolist() == [250, 16_000]


def test_openb_with_its_times(tmp_path):
    trace = jobs_of(
        tmp_path, OPENB + "p,4000,1024,1,460,,LS,Running,5,100,25\nq,0,0,2,1000,T4,BE,Pending,6,16,\n"
    )
    assert [(j.submit_s, j.run_s, j.share, j.models) for j in trace.jobs] == [
        (5, 75, 460, ()),
        (6, 10, 1000, ("T4",)),
    ]


def test_philly_by_throughput(tmp_path, speeds):
    trace = jobs_of(tmp_path, PHILLY + "0,v,LM,600,0,1\n1,v,LM,600,5,16\n", speeds)
    jobs = arrays(trace, FLEET, speeds)
    assert jobs.nodes.tolist() == [1, 2]
    assert jobs.run_s.tolist() == [[60, 300], [5, 600 / 32]]
    with pytest.raises(Refused, match="throughput_missing"):
        jobs_of(tmp_path, PHILLY + "0,v,LM,600,0,1\n")


SACCT_ROWS = (
    "7|lab|2026-01-02T00:00:00|60|10|billing=8,cpu=16,gres/gpu=8,gres/gpu:a100=8,mem=64G,node=2|2|\n"
    "7.batch|lab|2026-01-02T00:00:00|60||cpu=16,mem=64G,node=2|2|\n"
    "8|lab|2026-01-02T00:01:00|0|10||1|\n"
    "9_1|lab|2026-01-02T00:02:00|30|UNLIMITED|cpu=2,mem=512M,node=1|1|\n"
)


def test_sacct_in_its_parsable_form(tmp_path):
    trace = jobs_of(tmp_path, SACCT + SACCT_ROWS)
    first, second = trace.jobs
    assert (first.nodes, first.devices, first.cpu, first.memory) == (2, 4, 8000, 32 * 1024)
    assert (first.models, first.limit_s, first.tenant) == (("A100",), 600, "lab")
    assert (second.name, second.devices, second.memory, second.limit_s) == ("9_1", 0, 1024, float("inf"))
    assert second.submit_s - first.submit_s == 120
    assert (trace.skipped, trace.left_out) == (0, 2)


def sacct_job(**changed):
    allocated = [{"type": "cpu", "name": "", "count": 16}, {"type": "mem", "name": "", "count": 65536}]
    allocated += [{"type": "node", "name": "", "count": 2}, {"type": "gres", "name": "gpu:a100", "count": 8}]
    time = {"submission": 1767312000, "elapsed": 60, "limit": {"set": True, "infinite": False, "number": 10}}
    return {"job_id": 7, "account": "lab", "time": time, "tres": {"allocated": allocated}, **changed}


def test_sacct_as_json(tmp_path):
    text = json.dumps({"meta": {}, "jobs": [sacct_job(), sacct_job(job_id=8)], "errors": []}, indent=1)
    first, second = jobs_of(tmp_path, text).jobs
    assert (first.nodes, first.devices, first.cpu, first.memory) == (2, 4, 8000, 32 * 1024)
    assert (first.models, first.limit_s, first.tenant, second.name) == (("A100",), 600, "lab", "8")


BAD = {
    "own: a word": (OWN + "a,soon,1,1,1,,,,,\n", "trace_value", "2:submit_s"),
    "own: negative time": (OWN + "a,-5,1,1,1,,,,,\n", "trace_value", "2:submit_s"),
    "own: not a number": (OWN + "a,nan,1,1,1,,,,,\n", "trace_value", "2:submit_s"),
    "own: no node": (OWN + "a,1,1,0,1,,,,,\n", "trace_value", "2:nodes"),
    "own: unknown model": (OWN + "a,1,1,1,1,,H999,,,\n", "trace_model_unknown", "2:models"),
    "own: the same id": (OWN + "a,1,1,1,1,,,,,\na,1,1,1,1,,,,,\n", "trace_name_repeated", "3:job"),
    "openb: ends first": (OPENB + "p,1,1,1,1000,,LS,Running,50,10,\n", "trace_time", "2:deletion_time"),
    "openb: negative": (OPENB + "p,1,1,1,1000,,LS,Running,-1,10,\n", "trace_value", "2:creation_time"),
    "philly: unknown type": (PHILLY + "0,v,GPT,600,0,1\n", "trace_job_type_unknown", "2:job_type"),
    "philly: no device": (PHILLY + "0,v,LM,600,0,0\n", "trace_value", "2:scale_factor"),
    "sacct: no instant": (SACCT + "7|x|today|60|1|cpu=1|1|\n", "trace_value", "2:Submit"),
    "sacct: unknown model": (
        SACCT + "7|x|2026-01-02T00:00:00|60|1|gres/gpu:h999=8|1|\n", "trace_model_unknown", "2:AllocTRES"
    ),
    "sacct: half a resource": (SACCT + "7|x|2026-01-02T00:00:00|60|1|cpu=|1|\n", "trace_value", "2:AllocTRES"),
    "json: negative time": (
        json.dumps({"jobs": [sacct_job(time={"submission": -1, "elapsed": 60})]}), "trace_value", "1:Submit"
    ),
}  # fmt: skip
GOOD = {
    "own": "z,1,1,1,1,,,,,\n",
    "openb": "z,1,1,1,1000,,LS,Running,1,10,\n",
    "philly": "z,v,LM,600,0,1\n",
    "sacct": "99|x|2026-01-02T00:00:00|60|1|cpu=1|1|\n",
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_row_is_refused_with_its_place_or_skipped_and_counted(tmp_path, case, speeds):
    text, code, place = BAD[case]
    if not case.startswith("json"):
        text += GOOD[case.partition(":")[0]]
    with pytest.raises(Refused) as refused:
        jobs_of(tmp_path, text, speeds)
    assert [(r.code, r.where) for r in refused.value.refusals] == [(code, f"{tmp_path}/trace:{place}")]
    if not case.startswith("json"):
        trace = jobs_of(tmp_path, text, speeds, skip_bad=True)
        assert (trace.skipped, trace.first_skipped[0].where) == (1, f"{tmp_path}/trace:{place}")


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("job,submit_s\n", "trace_column_missing", ":1:1"),
        ("", "trace_column_missing", ":1:1"),
        ("{}", "trace_column_missing", ":1:1"),
        ('{"jobs": [\n{"job_id": 1},\n{"job_id"', "trace_truncated", ":3:10"),
        ("JobID|Start\n", "trace_column_missing", ":1:Submit"),
        (OWN, "trace_empty", ""),
        (OWN.encode() + b"\xff\n", "trace_encoding", ":2:1"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, text, code, place):
    with pytest.raises(Refused) as refused:
        jobs_of(tmp_path, text, skip_bad=True)
    assert (refused.value.refusals[0].code, refused.value.refusals[0].where) == (
        code,
        f"{tmp_path}/trace{place}",
    )


@pytest.mark.parametrize("text", ["A100", "A100:0x8", "A100:4x63", "A100:4", ":4x8", "A100:4x8,,"])
def test_a_fleet_in_bad_words_is_refused(text):
    with pytest.raises(Refused, match="fleet_malformed"):
        fleet_of(text)
