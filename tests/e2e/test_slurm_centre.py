"""A centre whose jobs run on a real Slurm cluster: fleet, a gang over hosts, foreign work, leases, the books."""

import math
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.contract.slurm_cluster import SlurmCluster
from tests.contract.slurm_harness import SlurmHarness, cluster

from penstock.app import arrays, following, identity, jobs, money, opening, reports, selling
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.app.loop import cycle
from penstock.engines.slurm import reservations
from penstock.fleet.device import DeviceState
from penstock.insight.model import Line
from penstock.lease.job import FINAL_JOB_STATES, Checkpoint, JobSpec, JobState, Resources
from penstock.lease.jobfile import JobFile, parse
from penstock.lease.offer import LeaseState
from penstock.store import billing, fleet
from penstock.wire import Centre, open_centre

YUAN = 1_000_000
TRAIN = """
python3 - <<'P'
import os, socket
rank, place = os.environ["RANK"], (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if rank == "0":
    with socket.create_server(place) as server:
        connection, _ = server.accept()
        print("met", connection.recv(9).decode())
else:
    while True:
        try:
            socket.create_connection(place).sendall(rank.encode())
            break
        except ConnectionRefusedError:
            pass
P
echo $WORLD_SIZE $NODE_RANK $CUDA_VISIBLE_DEVICES
"""


@pytest.fixture
def slurm() -> Iterator[SlurmCluster]:
    with SlurmHarness("slurm", spread=True).turn(alone=True):
        yield cluster()


@pytest.fixture
def centre(slurm: SlurmCluster, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Centre]:
    """A centre over the cluster, with the settings that a test gives it."""
    entry = {"kind": "slurm", "url": slurm.url, "user": "root", "jwt_key_file": str(slurm.key)}
    entry |= {"accepted": True, "partition": "nvidia", "look_every_s": 0.2, "isolation": "process groups"}
    entry |= getattr(request, "param", {})
    data = tmp_path / "data"
    data.mkdir()
    named = {"shared": str(tmp_path / "shared"), "engines": [entry]}
    (data / "engines.yaml").write_text(yaml.safe_dump(named))
    one = open_centre(data, Policy(metering_step=timedelta(seconds=1)))
    opening.open_books(one.app)
    yield one
    one.close()


def turn_until(centre: Centre, holds, what: str, patience_s: float = 60) -> None:
    deadline_s = time.monotonic() + patience_s
    while not holds():
        assert time.monotonic() < deadline_s, f"waited in vain for {what}"
        cycle(centre.app)
        time.sleep(0.05)


def states(centre: Centre) -> dict[str, DeviceState]:
    return {device.id: device.state for device in following_devices(centre)}


def following_devices(centre: Centre):
    with centre.app.database.read() as tx:
        return fleet.devices(tx)


def open_tenant(centre: Centre, name: str) -> None:
    identity.open_tenant(centre.app, SYSTEM, identity.NewTenant(id=name))
    money.pay(centre.app, SYSTEM, name, money.NewPayment(id="p1", amount_micros=1000 * YUAN))


def fund(centre: Centre, model: str) -> None:
    app = centre.app
    open_tenant(centre, "acme")
    offer = selling.NewOffer(id="list", model=model, price_micros_per_card_hour=36 * YUAN)
    selling.publish_offer(app, SYSTEM, offer)


@pytest.fixture
def two_seconds_less(slurm: SlurmCluster) -> Iterator[None]:
    """Accounting records every end two seconds before the controller's."""
    known = {"insert": "true", "update": "old.time_end <> new.time_end"}
    for event, fresh in known.items():
        change = f"set new.time_end = if({fresh} and new.time_end > 2, new.time_end - 2, new.time_end)"
        slurm.sql(f"create trigger less_{event} before {event} on centre_job_table for each row {change}")
    yield
    for event in known:
        slurm.sql(f"drop trigger less_{event}")


