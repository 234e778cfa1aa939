"""The contract: what any engine promises, run against each of them, the simulated one included."""

import os
import signal
from datetime import timedelta

import msgspec
import pytest
from tests.contract.bench import COUNTED, Program
from tests.contract.harnesses import EVERY

from penstock.base.refusal import Fault
from penstock.lease.job import FINAL_ATTEMPT_STATES, Attempt, AttemptState, Job, JobState, Resources, TaskExit
from penstock.lease.machine import advance

ENGINES = EVERY
SUCCEEDED, FAILED, STOPPED = AttemptState.SUCCEEDED, AttemptState.FAILED, AttemptState.STOPPED
MANY = int(os.environ.get("PENSTOCK_CONTRACT_ATTEMPTS", "0"))
"""How many attempts at once; 1000 in `make thousand`, 25 in `make test`."""

SUCCEEDS = Program(COUNTED + "exit 0", {"SIMULATED_SECONDS": "1"})
ENDLESS = Program(COUNTED + "exec sleep 600", {"SIMULATED_SECONDS": "600000"})
FAILS_IN_RANK_1 = Program(
    "up=$PENSTOCK_CHECKPOINT_DIR/up; [ $RANK = 0 ] && touch $up && exec sleep 600; "
    "until [ -e $up ]; do sleep 0.05; done; exit 7",
    {"SIMULATED_EXIT": "7", "SIMULATED_RANK": "1"},
)
"""Once rank 0 runs: a task that is told to stop before it has begun has no exit."""
IS_KILLED = Program("kill -9 $$", {"SIMULATED_SIGNAL": "9"})
EXITS_137 = Program("exit 137", {"SIMULATED_EXIT": "137"})
NEEDS_MEMORY = Program("python3 -c 'bytearray(400 * 2**20)'; exit $?", {"SIMULATED_OUT_OF_MEMORY": "1"})
COMPUTES = Program(
    "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'", {"SIMULATED_SECONDS": "1"}
)
LINES = 20_000
PRINTS = Program(
    f"for ((i = 0; i < {LINES}; i += 2)); do echo $i; echo $((i + 1)) >&2; done",
    {"SIMULATED_SECONDS": "5", "SIMULATED_LINES": str(LINES)},
)


def test_start_twice_is_once(bench):
    plan = bench.start("a", SUCCEEDS)
    bench.engine.start(plan)
    first = bench.settled("a")
    bench.engine.start(plan)
    bench.reopen()
    bench.engine.start(plan)
    assert bench.see("a") == first
    assert bench.runs("a") == 1


def test_an_attempt_that_was_never_started_is_left_out(bench):
    bench.start("a", SUCCEEDS)
    bench.end("a")
    assert [seen.attempt for seen in bench.engine.observe(["none", bench.id("a")])] == [bench.id("a")]


def test_stop_is_final(bench):
    plan = bench.start("a", ENDLESS)
    bench.until("a", "running")
    bench.wait(lambda: bench.runs("a"))
    bench.stop("a", 0)
    bench.end("a")
    bench.engine.start(plan)
    assert bench.see("a").state == STOPPED
    assert bench.runs("a") == 1


def test_stop_after_the_end_changes_nothing(bench):
    bench.start("a", EXITS_137)
    first = bench.settled("a")
    bench.stop("a", 0)
    assert bench.see("a") == first


def test_an_attempt_stopped_before_its_start_never_begins(bench):
    bench.stop("a", 5)
    assert bench.see("a").state == STOPPED
    bench.start("a", SUCCEEDS)
    seen = bench.end("a")
    assert (seen.state, seen.began_at, seen.exits) == (STOPPED, None, ())
    assert bench.runs("a") == 0


def test_an_attempt_that_waits_in_the_queue_has_not_begun_and_can_be_cancelled(own_bench):
    own_bench.needs("queue")
    own_bench.harness.fill(own_bench, "filler")
    own_bench.start("a", SUCCEEDS)
    seen = own_bench.wait(lambda: (seen := own_bench.see("a")) and seen.waiting and seen)
    assert (seen.state, seen.began_at) == (AttemptState.STARTING, None)
    own_bench.stop("a", 5)
    seen = own_bench.end("a")
    assert (seen.state, seen.began_at, seen.exits) == (STOPPED, None, ())
    assert own_bench.runs("a") == 0


