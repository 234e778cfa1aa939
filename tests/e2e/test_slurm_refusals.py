"""Bad input to a centre over a real Slurm: each is said by its code, delays or ends its job, and leaves nothing behind."""

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from tests.contract.slurm_cluster import SlurmCluster
from tests.contract.slurm_harness import SlurmHarness, cluster
from tests.e2e.slurm_proxy import Proxy, authority, certificate
from tests.e2e.test_slurm_centre import following_devices, fund, turn_until

from penstock.app import following, jobs, reports
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.app.loop import cycle
from penstock.app.opening import open_books
from penstock.engines.slurm.rest import make_token
from penstock.lease.job import FINAL_JOB_STATES, JobSpec, JobState, Resources
from penstock.store import billing
from penstock.wire import Centre, SystemClock, open_centre

Opener = Callable[..., Centre]


@pytest.fixture
def slurm() -> Iterator[SlurmCluster]:
    with SlurmHarness("slurm", spread=True).turn(alone=False):
        yield cluster()


@pytest.fixture
def opens(slurm: SlurmCluster, tmp_path: Path) -> Iterator[Opener]:
    """A centre over the cluster with these settings beside or instead of the good ones; the same one when asked again."""
    opened: list[Centre] = []
    data = tmp_path / "data"
    data.mkdir()

    def open_one(**changes: Any) -> Centre:
        for centre in opened:
            centre.close()
        entry = {"kind": "slurm", "url": slurm.url, "user": "root", "jwt_key_file": str(slurm.key)}
        entry |= {"accepted": True, "partition": "nvidia", "look_every_s": 0.2, "isolation": "process groups"}
        entry |= changes
        entry = {key: value for key, value in entry.items() if value is not None}
        named = {"shared": str(tmp_path / "shared"), "engines": [entry]}
        (data / "engines.yaml").write_text(yaml.safe_dump(named))
        opened[:] = [open_centre(data, Policy(metering_step=timedelta(seconds=1)))]
        open_books(opened[0].app)
        return opened[0]

    yield open_one
    for centre in opened:
        centre.close()


def begin(centre: Centre) -> None:
    """Hosts on sale, a tenant with money."""
    cycle(centre.app)
    fund(centre, model(centre))


def model(centre: Centre) -> str:
    return following_devices(centre)[0].model


def submit(centre: Centre, name: str, run: str = "exit 0", **changes: Any) -> None:
    resources = Resources(models=(model(centre),), devices_per_node=1)
    spec = msgspec.structs.replace(JobSpec(name=name, run=run, resources=resources), **changes)
    jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant="acme", spec=spec))


def job(centre: Centre, name: str) -> jobs.JobDetail:
    return jobs.show_job(centre.app, SYSTEM, f"acme.{name}")


def ends(centre: Centre, name: str) -> jobs.JobDetail:
    turn_until(
        centre,
        lambda: job(centre, name).job.state in FINAL_JOB_STATES and not job(centre, name).job.hold,
        f"the end of {name} and its charge",
    )
    assert reports.check_books(centre.app, SYSTEM).ok
    return job(centre, name)


def problem(centre: Centre) -> str:
    """The code by which operators are told what is wrong with the engine."""
    return next(one for one in following.view(centre.app, SYSTEM) if one.name == "slurm").code


def charged(centre: Centre, name: str) -> set[str]:
    """The attempts of a job that were charged."""
    with centre.app.database.read() as tx:
        return {line.subject for line in billing.lines(tx, "acme") if line.job == f"acme.{name}"}


def submitted(slurm: SlurmCluster, name: str) -> list[str]:
    """Jobs that the cluster knows of one of ours, whatever became of them."""
    listed = slurm.run("squeue", "-a", "-h", "-t", "all", "-o", "%j").split()
    return [one for one in listed if one.startswith(f"penstock-acme.{name}.")]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make certificates with")
def test_a_wrong_certificate_delays_jobs_and_hands_nothing_over(
    opens: Opener, slurm: SlurmCluster, tmp_path: Path
) -> None:
    begin(opens())
    port = slurm.state["ports"]["rest"]
    ours, others = (authority(tmp_path / name, name) for name in ("ours", "others"))
    here = "IP:127.0.0.1"
    refused = {
        "another authority's": certificate(others, here),
        "another host's": certificate(ours, "DNS:elsewhere.example"),
    }
    centre = opens()
    submit(centre, "signed")
    for what, pem in refused.items():
        with Proxy(pem, port) as url:
            centre = opens(url=url, ca_file=str(ours))
            for _ in range(3):
                cycle(centre.app)
            assert problem(centre) == "engine_certificate", what
            assert job(centre, "signed").job.state not in FINAL_JOB_STATES
            assert submitted(slurm, "signed") == []
    with Proxy(certificate(ours, here), port) as url:
        centre = opens(url=url, ca_file=str(ours))
        assert ends(centre, "signed").job.state is JobState.SUCCEEDED
        assert problem(centre) == ""
        assert len(submitted(slurm, "signed")) == 1
        assert len(charged(centre, "signed")) == 1


