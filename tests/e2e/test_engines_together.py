"""One job file on every engine; a job whose engine is killed goes on elsewhere; one bill for all of it."""

import io
import json
import sys
import tarfile
import time
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import as_file, files
from pathlib import Path

import msgspec
import pytest
import yaml
from tests.contract import ray_harness, slurm_harness

from penstock.app import fleet, identity, jobs, loop, money, opening, reports, selling
from penstock.app.access import SYSTEM
from penstock.engines.ray import engine as ray_engine
from penstock.fleet.device import Device, DeviceState
from penstock.lease.job import FINAL_JOB_STATES, AttemptState, JobSpec, JobState
from penstock.lease.jobfile.parse import JobFile, parse
from penstock.store import billing
from penstock.store import fleet as fleet_rows
from penstock.store import jobs as rows
from penstock.wire import open_centre

PATIENCE_S = 240.0
PRICE_MICROS = 3_600_000
"""Of a card-hour, charged by the second begun: a card-second is a thousandth of a yuan."""
STEPS = "6000"
"""Long enough that the first engine is killed before the end."""
ENGINES = ("local", "slurm", "ray")


class Centre:
    """An opened centre with three engines, whose loop is turned by the test."""

    def __init__(self, base: Path) -> None:
        (base / "data").mkdir()
        slurm, ray = slurm_harness.cluster(), ray_harness.cluster()
        entries = [
            {"kind": "slurm", "url": slurm.url, "user": "root", "jwt_key_file": str(slurm.key)},
            {"kind": "ray", "url": ray.url, "token_file": str(ray.token_file)},
        ]
        ours = [entry | {"accepted": True, "look_every_s": 0.5} for entry in entries]
        shared = {"shared": str(base / "shared"), "engines": ours}
        (base / "data" / "engines.yaml").write_text(yaml.safe_dump(shared))
        self._opened = open_centre(base / "data", cpu_only=True)
        self.app = self._opened.app
        opening.open_books(self.app)
        fleet.register(self.app, self._opened.probe.discover())
        with self.app.database.write() as tx:
            now = self.app.now()
            for device in fleet_rows.devices(tx):
                fleet_rows.save_device(tx, fleet_rows.accept(device, now), now, "by the test")
        offer = selling.NewOffer(id="list", model="cpu", price_micros_per_card_hour=PRICE_MICROS)
        selling.publish_offer(self.app, SYSTEM, offer)
        identity.open_tenant(self.app, SYSTEM, identity.NewTenant(id="acme"))
        money.pay(self.app, SYSTEM, "acme", money.NewPayment(id="p", amount_micros=10**9))
        self.until(lambda: set(ENGINES) <= {node.engine for node in fleet.view(self.app).nodes})
        self._sell_cores_of_slurm()

    def _sell_cores_of_slurm(self) -> None:
        """Its hosts' GPUs are pretended: what really runs there runs on cores, so these are sold as well."""
        now = self.app.now()
        with self.app.database.write() as tx:
            for node in fleet_rows.nodes(tx):
                for index in range(2) if node.engine == "slurm" else ():
                    name = f"{node.id}-core{index}"
                    core = Device(id=name, node=node.id, model="cpu", handle=str(index), card=name)
                    fleet_rows.save_device(tx, fleet_rows.accept(core, now), now, "by the test")

    def close(self) -> None:
        self._opened.close()

    def until[T](self, look: Callable[[], T]) -> T:
        """Turn the loop until something is so."""
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            loop.cycle(self.app)
            if found := look():
                return found
            time.sleep(0.05)
        pytest.fail("waited in vain")

    def only(self, engine: str) -> None:
        """Take every other engine's devices off sale."""
        view = fleet.view(self.app)
        home = {node.id: node.engine for node in view.nodes}
        for device in view.devices:
            wanted = DeviceState.AVAILABLE if home[device.node] == engine else DeviceState.CORDONED
            if device.state in (DeviceState.AVAILABLE, DeviceState.CORDONED) and device.state != wanted:
                fleet.set_state(self.app, SYSTEM, device.id, wanted)

    def spec(self) -> JobSpec:
        """The demo's own job file, made short by its environment alone."""
        with as_file(files("penstock.cli.demo_job")) as folder:
            archive = io.BytesIO()
            with tarfile.open(fileobj=archive, mode="w:gz") as tar:
                for path in sorted(folder.glob("*.py")):
                    tar.add(path, path.name)
            workdir = self.app.files.add_workdir(archive.getvalue())
            parsed = parse((folder / "job.yaml").read_bytes(), "job.yaml")
        assert isinstance(parsed, JobFile), parsed
        short = {"STEPS": "600", "WIDTH": "64", "CHECKPOINT_EVERY": "100", "FAIL_AT_STEP": "0"}
        env = parsed.spec.env | short | {"PYTHON": sys.executable, "REPORT_EVERY": "100"}
        return msgspec.structs.replace(parsed.spec, env=env, workdir=workdir)

    def submit(self, name: str, **changes: object) -> None:
        spec = msgspec.structs.replace(self.spec(), **changes)
        jobs.submit(self.app, SYSTEM, jobs.NewJob(id=name, tenant="acme", spec=spec))

    def shown(self, name: str) -> jobs.JobDetail:
        return jobs.show_job(self.app, SYSTEM, f"acme.{name}")

    def end(self, name: str) -> jobs.JobDetail:
        self.until(lambda: self.shown(name).job.state in FINAL_JOB_STATES)
        return self.shown(name)

    def reports(self, name: str) -> list[dict[str, object]]:
        """What the first task of the last attempt has printed."""
        log = jobs.read_logs(self.app, SYSTEM, f"acme.{name}", 0, None, 0, 2**20).decode()
        return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