def test_all_tasks_start_or_none(bench):
    plan = bench.plan("a", SUCCEEDS, tasks=3)
    plan = msgspec.structs.replace(plan, tasks=(*plan.tasks[:2], bench.impossible_task(2)))
    bench.begin(plan)
    seen = bench.end("a")
    assert seen.state == FAILED
    assert seen.running_at is None
    assert bench.runs("a") == 0
    assert any(word in bench.log("a") for word in ("nowhere", "4000"))


def test_a_gang_whose_tasks_all_succeed_succeeds(bench):
    bench.start("a", SUCCEEDS, tasks=2)
    seen = bench.end("a")
    assert seen.state == SUCCEEDED
    assert seen.cause == ""
    assert seen.exits == (TaskExit(rank=0, exit_code=0), TaskExit(rank=1, exit_code=0))
    assert seen.began_at <= seen.running_at <= seen.ended_at


def test_an_exit_code_is_recorded_and_ends_the_gang(bench):
    bench.start("a", FAILS_IN_RANK_1, tasks=2)
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (FAILED, "exit")
    assert seen.exits == (TaskExit(rank=0, signal=signal.SIGTERM), TaskExit(rank=1, exit_code=7))


def test_a_signal_is_told_from_an_exit_code(bench):
    bench.start("killed", IS_KILLED)
    bench.start("exited", EXITS_137)
    assert bench.end("killed").exits == (TaskExit(rank=0, signal=signal.SIGKILL),)
    assert bench.end("exited").exits == (TaskExit(rank=0, exit_code=137),)


def test_the_time_limit_ends_an_attempt(bench):
    bench.start("a", ENDLESS, time_limit_s=1, tasks=2)
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (FAILED, "time_limit")
    assert (seen.ended_at - seen.began_at).total_seconds() >= 1


def test_running_out_of_memory_is_seen_as_such(bench):
    bench.needs("memory")
    bench.start("a", NEEDS_MEMORY, resources=Resources(models=("cpu",), memory_bytes=96 * 2**20))
    seen = bench.end("a")
    assert (seen.state, seen.cause) == (FAILED, "out_of_memory")
    assert [one.out_of_memory for one in seen.exits] == [True]


def test_an_attempt_on_a_host_that_fails_is_lost(own_bench):
    own_bench.start("a", ENDLESS, tasks=2)
    own_bench.until("a", "running")
    own_bench.harness.lose(own_bench, "a")
    seen = own_bench.end("a")
    assert seen.state == AttemptState.LOST
    assert seen.began_at <= seen.running_at <= seen.ended_at
    assert own_bench.see("a") == seen


def test_an_attempt_whose_devices_the_engine_takes_back_is_evicted(own_bench):
    own_bench.needs("eviction")
    own_bench.start("a", ENDLESS)
    own_bench.until("a", "running")
    own_bench.harness.evict(own_bench, "a")
    seen = own_bench.end("a")
    assert seen.state == AttemptState.EVICTED
    assert seen.began_at <= seen.running_at <= seen.ended_at


def test_a_log_is_complete_and_in_order_and_read_by_offset(bench):
    bench.start("a", PRINTS)
    parts = []
    offset = 0
    while not (final := bench.see("a").state in FINAL_ATTEMPT_STATES) or bench.engine.logs(
        bench.id("a"), 0, offset, 1
    ):
        parts.append(bench.engine.logs(bench.id("a"), 0, offset, 1000))
        offset += len(parts[-1])
        if not parts[-1]:
            bench.harness.pause()
    assert final
    assert b"".join(parts) == b"".join(b"%d\n" % i for i in range(LINES))
    assert bench.engine.logs(bench.id("a"), 7, 0, 100) == b""


def test_usage_is_what_ran(bench):
    bench.start("a", COMPUTES, tasks=2)
    seen = bench.end("a")
    assert seen.state == SUCCEEDED
    assert seen.cpu_seconds >= 0.6
    assert seen.ended_at - seen.began_at >= timedelta(seconds=0.3)