def test_a_token_that_expires_delays_jobs_and_a_new_one_goes_on(
    opens: Opener, slurm: SlurmCluster, tmp_path: Path
) -> None:
    token, key = tmp_path / "token", slurm.key.read_bytes()
    now_s = int(SystemClock().now().timestamp())
    token.write_text(make_token(key, "root", now_s))
    centre = opens(token_file=str(token), jwt_key_file=None)
    begin(centre)
    submit(centre, "runs", "sleep 4")
    turn_until(centre, lambda: job(centre, "runs").job.state is JobState.RUNNING, "the first job")
    token.write_text(make_token(key, "root", now_s - 3600))
    submit(centre, "renewed")
    for _ in range(3):
        cycle(centre.app)
    turn_until(centre, lambda: problem(centre) == "engine_token_expired", "the code")
    assert submitted(slurm, "renewed") == []
    assert job(centre, "runs").job.state is JobState.RUNNING
    token.write_text(make_token(key, "root", now_s))
    for name in ("runs", "renewed"):
        assert ends(centre, name).job.state is JobState.SUCCEEDED
        assert len(submitted(slurm, name)) == 1
        assert len(charged(centre, name)) == 1


def test_a_real_server_of_an_unsupported_version_is_refused(opens: Opener, slurm: SlurmCluster) -> None:
    begin(opens())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    plugins = ("-a", "rest_auth/jwt", "-s", "openapi/v0.0.36,openapi/dbv0.0.36")
    environment = slurm.environment | {"SLURM_JWT": "daemon"}
    environment["PATH"] = environment.get("PATH", "") + ":/usr/sbin"
    command = ["slurmrestd", *plugins, f"127.0.0.1:{port}"]
    old = subprocess.Popen(command, env=environment, user="nobody", group="nogroup", extra_groups=[], cwd="/")
    try:
        centre = opens(url=f"http://127.0.0.1:{port}")
        submit(centre, "newer")
        turn_until(centre, lambda: problem(centre) == "engine_version_unsupported", "the code")
        assert submitted(slurm, "newer") == []
    finally:
        old.kill()
        old.wait()
    centre = opens()
    assert ends(centre, "newer").job.state is JobState.SUCCEEDED
    assert len(submitted(slurm, "newer")) == 1


@pytest.mark.parametrize(
    "settings", [{"account": "nobody"}, {"qos": "golden"}, {"constraint": "infiniband&a100"}], ids=str
)
def test_what_the_cluster_declines_ends_the_job_with_its_code_and_costs_nothing(
    opens: Opener, slurm: SlurmCluster, settings: dict[str, str]
) -> None:
    begin(opens())
    centre = opens(**settings)
    submit(centre, "bad")
    found = ends(centre, "bad")
    assert found.job.state is JobState.FAILED
    assert [one.cause for one in found.attempts] == ["engine_refused"]
    assert (submitted(slurm, "bad"), charged(centre, "bad")) == ([], set())


@pytest.mark.parametrize("settings", [{"partition": "nowhere"}, {"constraint": "infiniband"}], ids=str)
def test_where_no_host_is_of_a_partition_or_has_a_feature_is_said(
    opens: Opener, slurm: SlurmCluster, settings: dict[str, str]
) -> None:
    begin(opens())
    centre = opens(**settings)
    submit(centre, "bad")
    assert ends(centre, "bad").attempts[0].cause == "engine_refused"
    assert problem(centre) == "engine_empty"
    assert (submitted(slurm, "bad"), charged(centre, "bad")) == ([], set())


def test_a_request_larger_than_the_cluster_says_that_it_never_fits(
    opens: Opener, slurm: SlurmCluster
) -> None:
    centre = opens()
    begin(centre)
    submit(
        centre,
        "nodes",
        nodes=3,
        time_limit_s=60,
        resources=Resources(models=(model(centre),), devices_per_node=8),
    )
    submit(centre, "each", resources=Resources(models=(model(centre),), devices_per_node=9))
    cycle(centre.app)
    for name in ("nodes", "each"):
        found, said = job(centre, name).job, jobs.why_waiting(centre.app, SYSTEM, f"acme.{name}")
        assert (found.state, found.reasons) == (JobState.QUEUED, {"too_large": 16})
        assert (said.reason, said.possible) == ("too_large", False)
        assert submitted(slurm, name) == []
