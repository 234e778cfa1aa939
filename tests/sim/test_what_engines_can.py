"""Whether devices are shared and images run is what the engine of a host says, and kept with the host."""

from datetime import timedelta

import pytest

from penstock.app import fleet, identity, jobs, money, selling
from penstock.app.access import SYSTEM
from penstock.app.ports import Capacity
from penstock.base.refusal import Refused
from penstock.fleet.device import Node
from penstock.fleet.importfile import FleetFile
from penstock.lease.job import JobSpec, JobState, Resources
from penstock.sim.centre import SimulatedCentre

MINUTE = timedelta(minutes=1)


@pytest.fixture
def centre(tmp_path):
    made = SimulatedCentre(tmp_path, 1)
    made.install("a100", 1, 1)
    offer = selling.NewOffer(id="o", model="a100", price_micros_per_card_hour=1_000_000)
    selling.publish_offer(made.app, SYSTEM, offer)
    identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id="t"))
    money.pay(made.app, SYSTEM, "t", money.NewPayment(id="p", amount_micros=1_000_000_000))
    yield made
    made.close()


def hosts(centre):
    return {node.id: (node.shares_devices, node.runs_images) for node in fleet.view(centre.app).nodes}


def state_of_a_half(centre, name):
    spec = JobSpec(name=name, run="true", resources=Resources(("a100",), device_share=500))
    job = jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant="t", spec=spec)).id
    centre.run(2 * MINUTE, MINUTE)
    return jobs.show_job(centre.app, SYSTEM, job).job.state


def test_what_an_engine_says_is_kept_and_decides_where_jobs_go(centre, monkeypatch):
    monkeypatch.setattr(centre.engine, "capacity", Capacity)
    assert state_of_a_half(centre, "first") is JobState.QUEUED
    assert hosts(centre) == {"a100-0000": (False, False)}
    can = Capacity(shares_devices=True, images=("a:1",))
    monkeypatch.setattr(centre.engine, "capacity", lambda: can)
    assert state_of_a_half(centre, "second") is JobState.RUNNING
    assert hosts(centre) == {"a100-0000": (True, True)}


@pytest.mark.parametrize(
    ("images", "code"), [(None, "images_not_run"), ((), "image_unknown"), (("b:1",), "image_unknown")]
)
def test_an_image_that_no_engine_has_is_refused(centre, monkeypatch, images, code):
    monkeypatch.setattr(centre.engine, "capacity", lambda: Capacity(images=images))
    spec = JobSpec(name="j", run="true", image="a:1", resources=Resources(("a100",)))
    with pytest.raises(Refused, match=code):
        jobs.submit(centre.app, SYSTEM, jobs.NewJob(id="j", tenant="t", spec=spec))


def test_a_host_that_comes_later_is_as_its_engine_says_and_can_be_imported_again(centre, monkeypatch):
    monkeypatch.setattr(centre.engine, "capacity", Capacity)
    centre.turn()
    found = FleetFile((Node(id="new", cpu_cores=1, memory_bytes=1, engine=centre.engine.name),), ())
    fleet.import_fleet(centre.app, SYSTEM, found)
    centre.turn()
    assert hosts(centre)["new"] == (False, False)
    fleet.import_fleet(centre.app, SYSTEM, found)
    assert hosts(centre)["new"] == (False, False)
