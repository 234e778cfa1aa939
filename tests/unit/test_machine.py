"""The state machines: every pair of states, and what each way of ending makes of a job."""

from datetime import UTC, datetime, timedelta
from itertools import product

import msgspec
import pytest

from penstock.base.refusal import Refusal
from penstock.fleet.device import DEVICE_MOVES, Device, DeviceState
from penstock.lease.job import (
    FINAL_JOB_STATES,
    JOB_MOVES,
    Attempt,
    AttemptState,
    Job,
    JobSpec,
    JobState,
    Resources,
    Retry,
    TaskExit,
)
from penstock.lease.machine import CHECKPOINTS_KEPT, LOSSES_MAX, advance, confirm, lease_step, may_retry
from penstock.lease.moves import move_device, move_job, move_lease
from penstock.lease.offer import LEASE_MOVES, Lease, LeaseState
from penstock.lease.seen import Seen

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
S = timedelta(seconds=1)
SPEC = JobSpec(name="train", run="true", resources=Resources(models=("a100",)))
JOB = Job(id="j", tenant="t", spec=SPEC, created_at=T0, state=JobState.STARTING, attempts=1)
ATTEMPT = Attempt(
    id="j.1",
    job="j",
    tenant="t",
    number=1,
    engine="local",
    devices=("d",),
    placed_at=T0,
    state=AttemptState.STARTING,
)
DEVICE = Device(id="d", node="n", model="a100", handle="0")
LEASE = Lease(
    id="l",
    tenant="t",
    quote="q",
    offer="o",
    model="a100",
    devices=("d",),
    start=T0,
    end=T0 + 1000 * S,
    price_micros_per_card_hour=1,
    created_at=T0 - 60 * S,
)

replace = msgspec.structs.replace


def seen(state, **fields):
    return Seen(attempt="j.1", state=AttemptState(state), **fields)


@pytest.mark.parametrize(
    ("thing", "moves", "move"),
    [(JOB, JOB_MOVES, move_job), (LEASE, LEASE_MOVES, move_lease), (DEVICE, DEVICE_MOVES, move_device)],
    ids=["job", "lease", "device"],
)
def test_every_pair_of_states(thing, moves, move):
    states = list(type(thing.state))
    assert set(moves) == set(states), "each state has its row"
    for old, new in product(states, states):
        before = replace(thing, state=old)
        after = move(before, new)
        if old == new or new in moves[old]:
            assert after == replace(before, state=new)
        else:
            assert isinstance(after, Refusal)
            assert (after.code, after.status) == (f"{type(thing).__name__.lower()}_state", 409)
            assert all(state in after.remedy for state in moves[old])


def test_final_states_have_no_way_out():
    assert all(JOB_MOVES[state] == () for state in FINAL_JOB_STATES)
    assert LEASE_MOVES[LeaseState.ENDED] == LEASE_MOVES[LeaseState.CANCELLED] == ()
    assert DEVICE_MOVES[DeviceState.RETIRED] == ()


def exits(text):
    """`0 3 s9` is exit code 0, exit code 3, killed by signal 9."""
    return tuple(
        TaskExit(rank=rank, signal=int(word[1:]))
        if word[0] == "s"
        else TaskExit(rank=rank, exit_code=int(word))
        for rank, word in enumerate(text.split())
    )