@pytest.fixture
def centre(tmp_path, monkeypatch):
    monkeypatch.setattr(ray_engine, "HOST_SILENT_S", 8.0)
    on_slurm = slurm_harness.SlurmHarness("slurm-host", spread=False).turn(alone=False)
    with on_slurm, ray_harness.RayHarness().turn(alone=True):
        one = Centre(tmp_path)
        yield one
        one.close()


def check_bill(centre: Centre) -> None:
    """Each attempt is charged for exactly its time on its devices, once, and the books balance."""
    centre.until(lambda: not money.balance(centre.app, SYSTEM, "acme").held_micros)
    with centre.app.database.read() as tx:
        lines = billing.lines(tx, "acme")
        ids = {job.id for job in rows.in_state(tx, *FINAL_JOB_STATES)}
        attempts = [attempt for job in ids for attempt in rows.attempts_of(tx, job)]
    for attempt in attempts:
        mine = [line for line in lines if line.subject == attempt.id]
        begun_seconds = -((attempt.began_at - attempt.ended_at) // timedelta(seconds=1))
        expected = begun_seconds * len(attempt.devices) * PRICE_MICROS // 3_600
        assert sum(line.amount_micros for line in mine) == expected, attempt
    charged = sum(line.amount_micros for line in lines)
    assert money.balance(centre.app, SYSTEM, "acme").balance_micros == 10**9 - charged
    assert reports.check_books(centre.app, SYSTEM).ok


def test_one_job_file_everywhere_and_on_elsewhere_after_its_engine_was_killed(centre):
    results = {}
    for engine in ENGINES:
        centre.only(engine)
        centre.submit(f"on-{engine}")
        detail = centre.end(f"on-{engine}")
        assert detail.job.state is JobState.SUCCEEDED, centre.reports(f"on-{engine}")
        assert [attempt.engine for attempt in detail.attempts] == [engine]
        results[engine] = centre.reports(f"on-{engine}")[-1]["parameters"]
    assert len(set(results.values())) == 1, results

    longer = centre.spec().env | {"STEPS": STEPS, "CHECKPOINT_EVERY": "200"}
    centre.only("local")
    centre.submit("whole", env=longer)
    centre.end("whole")
    centre.only("ray")
    centre.submit("moved", env=longer)
    centre.until(lambda: any(attempt.checkpoints for attempt in centre.shown("moved").attempts))
    centre.only("slurm")
    ray_harness.cluster().kill_host(0)
    try:
        centre.until(lambda: len(centre.shown("moved").attempts) == 2)
        first, second = centre.shown("moved").attempts
        assert (first.engine, first.state) == ("ray", AttemptState.LOST)
        assert second.engine == "slurm"
        assert centre.end("moved").job.state is JobState.SUCCEEDED, centre.reports("moved")
        first_step, *_, last = (report["step"] for report in centre.reports("moved"))
        assert 200 <= first_step < last == int(STEPS)
        assert centre.reports("moved")[-1]["parameters"] == centre.reports("whole")[-1]["parameters"]
        check_bill(centre)
    finally:
        ray_harness.cluster().start_again()
