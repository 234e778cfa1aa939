"""What one verb leaves for another, and what the world does between two turns, on a simulated centre."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from penstock.app import fleet, identity, jobs, keeper, money, reports, selling, tokens
from penstock.app.access import SYSTEM
from penstock.app.keeper import Keeper
from penstock.base.refusal import Fault, Refused, not_found
from penstock.fleet.device import DeviceState
from penstock.lease.job import Checkpoint, JobSpec, JobState, Resources
from penstock.lease.tenant import Scope
from penstock.sim.centre import OPENING, SimulatedCentre, _device, _node
from penstock.store import fleet as stored
from penstock.store.database import Database, Tx

YUAN = 1_000_000
MINUTE = timedelta(minutes=1)


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[SimulatedCentre]:
    made = SimulatedCentre(tmp_path, 1)
    made.install("a100", 1, 2)
    offer = selling.NewOffer(id="o", model="a100", price_micros_per_card_hour=12 * YUAN)
    selling.publish_offer(made.app, SYSTEM, offer)
    identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id="t"))
    money.pay(made.app, SYSTEM, "t", money.NewPayment(id="t", amount_micros=10_000 * YUAN))
    yield made
    assert made.check().ok
    made.close()


def submit(centre: SimulatedCentre, name: str, lease: str | None = None) -> str:
    spec = JobSpec(
        name=name,
        run="simulated",
        resources=Resources(("a100",)),
        env={"SIMULATED_SECONDS": "60"},
        checkpoint=Checkpoint(),
    )
    return jobs.submit(centre.app, SYSTEM, jobs.NewJob(id=name, tenant="t", spec=spec, lease=lease)).id


def state(centre: SimulatedCentre, name: str) -> JobState:
    return jobs.show_job(centre.app, SYSTEM, name).job.state


def test_jobs_on_a_lease_that_is_cancelled_end_with_it(centre: SimulatedCentre) -> None:
    start = centre.clock.now() + 30 * MINUTE
    asked = selling.NewQuote(id="q", tenant="t", model="a100", devices=1, start=start, hours=1.0)
    selling.accept_quote(centre.app, SYSTEM, selling.ask_quote(centre.app, SYSTEM, asked).id, "l")
    on_lease, on_demand = submit(centre, "early", "l"), submit(centre, "other")
    centre.turn()
    assert state(centre, on_lease) is JobState.QUEUED
    selling.cancel_lease(centre.app, SYSTEM, "t.l")
    ended = jobs.show_job(centre.app, SYSTEM, on_lease).job
    assert (ended.state, ended.stop_reason, ended.ended_at) == (
        JobState.CANCELLED,
        "lease_ended",
        centre.clock.now(),
    )
    centre.run(5 * MINUTE, MINUTE / 4)
    assert state(centre, on_demand) is JobState.SUCCEEDED
    assert money.balance(centre.app, SYSTEM, "t").held_micros == 0


def test_a_quote_is_given_again_after_its_start(centre: SimulatedCentre) -> None:
    start = centre.clock.now() + MINUTE
    asked = selling.NewQuote(id="q", tenant="t", model="a100", devices=1, start=start, hours=1.0)
    first = selling.ask_quote(centre.app, SYSTEM, asked)
    centre.clock.advance(5 * MINUTE)
    assert selling.ask_quote(centre.app, SYSTEM, asked) == first


def test_a_directory_that_cannot_be_made_now_is_made_in_a_later_turn(centre: SimulatedCentre) -> None:
    name = submit(centre, "kept")
    checkpoints = centre.directory / "checkpoints"
    checkpoints.rmdir()
    checkpoints.write_text("in the way")
    centre.run(2 * MINUTE, MINUTE / 4)
    assert state(centre, name) is JobState.PLACED
    checkpoints.unlink()
    centre.run(3 * MINUTE, MINUTE / 4)
    assert state(centre, name) is JobState.SUCCEEDED


def test_a_volume_is_one_by_its_short_and_its_full_name(centre: SimulatedCentre) -> None:
    made = identity.add_volume(centre.app, SYSTEM, "t.data", "t")
    assert (made.id, made.name) == ("t.data", "data")
    assert identity.add_volume(centre.app, SYSTEM, "data", "t") == made


class Broken:
    """A probe whose bench breaks."""

    def calibrate(self, device: Any, at: Any) -> Iterator[Any]:
        raise OSError("the bench broke")


def test_a_device_is_on_sale_again_after_its_bench_broke(centre: SimulatedCentre) -> None:
    with pytest.raises(OSError, match="the bench broke"):
        fleet.calibrate(centre.app, SYSTEM, Broken(), "a100-0000.0")  # ty: ignore[invalid-argument-type]
    (device,) = (d for d in fleet.view(centre.app).devices if d.id == "a100-0000.0")
    assert device.state is DeviceState.AVAILABLE


def test_what_was_traded_for_a_token_ends_with_it(centre: SimulatedCentre) -> None:
    issued = tokens.issue_token(centre.app, SYSTEM, tokens.NewToken(id="ops", scopes=(Scope.OPERATOR,)))
    session = tokens.open_session(centre.app, issued.secret)
    second = tokens.open_session(centre.app, session.secret)
    holder = tokens.authenticate(centre.app, second.secret)
    tokens.require_valid(centre.app, holder)
    tokens.revoke_token(centre.app, SYSTEM, "ops")
    for secret in (issued.secret, session.secret, second.secret):
        with pytest.raises(Refused, match="token_invalid"):
            tokens.authenticate(centre.app, secret)
    with pytest.raises(Refused, match="token_invalid"):
        tokens.require_valid(centre.app, holder)


def test_a_tenant_names_its_tokens_by_their_short_names(centre: SimulatedCentre) -> None:
    identity.add_member(centre.app, SYSTEM, identity.NewMember(id="ann", tenant="t", role="owner"))
    issued = tokens.issue_token(centre.app, SYSTEM, tokens.NewToken(id="laptop", tenant="t", member="ann"))
    ann = tokens.authenticate(centre.app, issued.secret)
    assert tokens.revoke_token(centre.app, ann, "laptop").revoked_at == centre.clock.now()


def test_the_loop_goes_on_after_the_outside_failed_between_two_turns(
    centre: SimulatedCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "RETRY_S", 0.01)
    asked: list[int] = []
    real = reports.revision

    def revision(app: Any) -> int:
        asked.append(len(asked))
        if len(asked) in (1, 3, 4):
            raise Fault("using the database: the connection is gone")
        if len(asked) > 8:
            turning.stop()
        return real(app)

    monkeypatch.setattr(reports, "revision", revision)
    turning = Keeper(centre.app, on_broken=lambda: None)
    turning.run()
    assert turning.broken is None
    assert len(asked) > 8


def taken_back(tx: Tx) -> None:
    stored.save_node(tx, _node("gone", 0, "simulated"))
    assert [node.id for node in stored.nodes(tx)] == ["gone"]
    raise Refused(not_found("node", "any"))


def test_what_a_write_took_back_is_not_remembered(tmp_path: Path, database_url: str | None) -> None:
    database = Database(database_url or tmp_path)
    database.migrate()
    with pytest.raises(Refused), database.write() as tx:
        taken_back(tx)
    with database.write() as tx:
        stored.save_node(tx, _node("kept", 0, "simulated"))
        stored.save_device(tx, _device("kept", "a100", 0), OPENING)
    with database.read() as tx:
        assert [node.id for node in stored.nodes(tx)] == ["kept"]
    database.close()