ENDINGS = """
seen      | cause         | stop_reason | attempts | codes | exits | job       | attempt   | why
succeeded | exit          |             | 1        |       | 0 0   | succeeded | succeeded | exit
succeeded | exit          | user        | 1        |       | 0     | succeeded | succeeded | exit
succeeded | exit          | evicted     | 1        |       | 0     | succeeded | succeeded | exit
failed    | exit          |             | 1        |       | 1     | failed    | failed    | exit
failed    |               |             | 1        |       | 1     | failed    | failed    | exit
failed    | exit          |             | 2        |       | 1     | queued    | failed    | exit
failed    | exit          |             | 2        | 3,75  | 1     | failed    | failed    | exit
failed    | exit          |             | 2        | 3,75  | 0 75  | queued    | failed    | exit
failed    | exit          |             | 2        | 139   | s11 s15 | queued  | failed    | exit
failed    | exit          |             | 2        | 143   | 1 s15 | failed    | failed    | exit
failed    | time_limit    |             | 1        |       | s15   | failed    | failed    | time_limit
failed    | time_limit    |             | 2        | 3     |       | failed    | failed    | time_limit
stopped   | time_limit    |             | 1        |       | s15   | failed    | failed    | time_limit
stopped   | out_of_memory |             | 2        |       | s9    | queued    | failed    | out_of_memory
failed    | exit          | evicted     | 2        |       | 1     | queued    | failed    | exit
failed    | exit          | user        | 2        |       | 1     | failed    | failed    | exit
failed    | exit          | lease_ended | 2        |       | 1     | failed    | failed    | exit
stopped   | stop          | user        | 1        |       | s15   | cancelled | stopped   | stop
stopped   | stop          | lease_ended | 1        |       | s15   | cancelled | evicted   | lease_ended
stopped   | stop          | evicted     | 1        |       | s15   | queued    | evicted   | evicted
stopped   | stop          | suspended   | 1        |       | s15   | queued    | evicted   | suspended
stopped   | stop          | drain       | 1        |       | s15   | queued    | evicted   | drain
stopped   | stop          | node_down   | 1        |       | s15   | queued    | evicted   | node_down
stopped   | stop          |             | 1        |       | s15   | queued    | evicted   | evicted
evicted   |               |             | 1        |       |       | queued    | evicted   | evicted
evicted   |               | user        | 1        |       |       | cancelled | stopped   | stop
lost      |               |             | 1        |       |       | queued    | lost      | lost
lost      | node_lost     | evicted     | 1        |       |       | queued    | lost      | node_lost
lost      | node_lost     | node_down   | 1        |       |       | queued    | lost      | node_down
lost      |               | user        | 1        |       |       | cancelled | lost      | lost
lost      |               | lease_ended | 1        |       |       | cancelled | lost      | lost
"""
ENDING_ROWS = [[cell.strip() for cell in line.split("|")] for line in ENDINGS.strip().splitlines()[1:]]


@pytest.mark.parametrize("before", [JobState.PLACED, JobState.STARTING, JobState.RUNNING])
@pytest.mark.parametrize("row", ENDING_ROWS, ids=lambda row: "-".join(filter(None, row)))
def test_what_an_ending_makes_of_the_job(row, before):
    state, cause, stop_reason, attempts, codes, ended, job_state, attempt_state, why = row
    retry = Retry(int(attempts), tuple(int(code) for code in codes.split(",") if code))
    job = replace(JOB, state=before, spec=replace(SPEC, retry=retry), stop_reason=stop_reason or None)
    report = seen(state, cause=cause, exits=exits(ended), began_at=T0, running_at=T0 + S, ended_at=T0 + 9 * S)
    job_after, after = advance(job, ATTEMPT, report, T0 + 10 * S)
    assert (job_after.state, after.state, after.cause) == (job_state, attempt_state, why)
    assert after.ended_at == T0 + 9 * S
    assert job_after.started_at == T0 + S
    assert job_after.failures == (attempt_state == "failed")
    assert job_after.losses == (attempt_state == "lost")
    if job_state == "queued":
        assert (job_after.stop_reason, job_after.ended_at) == (None, None)
    else:
        assert (job_after.stop_reason, job_after.ended_at) == (stop_reason or None, after.ended_at)


def test_out_of_memory_is_named_where_the_engine_only_marks_the_task():
    report = seen("failed", exits=(TaskExit(rank=0, signal=9, out_of_memory=True),), ended_at=T0 + S)
    assert advance(JOB, ATTEMPT, report, T0 + S)[1].cause == "out_of_memory"