def test_accounting_decides_what_is_charged_once_while_the_device_serves_others_already(
    centre: Centre, slurm: SlurmCluster, two_seconds_less: None
) -> None:
    app = centre.app
    cycle(app)
    fund(centre, following_devices(centre)[0].model)
    model = following_devices(centre)[0].model
    spec = JobSpec(name="one", run="sleep 4", resources=Resources(models=(model,), devices_per_node=1))
    jobs.submit(app, SYSTEM, jobs.NewJob(id="one", tenant="acme", spec=spec))
    slurm_away = []

    def over() -> bool:
        shown = jobs.show_job(app, SYSTEM, "acme.one")
        if shown.attempts and shown.attempts[-1].running_at and not slurm_away:
            slurm.kill("slurmdbd")
            slurm_away.append(1)
        return shown.job.state is JobState.SUCCEEDED

    turn_until(centre, over, "the job")
    (before,) = jobs.show_job(app, SYSTEM, "acme.one").attempts
    assert (before.awaits_accounting, before.metered) == (True, False)
    lease = jobs.NewJob(id="two", tenant="acme", spec=msgspec.structs.replace(spec, name="two", run="true"))
    jobs.submit(app, SYSTEM, lease)
    turn_until(centre, lambda: jobs.show_job(app, SYSTEM, "acme.two").job.state is JobState.SUCCEEDED, "two")
    (second,) = jobs.show_job(app, SYSTEM, "acme.two").attempts
    assert second.devices == before.devices
    assert [
        line for line in _charged(centre) if line.subject == before.id and line.end > before.ended_at
    ] == []
    slurm.start("slurmdbd")
    turn_until(centre, lambda: jobs.show_job(app, SYSTEM, "acme.one").attempts[0].metered, "the record")
    turn_until(centre, lambda: not jobs.show_job(app, SYSTEM, "acme.one").job.hold, "the charge")
    (after,) = jobs.show_job(app, SYSTEM, "acme.one").attempts
    assert after.limits["accounting"] == "slurmdbd"
    less_s = (before.ended_at - after.ended_at).total_seconds()
    assert 0 < less_s <= 3  # what was charged while it ran, second by second, stays so
    charged = [line for line in billing_lines(centre) if line.subject == after.id]
    assert max(line.end for line in charged) == after.ended_at
    assert (
        sum(line.quantity for line in charged)
        == math.ceil((after.ended_at - after.began_at).total_seconds()) * 1_000_000
    )
    assert reports.check_books(app, SYSTEM).ok


