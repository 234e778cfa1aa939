"""A centre whose jobs run on a real Slurm cluster: fleet, a gang over hosts, foreign work, leases, the books."""

import math
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from tests.contract.slurm_cluster import SlurmCluster
from tests.contract.slurm_harness import SlurmHarness, cluster

from penstock.app import following, identity, jobs, money, opening, reports, selling
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.app.loop import cycle
from penstock.fleet.device import DeviceState
from penstock.insight.model import Line
from penstock.lease.job import Checkpoint, JobSpec, JobState, Resources
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
def centre(slurm: SlurmCluster, tmp_path: Path) -> Iterator[Centre]:
    entry = {"kind": "slurm", "url": slurm.url, "user": "root", "jwt_key_file": str(slurm.key)}
    entry |= {"accepted": True, "partition": "nvidia", "look_every_s": 0.2, "isolation": "process groups"}
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


def test_from_the_hosts_of_a_cluster_to_the_bill(centre: Centre, slurm: SlurmCluster) -> None:
    app = centre.app
    cycle(app)
    devices = following_devices(centre)
    assert [device.node for device in devices] == ["n1"] * 8 + ["n2"] * 8
    assert all(device.state is DeviceState.AVAILABLE and device.accepted_at for device in devices)
    model = devices[0].model

    said = slurm.run("sbatch", "--parsable", "-w", "n1", "--gres=gpu:3", "-A", "others", "--wrap=sleep 600")
    turn_until(centre, lambda: list(states(centre).values()).count(DeviceState.FOREIGN) == 3, "foreign work")
    shown = next(one for one in following.view(app, SYSTEM) if one.name == "slurm")
    assert shown.foreign_devices == 3
    assert f"job {said.strip()} of root in others: 3 devices" in shown.foreign_work

    identity.open_tenant(app, SYSTEM, identity.NewTenant(id="acme"))
    money.pay(app, SYSTEM, "acme", money.NewPayment(id="p1", amount_micros=1000 * YUAN))
    offer = selling.NewOffer(id="list", model=model, price_micros_per_card_hour=36 * YUAN)
    selling.publish_offer(app, SYSTEM, offer)
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

    attempt = shown_job.attempts[-1]
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


def _charged(centre: Centre):
    with centre.app.database.read() as tx:
        if billing.unrated(tx, 1):
            return ()
    return tuple(billing_lines(centre))


def billing_lines(centre: Centre):
    with centre.app.database.read() as tx:
        return billing.lines(tx, "acme")