def test_losses_are_not_failures_but_bounded():
    job, states = JOB, []
    for number in range(1, LOSSES_MAX + 1):
        attempt = replace(ATTEMPT, id=f"j.{number}", number=number)
        job = replace(job, state=JobState.STARTING, attempts=number)
        report = Seen(attempt=attempt.id, state=AttemptState.LOST, ended_at=T0 + S)
        job, _ = advance(job, attempt, report, T0 + S)
        states.append(job.state)
    assert states == [JobState.QUEUED] * (LOSSES_MAX - 1) + [JobState.FAILED]
    assert (job.failures, job.losses, job.ended_at) == (0, LOSSES_MAX, T0 + S)


@pytest.mark.parametrize(
    ("attempts", "codes", "ended", "failures", "answer"),
    [
        (1, (), "1", 1, False),
        (3, (), "1", 2, True),
        (3, (), "1", 3, False),
        (3, (75,), "75", 1, True),
        (3, (75,), "0 1", 1, False),
        (3, (75,), "", 1, False),
        (3, (137,), "s9", 1, True),
    ],
)
def test_may_retry(attempts, codes, ended, failures, answer):
    assert may_retry(Retry(attempts, codes), exits(ended), failures) is answer


def test_an_attempt_goes_forward_only():
    job, attempt = advance(JOB, ATTEMPT, seen("running", began_at=T0, running_at=T0 + S), T0 + 2 * S)
    assert (job.state, attempt.state, job.started_at) == (JobState.RUNNING, AttemptState.RUNNING, T0 + S)
    assert advance(job, attempt, seen("starting", began_at=T0), T0 + 3 * S) == (job, attempt)
    assert advance(job, attempt, seen("placed"), T0 + 3 * S) == (job, attempt)


def test_an_attempt_told_to_stop_stays_so_while_it_runs():
    job = replace(JOB, state=JobState.PLACED, stop_reason="user")
    attempt = replace(ATTEMPT, state=AttemptState.STOPPING, stopping_at=T0 + S)
    job, attempt = advance(job, attempt, seen("running", began_at=T0, running_at=T0 + S), T0 + 2 * S)
    assert (job.state, attempt.state) == (JobState.RUNNING, AttemptState.STOPPING)
    job, attempt = advance(job, attempt, seen("stopped", cause="stop", ended_at=T0 + 3 * S), T0 + 4 * S)
    assert (job.state, attempt.state) == (JobState.CANCELLED, AttemptState.STOPPED)


def test_stopped_before_it_began_is_not_charged():
    report = seen("stopped", cause="stop", ended_at=T0 + S)
    _, attempt = advance(JOB, ATTEMPT, report, T0 + S)
    assert (attempt.began_at, attempt.running_at, attempt.ended_at) == (None, None, T0 + S)


SKEWED = """
began | running | ended | metered | now | = began | running | ended
1     | 2       | 3     |         | 10  | 1       | 2       | 3
-5    | -4      | 3     |         | 10  | 0       | 0       | 3
-9    | -8      | -7    |         | 10  | 0       | 0       | 0
50    | 60      | 70    |         | 10  | 10      | 10      | 10
5     | 3       | 4     |         | 10  | 5       | 5       | 5
1     | 2       | 3     | 8       | 10  | 1       | 2       | 8
1     | 2       |       |         | 10  | 1       | 2       | 10
      | 2       | 3     |         | 10  | 2       | 2       | 3
1     | 2       | 3     |         | -10 | 0       | 0       | 0
"""


@pytest.mark.parametrize("line", SKEWED.strip().splitlines()[1:])
def test_instants_of_a_skewed_clock_are_brought_into_order(line):
    cells = [cell.strip() for cell in line.split("|")]
    began, running, ended, metered, now, *expected = [T0 + int(c) * S if c else None for c in cells]
    report = seen("failed", began_at=began, running_at=running, ended_at=ended)
    _, after = advance(JOB, replace(ATTEMPT, metered_until=metered), report, now)
    assert [after.began_at, after.running_at, after.ended_at] == expected