def test_from_the_hosts_of_a_cluster_to_the_bill(centre: Centre, slurm: SlurmCluster) -> None:
    app = centre.app
    cycle(app)
    devices = following_devices(centre)
    assert [device.node for device in devices] == ["n1"] * 8 + ["n2"] * 8
    assert all(device.state is DeviceState.AVAILABLE and device.accepted_at for device in devices)
    model = devices[0].model

    command = ("--parsable", "-w", "n1", "--gres=gpu:3", "-A", "others", "--output=/dev/null")
    said = slurm.run("sbatch", *command, "--wrap=sleep 600")
    turn_until(centre, lambda: list(states(centre).values()).count(DeviceState.FOREIGN) == 3, "foreign work")
    shown = next(one for one in following.view(app, SYSTEM) if one.name == "slurm")
    assert shown.foreign_devices == 3
    assert f"job {said.strip()} of root in others: 3 devices" in shown.foreign_work

    fund(centre, model)
    spec = JobSpec(
        name="train",
        run=TRAIN,
        nodes=2,
        resources=Resources(models=(model,), devices_per_node=2),
        checkpoint=Checkpoint(),
    )
    jobs.submit(app, SYSTEM, jobs.NewJob(id="train", tenant="acme", spec=spec))

    def ended() -> bool:
        return jobs.show_job(app, SYSTEM, "acme.train").job.state in (JobState.SUCCEEDED, JobState.FAILED)

    turn_until(centre, ended, "the job")
    shown_job = jobs.show_job(app, SYSTEM, "acme.train")
    logs = [jobs.read_logs(app, SYSTEM, "acme.train", rank, None, 0, 1000).decode() for rank in (0, 1)]
    assert shown_job.job.state is JobState.SUCCEEDED, (shown_job, logs)
    assert logs[0].splitlines()[0] == "met 1"
    assert [line.split()[:2] for line in (logs[0].splitlines()[1], logs[1])] == [["2", "0"], ["2", "1"]]
    assert all(len(text.split()[-1].split(",")) == 2 for text in logs)

    turn_until(
        centre,
        lambda: not jobs.show_job(app, SYSTEM, "acme.train").attempts[-1].awaits_accounting,
        "its record",
    )
    attempt = jobs.show_job(app, SYSTEM, "acme.train").attempts[-1]
    name = f"--name=penstock-{attempt.id}"
    command = ("sacct", "-n", "-P", "-X", name, "-o", "elapsedraw,alloctres")
    turn_until(centre, lambda: slurm.run(*command), "the record")
    record = slurm.run(*command).split("|")
    assert attempt.limits["accounting"] == "slurmdbd"
    assert "gres/gpu=4" in record[-1], (record, shown_job.attempts, slurm.run("sacct", "-X", "-P"))
    turn_until(centre, lambda: _charged(centre), "the charge")
    lines = _charged(centre)
    lasted_s = (attempt.ended_at - attempt.began_at).total_seconds()
    assert (
        abs(int(record[0]) - lasted_s) < 1
    )  # records are of whole seconds, and nothing begins before it is placed
    assert sum(line.quantity for line in lines) == 4 * math.ceil(lasted_s) * 1_000_000  # by started seconds

    slurm.run("scancel", said.strip())
    turn_until(centre, lambda: DeviceState.FOREIGN not in states(centre).values(), "its end")
    ladder = reports.show_ladder(app, SYSTEM)[""]
    assert next(line for line in ladder.lines if line.line is Line.FOREIGN).card_us > 0
    assert reports.check_books(app, SYSTEM).ok


SWEEP = """#!/bin/bash
#SBATCH --job-name=sweep
#SBATCH --gres=gpu:a100:1
#SBATCH --array=0-2%2
#SBATCH --time=1
echo $SLURM_ARRAY_JOB_ID $SLURM_ARRAY_TASK_ID of $SLURM_ARRAY_TASK_COUNT on $CUDA_VISIBLE_DEVICES
sleep 0.5
"""
SUM = """#!/bin/bash
#SBATCH --nodes=2
#SBATCH --gres=gpu:a100:2
#SBATCH --dependency=afterok:sweep
#SBATCH --time=1
srun bash -c 'echo rank $SLURM_PROCID of $SLURM_NTASKS'
"""


def submit_script(centre: Centre, text: str, name: str) -> tuple[str, ...]:
    """As `penstock run` does; the ids of its jobs."""
    found = parse(text.encode(), "script.sh")
    assert isinstance(found, JobFile), found
    if found.array:
        request = arrays.NewArray(
            id=name, tenant="acme", spec=found.spec, indices=found.array, at_once=found.array_limit
        )
        return tuple(job.id for job in arrays.submit(centre.app, SYSTEM, request))
    return (jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant="acme", spec=found.spec)).id,)


