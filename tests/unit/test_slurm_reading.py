"""JSON of several versions of Slurm: the same job, host and record come out of each.

Shapes of v0.0.38 are as Slurm 22.05.8 gave them; those of v0.0.41 follow the schemas of its OpenAPI plug-in
(a number is `{set, infinite, number}`, a state a list of words).
"""

from pathlib import Path

import pytest

from penstock.app.ports import Start, TaskPlan
from penstock.engines.slurm import reading
from penstock.engines.slurm.fleet import foreign_work, state_of
from penstock.engines.slurm.model import SlurmJob, SlurmNode, Submission, expand
from penstock.engines.slurm.rest import VERSIONS, expiry_s, make_token, submission_body
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.slurm.submission import submission
from penstock.fleet.device import DeviceState
from penstock.lease.job import JobSpec, Resources

OLD_JOB = {
    "job_id": 3,
    "name": "penstock-a",
    "job_state": "FAILED",
    "state_reason": "NonZeroExitCode",
    "user_name": "root",
    "account": "tenant-a",
    "current_working_directory": "/shared/attempts/a",
    "nodes": "n[1-2]",
    "cpus": 8,
    "start_time": 1795693066,
    "end_time": 1795693068,
    "tres_alloc_str": "cpu=8,mem=800M,node=2,billing=8,gres/gpu=4,gres/gpu:a100=4",
}
NEW_JOB = OLD_JOB | {
    "job_state": ["FAILED"],
    "cpus": {"set": True, "infinite": False, "number": 8},
    "start_time": {"set": True, "infinite": False, "number": 1795693066},
    "end_time": {"set": True, "infinite": False, "number": 1795693068},
}


@pytest.mark.parametrize("raw", [OLD_JOB, NEW_JOB], ids=["v0.0.38", "v0.0.41"])
def test_a_job(raw):
    assert reading.job(raw) == SlurmJob(
        id=3,
        name="penstock-a",
        state="FAILED",
        reason="NonZeroExitCode",
        user="root",
        account="tenant-a",
        directory="/shared/attempts/a",
        nodes=("n1", "n2"),
        gpus=4,
        cpus=8,
        start_s=1795693066,
        end_s=1795693068,
    )


OLD_RECORD = {
    "job_id": 3,
    "name": "penstock-a",
    "state": {"current": "FAILED", "reason": "None"},
    "nodes": "n[1-2]",
    "user": "root",
    "account": "tenant-a",
    "time": {"start": 1795693066, "end": 1795693068, "elapsed": 2},
    "tres": {"allocated": [{"type": "gres", "name": "gpu", "id": 1001, "count": 4}]},
}


@pytest.mark.parametrize("state", ["FAILED", ["FAILED"]], ids=["v0.0.38", "v0.0.41"])
def test_a_record(state):
    record = reading.accounted(OLD_RECORD | {"state": {"current": state}})
    assert (record.state, record.gpus, record.start_s, record.end_s) == ("FAILED", 4, 1795693066, 1795693068)


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        ({"state": "idle", "state_flags": []}, DeviceState.AVAILABLE),
        ({"state": "idle", "state_flags": ["DRAIN"]}, DeviceState.CORDONED),
        ({"state": ["MIXED", "DRAIN"]}, DeviceState.CORDONED),
        ({"state": ["IDLE", "MAINTENANCE"]}, DeviceState.MAINTENANCE),
        ({"state": "down", "state_flags": ["NOT_RESPONDING"]}, DeviceState.DOWN),
        ({"state": ["DOWN*"]}, DeviceState.DOWN),
        ({"state": ["ALLOCATED", "NOT_RESPONDING"]}, DeviceState.DOWN),
    ],
)
def test_the_state_of_a_host(raw, state):
    assert state_of(reading.node(raw | {"name": "n1"}).states) is state


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("gpu:a100:8", {"a100": 8}),
        ("gpu:a100:4(S:0-1),gpu:h100:2(S:1)", {"a100": 4, "h100": 2}),
        ("gpu:8", {"": 8}),
        ("gpu", {"": 1}),
        ("nvme:2,gpu:ascend910b:8(S:0,1)", {"ascend910b": 8}),
        ("(null)", {}),
        ("", {}),
    ],
)
def test_gres(text, found):
    assert reading.gres(text) == found


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-3,07],gpu5", ["n1", "n2", "n3", "n07", "gpu5"]),
        ("n[08-10]", ["n08", "n09", "n10"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("", []),
        ("None assigned", []),
    ],
)
def test_host_lists(hosts, names):
    assert list(expand(hosts)) == names