def test_checkpoints_ahead_of_the_clock_wait_for_it():
    report = seen("running", began_at=T0, running_at=T0, checkpoints=(T0 + S, T0 + 9 * S))
    _, attempt = advance(JOB, ATTEMPT, report, T0 + 5 * S)
    assert attempt.checkpoints == (T0 + S,)
    _, attempt = advance(JOB, attempt, report, T0 + 9 * S)
    assert attempt.checkpoints == (T0 + S, T0 + 9 * S)
    ended = seen("failed", ended_at=T0 + 10 * S, checkpoints=(T0 + 9 * S, T0 + 11 * S))
    _, attempt = advance(JOB, attempt, ended, T0 + 10 * S)
    assert attempt.checkpoints == (T0 + S, T0 + 9 * S, T0 + 10 * S)


def test_only_the_last_checkpoints_are_kept():
    attempt = ATTEMPT
    for last in range(50, 400, 50):
        window = tuple(T0 + n * S for n in range(last - 60, last))
        _, attempt = advance(JOB, attempt, seen("running", checkpoints=window), T0 + 1000 * S)
    assert attempt.checkpoints == tuple(T0 + n * S for n in range(350 - CHECKPOINTS_KEPT, 350))


def test_a_stall_grows_and_is_cut_at_the_end():
    def stalls(*pairs):
        return tuple((T0 + a * S, T0 + b * S) for a, b in pairs)

    _, attempt = advance(JOB, ATTEMPT, seen("running", stalls=stalls((1, 3), (6, 9))), T0 + 8 * S)
    assert attempt.stalls == stalls((1, 3), (6, 8))
    older = seen("running", stalls=stalls((1, 3), (6, 7)))
    assert advance(JOB, attempt, older, T0 + 9 * S)[1] == attempt
    report = seen("failed", ended_at=T0 + 10 * S, stalls=stalls((1, 3), (6, 15), (16, 20)))
    _, attempt = advance(JOB, attempt, report, T0 + 12 * S)
    assert attempt.stalls == stalls((1, 3), (6, 10))


def test_limits_and_peaks_only_grow():
    report = seen("running", limits={"memory": "cgroup"}, cpu_seconds=5.0, memory_peak_bytes=7)
    _, attempt = advance(JOB, ATTEMPT, report, T0 + S)
    older = seen("starting", limits={"memory": "unknown"}, cpu_seconds=1.0, memory_peak_bytes=2)
    assert advance(JOB, attempt, older, T0 + S)[1] == attempt
    newer = seen("running", limits={"memory": "cgroup", "cpu": "affinity"}, cpu_seconds=6.0)
    _, attempt = advance(JOB, attempt, newer, T0 + S)
    assert attempt.limits == {"memory": "cgroup", "cpu": "affinity"}
    assert (attempt.cpu_seconds, attempt.memory_peak_bytes) == (6.0, 7)


@pytest.mark.parametrize(
    ("recorded_s", "charged_s"),
    [(10, 10), (7, 7), (12, 10), (1, 2)],
    ids=["as told", "shorter", "never past the time that its devices were free", "never before it ran"],
)
def test_accounting_changes_the_end_once(recorded_s, charged_s):
    told = Seen(
        attempt="j.1",
        state=AttemptState.SUCCEEDED,
        began_at=T0 + S,
        running_at=T0 + 2 * S,
        ended_at=T0 + 10 * S,
        limits={"memory": "none", "accounting": "awaited"},
    )
    job, ended = advance(JOB, ATTEMPT, told, T0 + 20 * S)
    assert (job.state, ended.awaits_accounting) == (JobState.SUCCEEDED, True)
    assert confirm(ended, told) == ended
    record = msgspec.structs.replace(
        told, ended_at=T0 + recorded_s * S, limits={"memory": "none", "accounting": "slurmdbd"}
    )
    after = confirm(ended, record)
    assert (after.ended_at, after.awaits_accounting) == (T0 + charged_s * S, False)
    assert confirm(after, msgspec.structs.replace(record, ended_at=T0 + 3 * S)) == after