@pytest.mark.parametrize("ahead", [timedelta(hours=-1), timedelta(hours=1)], ids=["behind", "ahead"])
def test_a_platform_whose_clock_is_another_keeps_every_instant_in_order(bench, ahead):
    bench.start("a", SUCCEEDS)
    seen = bench.end("a")
    now = seen.ended_at + ahead
    placed_at = seen.began_at + ahead - timedelta(seconds=1)
    attempt = Attempt(
        id=seen.attempt, job="j", tenant="t", number=1, engine="e", devices=("d",), placed_at=placed_at
    )
    spec = bench.plan("a", SUCCEEDS).spec
    job = Job(id="j", tenant="t", spec=spec, created_at=placed_at, state=JobState.STARTING, attempts=1)
    job, after = advance(job, attempt, seen, now)
    assert job.state == JobState.SUCCEEDED
    assert placed_at <= after.began_at <= after.running_at <= after.ended_at <= now


def test_what_is_forgotten_is_gone(bench):
    bench.start("a", PRINTS)
    bench.end("a")
    bench.engine.forget(bench.id("a"))
    assert bench.see("a") is None
    assert bench.log("a") == ""


def test_an_attempt_that_runs_is_not_forgotten(bench):
    bench.start("a", ENDLESS)
    bench.until("a", "running")
    bench.engine.forget(bench.id("a"))
    assert bench.until("a", "running")


def test_the_platform_killed_at_any_point_of_start_starts_once(bench):
    plans = [bench.plan(f"a{number}", SUCCEEDS) for number in range(6)]
    for number in range(6):
        bench.adopt(f"a{number}")
    bench.harness.kill_during(bench, "start", [(plan,) for plan in plans])
    bench.reopen()
    for number, plan in enumerate(plans):
        if bench.see(f"a{number}") is None:
            bench.engine.start(plan)
    for number in range(6):
        assert bench.end(f"a{number}").state == SUCCEEDED
        assert bench.runs(f"a{number}") == 1


def test_the_platform_killed_at_any_point_of_stop_stops_once_it_asks_again(bench):
    names = [f"a{number}" for number in range(4)]
    for name in names:
        bench.start(name, ENDLESS)
    for name in names:
        bench.until(name, "running")
    bench.harness.kill_during(bench, "stop", [(bench.id(name), 1.0) for name in names])
    bench.reopen()
    for name in names:
        bench.stop(name, 1.0)
    for name in names:
        assert bench.end(name).state == STOPPED
        assert bench.runs(name) <= 1


def test_an_engine_that_is_killed_and_restarted_loses_nothing(own_bench):
    own_bench.needs("server")
    own_bench.start("before", ENDLESS)
    own_bench.until("before", "running")
    during = own_bench.plan("during", SUCCEEDS)
    own_bench.adopt("during")

    def meanwhile() -> None:
        try:
            own_bench.engine.start(during)
        except Fault:
            own_bench.wait(lambda: _starts(own_bench, during) or True)

    own_bench.harness.restart(own_bench, meanwhile)
    own_bench.wait(lambda: _starts(own_bench, during), "the engine's return")
    assert own_bench.end("during").state == SUCCEEDED
    assert own_bench.until("before", "running")
    assert (own_bench.runs("before"), own_bench.runs("during")) == (1, 1)


def _starts(bench, plan) -> bool:
    try:
        bench.engine.start(plan)
    except Fault:
        return False
    return True


def test_an_attempt_goes_on_while_nobody_looks(bench):
    bench.start("a", SUCCEEDS)
    bench.engine.close()
    bench.reopen()
    assert bench.end("a").state == SUCCEEDED


def test_many_attempts_at_once_and_none_is_lost(bench):
    names = [f"a{number}" for number in range(MANY or bench.harness.many)]
    for name in names:
        bench.start(name, SUCCEEDS)
    assert bench.ends(names) == dict.fromkeys(names, SUCCEEDED)
    assert [bench.runs(name) for name in names] == [1] * len(names)
