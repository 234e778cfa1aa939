"""Shares of devices, spot work and moves through the whole app: virtual clock, simulated engine, real books."""

from datetime import timedelta

import pytest

from penstock.app import identity, jobs, money, placing, reports, selling
from penstock.app.access import SYSTEM
from penstock.base.refusal import Refused
from penstock.base.window import Window
from penstock.billing.model import ChargeLine
from penstock.insight.model import Line
from penstock.lease.job import Checkpoint, JobSpec, JobState, Resources
from penstock.placement.model import Rules
from penstock.sim.centre import SimulatedCentre
from penstock.store import rows
from penstock.store.tables import CHARGE_LINES

YUAN = 1_000_000
MINUTE = timedelta(minutes=1)


@pytest.fixture
def centre(tmp_path):
    made = SimulatedCentre(tmp_path, 1)
    made.install("a100", 2, 2)
    offer = selling.NewOffer(
        id="o",
        model="a100",
        price_micros_per_card_hour=12 * YUAN,
        spot_price_micros_per_card_hour=4 * YUAN,
    )
    selling.publish_offer(made.app, SYSTEM, offer)
    for tenant in ("t", "u"):
        identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id=tenant))
        money.pay(made.app, SYSTEM, tenant, money.NewPayment(id=tenant, amount_micros=10_000 * YUAN))
    yield made
    made.close()


def submit(centre, name, devices=1, share=1000, seconds=3600, nodes=1, tenant="t", **more):
    lease = more.pop("lease", None)
    spec = JobSpec(
        name=name,
        run="simulated",
        nodes=nodes,
        resources=Resources(("a100",), devices, device_share=share),
        env={"SIMULATED_SECONDS": str(seconds), "SIMULATED_CHECKPOINT_S": "600"},
        checkpoint=Checkpoint(),
        **more,
    )
    return jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant=tenant, spec=spec, lease=lease)).id


def state(centre, name):
    return jobs.show_job(centre.app, SYSTEM, name).job.state


def attempts(centre, name):
    return jobs.show_job(centre.app, SYSTEM, name).attempts


def lines(centre) -> list[ChargeLine]:
    with centre.app.database.read() as tx:
        return list(rows.many(tx, CHARGE_LINES))


def test_two_halves_of_a_device_run_at_once_and_cost_half_each(centre):
    began = centre.clock.now()
    halves = [submit(centre, f"half{i}", share=500) for i in range(2)]
    third = submit(centre, "third", share=600, tenant="u")
    centre.run(2 * MINUTE, MINUTE)
    first, second = (attempts(centre, name)[0] for name in halves)
    assert first.devices == second.devices
    assert (first.slots, second.slots) == ((((0, 500),),), (((500, 1000),),))
    assert attempts(centre, third)[0].devices != first.devices
    centre.run(timedelta(hours=2), MINUTE)
    assert {state(centre, name) for name in (*halves, third)} == {JobState.SUCCEEDED}
    paid = {line.job: 0 for line in lines(centre)}
    for line in lines(centre):
        paid[line.job] += line.amount_micros
    hours = (3600 + 20) / 3600
    assert paid[halves[0]] == paid[halves[1]] == round(hours * 6 * YUAN)
    assert paid[third] == pytest.approx(hours * 7.2 * YUAN, abs=2)
    ladder = reports.show_ladder(centre.app, SYSTEM, began, centre.clock.now())[""]
    productive = next(line.card_us for line in ladder.lines if line.line is Line.PRODUCTIVE)
    assert productive == pytest.approx(1.6 * 3600 * 1e6, abs=10)
    assert sum(line.card_us for line in ladder.lines) == ladder.capacity_card_us
    assert centre.check().ok


def test_spot_work_pays_the_spot_price_and_goes_when_a_lease_begins(centre):
    start = centre.clock.now() + 30 * MINUTE
    quote = selling.ask_quote(
        centre.app,
        SYSTEM,
        selling.NewQuote(id="q", tenant="u", model="a100", devices=4, start=start, hours=1.0),
    )
    selling.accept_quote(centre.app, SYSTEM, quote.id, "l")
    on_demand, spot = submit(centre, "demand"), submit(centre, "spot", spot=True, grace_s=5)
    centre.run(2 * MINUTE, MINUTE)
    waiting = jobs.show_job(centre.app, SYSTEM, on_demand).job
    assert (waiting.state, waiting.reasons) == (JobState.QUEUED, {"reserved": 3, "busy": 1})
    assert waiting.promise is not None
    assert waiting.promise.start == start + timedelta(hours=1)
    assert state(centre, spot) is JobState.RUNNING
    centre.run(start - centre.clock.now(), MINUTE / 4)
    assert state(centre, spot) is JobState.QUEUED
    (attempt,) = attempts(centre, spot)
    assert (attempt.state, attempt.cause) == ("evicted", "spot")
    assert attempt.ended_at <= start
    assert {line.price_micros_per_card_hour for line in lines(centre) if line.job == spot} == {4 * YUAN}
    ladder = reports.show_ladder(centre.app, SYSTEM, start - 30 * MINUTE, start)[""]
    kept_out = next(line.card_us for line in ladder.lines if line.line is Line.NO_FIT_BOOKING)
    assert kept_out > 0
    centre.run(timedelta(hours=3), MINUTE)
    assert state(centre, spot) is state(centre, on_demand) is JobState.SUCCEEDED
    assert centre.check().ok


