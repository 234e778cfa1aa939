"""Jobs that wait for other jobs: in their order, cancelled where that can never be, and why says so."""

from datetime import timedelta
from pathlib import Path

import pytest

from penstock.app import arrays, identity, jobs, money, selling
from penstock.app.access import SYSTEM
from penstock.base.refusal import Refused
from penstock.lease.job import JobSpec, JobState, Resources
from penstock.sim.centre import SimulatedCentre

S = timedelta(seconds=1)


@pytest.fixture
def centre(tmp_path: Path):
    made = SimulatedCentre(tmp_path, 1)
    made.install("a100", 1, 4)
    offer = selling.NewOffer(id="list", model="a100", price_micros_per_card_hour=3_600_000)
    selling.publish_offer(made.app, SYSTEM, offer)
    identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id="acme"))
    money.pay(made.app, SYSTEM, "acme", money.NewPayment(id="p", amount_micros=10**9))
    yield made
    made.close()


def submit(centre: SimulatedCentre, name: str, after: dict[str, str] | None = None, **env: str) -> None:
    spec = JobSpec(
        name=name,
        run="true",
        resources=Resources(models=("a100",)),
        env={"SIMULATED_SECONDS": "30", **env},
        after=after or {},
    )
    jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant="acme", spec=spec))


def shown(centre: SimulatedCentre, name: str):
    return jobs.show_job(centre.app, SYSTEM, f"acme.{name}").job


def test_a_job_is_placed_when_those_before_it_have_ended_as_it_needs(centre):
    submit(centre, "prepare")
    submit(centre, "fails", SIMULATED_EXIT="1")
    submit(centre, "train", {"prepare": "success", "fails": "end"})
    submit(centre, "mend", {"fails": "failure"})
    centre.run(10 * S, S)
    assert shown(centre, "train").state is JobState.QUEUED
    why = jobs.why_waiting(centre.app, SYSTEM, "acme.train")
    assert (why.reason, why.after) == ("waits_for_jobs", ("acme.prepare", "acme.fails"))
    centre.run(120 * S, S)
    ended = {name: shown(centre, name) for name in ("prepare", "fails", "train", "mend")}
    assert [ended[name].state for name in ("prepare", "fails")] == [JobState.SUCCEEDED, JobState.FAILED]
    for name, before in (("train", "prepare"), ("mend", "fails")):
        assert ended[name].state is JobState.SUCCEEDED
        assert ended[name].started_at >= ended[before].ended_at


def test_what_waits_for_what_can_never_be_is_cancelled_and_gets_its_money_back(centre):
    submit(centre, "fails", SIMULATED_EXIT="1")
    submit(centre, "next", {"fails": "success"})
    submit(centre, "last", {"next": "success"})
    centre.run(60 * S, S)
    for name in ("next", "last"):
        assert (shown(centre, name).state, shown(centre, name).stop_reason) == (
            JobState.CANCELLED,
            "dependency",
        )
    assert money.balance(centre.app, SYSTEM, "acme").held_micros == 0


def test_the_id_of_an_array_stands_for_all_its_jobs(centre):
    for index in ("0", "1", "10"):
        submit(centre, f"sweep-{index}", ARRAY_INDEX=index)
    submit(centre, "sweep-2")  # called so, and none of the array
    submit(centre, "sweep-1-more", ARRAY_INDEX="1")
    submit(centre, "sum", {"sweep": "success"})
    assert shown(centre, "sum").spec.after == dict.fromkeys(
        ("acme.sweep-0", "acme.sweep-1", "acme.sweep-10"), "success"
    )
    centre.run(120 * S, S)
    assert shown(centre, "sum").state is JobState.SUCCEEDED
    with pytest.raises(Refused, match="after_array_failure"):
        submit(centre, "mend", {"sweep": "failure"})


def test_a_job_that_is_not_there_is_not_waited_for(centre):
    with pytest.raises(Refused, match="not_found"):
        submit(centre, "train", {"never": "success"})


def whole(name: str, indices: tuple[int, ...], at_once: int = 0, seconds: str = "30") -> arrays.NewArray:
    resources = Resources(models=("a100",))
    spec = JobSpec(name=name, run="true", resources=resources, env={"SIMULATED_SECONDS": seconds})
    return arrays.NewArray(id=name, spec=spec, indices=indices, at_once=at_once, tenant="acme")


def test_an_array_is_submitted_whole_and_once(centre):
    asked = whole("sweep", (1, 4, 7), at_once=2)
    made = arrays.submit(centre.app, SYSTEM, asked)
    assert [job.id for job in made] == ["acme.sweep-1", "acme.sweep-4", "acme.sweep-7"]
    assert [job.spec.env["ARRAY_INDEX"] for job in made] == ["1", "4", "7"]
    assert made[2].spec.after == {"acme.sweep-1": "end"}
    centre.run(120 * S, S)
    again = arrays.submit(centre.app, SYSTEM, asked)
    assert [job.state for job in again] == [JobState.SUCCEEDED] * 3


def test_of_an_array_that_cannot_be_paid_nothing_is_queued(centre):
    with pytest.raises(Refused, match="insufficient_funds"):
        arrays.submit(centre.app, SYSTEM, whole("dear", tuple(range(1000))))
    assert jobs.list_jobs(centre.app, SYSTEM, "acme", "", 100) == ()


@pytest.mark.parametrize(
    ("indices", "at_once"),
    [
        ((), 0),
        ((1, 1), 0),
        ((2, 1), 0),
        ((-1, 0), 0),
        ((0, 10**6 + 1), 0),
        (tuple(range(1001)), 0),
        ((0,), -1),
    ],
)
def test_indices_that_cannot_be_are_refused(centre, indices, at_once):
    with pytest.raises(Refused, match="array_malformed"):
        arrays.submit(centre.app, SYSTEM, whole("sweep", indices, at_once))