@pytest.mark.parametrize(
    ("recorded_s", "metered", "began_s"),
    [(1, False, 1), (-1, False, 0), (5, False, 3), (1, True, 2)],
    ids=["as recorded", "never before it was placed", "never after it ran", "never once it is charged"],
)
def test_accounting_changes_the_beginning_until_usage_is_recorded(recorded_s, metered, began_s):
    told = Seen(
        attempt="j.1",
        state=AttemptState.SUCCEEDED,
        began_at=T0 + 2 * S,
        running_at=T0 + 3 * S,
        ended_at=T0 + 10 * S,
        limits={"accounting": "awaited"},
    )
    _, ended = advance(JOB, ATTEMPT, told, T0 + 20 * S)
    known = msgspec.structs.replace(ended, metered_until=T0 + 4 * S if metered else None)
    record = msgspec.structs.replace(
        told, began_at=T0 + recorded_s * S, ended_at=T0 + 9 * S, limits={"accounting": "slurmdbd"}
    )
    after = confirm(known, record)
    assert (after.began_at, after.running_at, after.ended_at) == (T0 + began_s * S, T0 + 3 * S, T0 + 9 * S)


def test_why_an_engine_waits_is_kept_until_it_has_begun():
    _, waits = advance(JOB, ATTEMPT, seen("starting", waiting="3 of 8 GPUs free"), T0 + S)
    assert waits.waiting == "3 of 8 GPUs free"
    _, begun = advance(JOB, waits, seen("starting", began_at=T0 + S), T0 + 2 * S)
    assert begun.waiting == ""
    _, late = advance(JOB, begun, seen("starting", waiting="3 of 8 GPUs free"), T0 + 3 * S)
    assert late == begun
    _, stopped = advance(JOB, waits, seen("stopped"), T0 + 2 * S)
    assert stopped.waiting == ""


def test_an_old_attempt_does_not_touch_its_job():
    job = replace(JOB, state=JobState.RUNNING, attempts=2)
    after_job, after = advance(job, ATTEMPT, seen("failed", ended_at=T0 + S), T0 + S)
    assert after_job == job
    assert after.state == AttemptState.FAILED


LEASE_STEPS = """
state     | at   | idle | after
reserved  | -1   | yes  | reserved
reserved  | 0    | yes  | active
reserved  | 950  | yes  | ending
reserved  | 1000 | yes  | ended
reserved  | 2000 | no   | ending
active    | 939  | no   | active
active    | 940  | no   | ending
active    | 999  | yes  | ending
active    | 1000 | no   | ending
active    | 1000 | yes  | ended
suspended | 500  | no   | suspended
suspended | 940  | no   | ending
ending    | 500  | no   | ending
ending    | 500  | yes  | ended
ending    | 950  | yes  | ending
ending    | 1000 | yes  | ended
breached  | 500  | no   | ending
breached  | 500  | yes  | ended
cancelled | 2000 | yes  | cancelled
ended     | 2000 | yes  | ended
"""


@pytest.mark.parametrize("line", LEASE_STEPS.strip().splitlines()[1:])
def test_lease_step(line):
    state, at, idle, after = [cell.strip() for cell in line.split("|")]
    lease, now = replace(LEASE, state=LeaseState(state)), T0 + int(at) * S
    stepped = lease_step(lease, now, 60 * S, idle == "yes")
    assert stepped.state == after
    assert stepped.ended_at == (now if after == "ended" and state != "ended" else None)
    assert lease_step(stepped, now, 60 * S, idle == "yes") == stepped


def test_the_grace_of_a_short_lease_is_a_tenth_of_it():
    lease = replace(LEASE, end=T0 + 20 * S)
    states = [lease_step(lease, T0 + at * S, 60 * S, idle=False).state for at in (0, 17, 18)]
    assert states == ["active", "active", "ending"]