def test_spot_work_gives_way_to_work_on_demand_the_least_of_it(centre):
    spot = [submit(centre, f"spot{i}", spot=True, grace_s=5) for i in range(2)]
    centre.run(25 * MINUTE, MINUTE)
    spot += [submit(centre, f"spot{i}", spot=True, grace_s=5) for i in (2, 3)]
    centre.run(5 * MINUTE, MINUTE)
    assert {state(centre, name) for name in spot} == {JobState.RUNNING}
    wanted = submit(centre, "wanted", tenant="u")
    centre.run(2 * MINUTE, MINUTE / 4)
    assert state(centre, wanted) in (JobState.RUNNING, JobState.STARTING)
    evicted = [name for name in spot if attempts(centre, name)[0].state == "evicted"]
    assert len(evicted) == 1
    assert centre.check().ok


def test_a_lease_lends_what_is_idle_and_takes_it_back(centre):
    quote = selling.ask_quote(
        centre.app, SYSTEM, selling.NewQuote(id="q", tenant="u", model="a100", devices=4, hours=2.0)
    )
    lease = selling.accept_quote(centre.app, SYSTEM, quote.id, "l").id
    spot = submit(centre, "spot", spot=True, devices=2, grace_s=5)
    centre.run(2 * MINUTE, MINUTE)
    assert state(centre, spot) is JobState.QUEUED
    selling.lend_lease(centre.app, SYSTEM, lease, lends_idle=True)
    centre.run(2 * MINUTE, MINUTE)
    assert state(centre, spot) is JobState.RUNNING
    own = submit(centre, "own", devices=2, nodes=2, tenant="u", lease=lease)
    centre.run(3 * MINUTE, MINUTE / 4)
    assert state(centre, own) is JobState.RUNNING
    assert state(centre, spot) is JobState.QUEUED
    assert centre.check().ok


def test_moves_admit_a_gang_that_does_not_fit(centre):
    placing.set_rules(centre.app, SYSTEM, Rules(policy="first-fit"))
    ones = [submit(centre, f"one{i}", seconds=36_000, grace_s=5) for i in range(4)]
    centre.run(12 * MINUTE, MINUTE)
    held = {name: attempts(centre, name)[0].devices[0] for name in ones}
    for name in (min(held, key=held.get), max(held, key=held.get)):
        jobs.stop(centre.app, SYSTEM, name)
    centre.run(MINUTE, MINUTE)
    gang = submit(centre, "gang", devices=2, tenant="u")
    centre.run(2 * MINUTE, MINUTE)
    assert state(centre, gang) is JobState.QUEUED
    plan = placing.plan_moves(centre.app, SYSTEM, gang)
    assert plan.possible
    (move,) = plan.moves
    assert move.lost_us == pytest.approx((15 * 60 - 20 - 600) * 1e6, abs=90e6)
    assert move.again_us == pytest.approx(20e6, abs=61e6)
    assert state(centre, gang) is JobState.QUEUED, "a plan does nothing"
    placing.move(centre.app, SYSTEM, gang)
    again = placing.move(centre.app, SYSTEM, gang)
    assert again.possible and not again.moves
    centre.run(3 * MINUTE, MINUTE / 4)
    assert state(centre, gang) is JobState.RUNNING
    assert state(centre, move.job) is JobState.RUNNING
    assert attempts(centre, move.job)[0].cause == "defragment"
    assert len(attempts(centre, move.job)) == 2
    assert centre.check().ok
    with pytest.raises(Refused):
        placing.plan_moves(centre.app, SYSTEM, gang)


def test_a_share_is_charged_by_the_memory_that_it_takes(centre):
    window = Window(centre.clock.now(), centre.clock.now() + MINUTE)
    spec = JobSpec(
        name="m",
        run="simulated",
        resources=Resources(("a100",), 1, device_share=100, device_memory_bytes=60 * 2**30),
        env={"SIMULATED_SECONDS": "600"},
    )
    jobs.submit(centre.app, SYSTEM, jobs.NewJob(id="m", tenant="t", spec=spec))
    centre.run(timedelta(hours=1), MINUTE)
    (attempt,) = attempts(centre, "t.m")
    assert attempt.share == 750
    assert {line.price_micros_per_card_hour for line in lines(centre)} == {12 * YUAN}
    assert sum(line.amount_micros for line in lines(centre)) == 620 * 12 * YUAN * 3 // 4 // 3600
    assert window.end < centre.clock.now()
    assert centre.check().ok