def test_a_batch_script_with_an_array_and_one_that_depends_on_it(centre: Centre, slurm: SlurmCluster) -> None:
    app = centre.app
    cycle(app)
    fund(centre, following_devices(centre)[0].model)
    sweep = submit_script(centre, SWEEP, "sweep")
    (total,) = submit_script(centre, SUM, "sum")

    def ended() -> bool:
        return jobs.show_job(app, SYSTEM, total).job.state in FINAL_JOB_STATES

    turn_until(centre, ended, "the last job")
    ran = [jobs.show_job(app, SYSTEM, name) for name in (*sweep, total)]
    assert [one.job.state for one in ran] == [JobState.SUCCEEDED] * 4
    parts = [one.attempts[-1] for one in ran]
    assert parts[2].placed_at >= min(one.ended_at for one in parts[:2]), "two at once"
    assert parts[3].placed_at >= max(one.ended_at for one in parts[:3])
    logs = [jobs.read_logs(app, SYSTEM, name, 0, None, 0, 1000).decode() for name in sweep]
    assert [text.split()[:4] for text in logs] == [["sweep", str(n), "of", "3"] for n in range(3)]
    both = [jobs.read_logs(app, SYSTEM, total, rank, None, 0, 1000).decode() for rank in (0, 1)]
    assert both == ["rank 0 of 2\n", "rank 1 of 2\n"]
    turn_until(
        centre, lambda: not any(jobs.show_job(app, SYSTEM, n).job.hold for n in (*sweep, total)), "bills"
    )
    assert reports.check_books(app, SYSTEM).ok


@pytest.mark.parametrize("centre", [{"reservations": True}], indirect=True)
def test_a_leased_reservation_runs_its_tenants_jobs_and_nobody_elses(
    centre: Centre, slurm: SlurmCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_CONF", slurm.environment["SLURM_CONF"])
    app = centre.app
    cycle(app)
    model = following_devices(centre)[0].model
    fund(centre, model)
    open_tenant(centre, "beta")
    asked = selling.NewQuote(id="q", tenant="acme", model=model, devices=10, hours=1.0)
    lease = selling.accept_quote(app, SYSTEM, selling.ask_quote(app, SYSTEM, asked).id, "l")
    resources = Resources(models=(model,), devices_per_node=2)
    spec = JobSpec(name="j", run="sleep 60", resources=resources, time_limit_s=60, grace_s=0)
    for tenant, held in (("acme", "l"), ("beta", None)):
        jobs.submit(app, SYSTEM, jobs.NewJob(id="j", tenant=tenant, spec=spec, lease=held))

    def run() -> bool:
        return all(
            jobs.show_job(app, SYSTEM, f"{one}.j").job.state is JobState.RUNNING for one in ("acme", "beta")
        )

    turn_until(centre, run, "both jobs")
    mine, theirs = (jobs.show_job(app, SYSTEM, f"{one}.j").attempts[-1] for one in ("acme", "beta"))
    assert set(mine.devices) <= set(lease.devices)
    assert not set(theirs.devices) & set(lease.devices)
    reservation = account = "penstock-lease-acme.l"
    listed = slurm.run("squeue", "-h", "-o", "%j %v %a").splitlines()
    assert f"penstock-{mine.id} {reservation} {account}" in listed
    assert f"penstock-{theirs.id} (null) root" in listed
    slurm.run("scontrol", "update", f"ReservationName={reservation}", "Accounts=others", "Flags+=IGNORE_JOBS")
    shown = ("scontrol", "-o", "show", "reservation", reservation)
    turn_until(centre, lambda: f"Accounts={account} " in slurm.run(*shown), "what was changed by hand")
    assert f"EndTime={reservations.local(lease.end)}" in slurm.run(*shown)
    selling.set_lease_state(app, SYSTEM, lease.id, LeaseState.BREACHED, "a test")
    jobs.stop(app, SYSTEM, "beta.j")
    gone = ("scontrol", "-o", "show", "reservation")
    turn_until(centre, lambda: "penstock-lease" not in slurm.run(*gone), "the end of the reservation")
    assert jobs.show_job(app, SYSTEM, "acme.j").job.stop_reason == "lease_ended"
    limit = ("sacctmgr", "-n", "-P", "show", "assoc", f"account={account}", "format=user,grpsubmitjobs")
    turn_until(centre, lambda: "|0" in slurm.run(*limit).split(), "the end of the right to submit")


def _charged(centre: Centre):
    with centre.app.database.read() as tx:
        if billing.unrated(tx, 1):
            return ()
    return tuple(billing_lines(centre))


def billing_lines(centre: Centre):
    with centre.app.database.read() as tx:
        return billing.lines(tx, "acme")