def test_a_host_list_without_bounds_is_not_spelled_out():
    with pytest.raises(ValueError, match="too many"):
        expand("n[1-99999999]")


SUBMISSION = Submission(
    name="penstock-a",
    comment="c",
    script="#!/bin/bash\n",
    nodes=("n1", "n2"),
    cpus_per_node=16,
    gres="gpu:a100:2",
    memory_mib=1024,
    time_limit_minutes=5,
    partition="all",
    directory="/shared",
    output="/shared/log",
)


def test_a_submission_in_the_words_of_each_version():
    old = submission_body(SUBMISSION, "v0.0.38")["job"]
    assert (old["nodelist"], old["nodes"], old["gres"]) == ("n1,n2", 2, "gpu:a100:2")
    assert (old["memory_per_node"], old["time_limit"]) == (1024, 5)
    assert isinstance(old["environment"], dict)
    for version in VERSIONS[:-1]:
        new = submission_body(SUBMISSION, version)["job"]
        assert new["required_nodes"] == ["n1", "n2"]
        assert new["tres_per_node"] == "gres/gpu:a100:2"
        assert new["time_limit"] == {"set": True, "infinite": False, "number": 5}
        assert new["environment"][0].startswith("PATH=")
        assert "account" not in new


@pytest.mark.parametrize(
    ("asked", "lease", "given"), [(0, "", 16), (3500, "", 16), (24_500, "", 25), (24_500, "acme.one", 16)]
)
def test_cores_asked_for_beside_accelerators_are_given_but_in_a_lease(asked, lease, given):
    resources = Resources(("a100",), devices_per_node=2, cpu_millicores=asked)
    spec = JobSpec(name="x", run="true", resources=resources)
    task = TaskPlan(rank=0, node="n1", local_rank=0, devices=("a", "b"), handles=("0", "1"), stack="cuda")
    plan = Start(attempt="a.1", job="a", tenant="t", spec=spec, tasks=(task,), lease=lease)
    made = submission(plan, Path("/s/a.1"), SlurmSettings(shared=Path("/s")), {"n1": 8}, "")
    assert made.cpus_per_node == given


def test_foreign_work_is_counted_by_host_and_ours_is_not():
    node = SlurmNode(name="n1", address="", cpus=64, memory_bytes=0, states=("MIXED",), gres={"a100": 8})
    other = SlurmNode(name="n2", address="", cpus=64, memory_bytes=0, states=("MIXED",))
    work = [
        SlurmJob(id=1, name="hand-made", state="RUNNING", user="bo", nodes=("n1", "n2"), gpus=3, cpus=10),
        SlurmJob(
            id=2, name="penstock-a", state="RUNNING", directory="/ours/attempts/a", nodes=("n1",), gpus=2
        ),
        SlurmJob(id=3, name="waits", state="PENDING", gpus=2),
        SlurmJob(
            id=4, name="penstock-a", state="RUNNING", directory="/theirs/attempts/a", nodes=("n1",), gpus=1
        ),
    ]
    found = foreign_work([node, other], work, 1, Path("/ours"))
    assert (found["n1"].devices, found["n2"].devices) == (3, 5)
    assert found["n1"].work == ["job 1 of bo: 2 devices", "job 4 of : 1 devices"]


def test_a_token_says_when_it_ends():
    assert expiry_s(make_token(b"key", "root", 1000)) == 1600
    assert expiry_s("no token") is None
