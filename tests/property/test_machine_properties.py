"""Reports of an engine in any order, with any delay and any clock: jobs and attempts stay in order."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from penstock.lease.job import (
    FINAL_ATTEMPT_STATES,
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
from penstock.lease.machine import LOSSES_MAX, STOPS_FOR_GOOD, advance
from penstock.lease.seen import Seen

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDS = ("succeeded", "failed", "stopped", "lost", "evicted")
REASONS = ("user", "lease_ended", "evicted", "suspended", "drain", "node_down")
offsets = st.integers(-100, 100).map(lambda s: timedelta(seconds=s))
replace = msgspec.structs.replace


def reachable(old, new):
    """Whether the table leads from one state to the other."""
    known, edge = {old}, {old}
    while edge:
        edge = {after for state in edge for after in JOB_MOVES[state]} - known
        known |= edge
    return new in known


class Engine:
    """One attempt as it truly was, by a clock that is `skew` ahead of ours."""

    def __init__(self, attempt, began_at, skew):
        self.attempt = attempt
        self.skew = skew
        self.history = [Seen(attempt=attempt, state=AttemptState.STARTING, began_at=began_at + skew)]

    def add(self, **changes):
        """A later report than the last; nothing follows a final one."""
        if self.history[-1].state not in FINAL_ATTEMPT_STATES:
            self.history.append(replace(self.history[-1], **changes))


class Reports(RuleBasedStateMachine):
    @initialize(attempts=st.integers(1, 3), codes=st.sampled_from([(), (3,)]))
    def submit(self, attempts, codes):
        retry = Retry(attempts, codes)
        spec = JobSpec(name="j", run="true", resources=Resources(models=()), retry=retry)
        self.job = Job(id="j", tenant="t", spec=spec, created_at=T0)
        self.attempt = None
        self.now = T0
        self.ended = []

    @rule(step=st.integers(0, 30))
    def wait(self, step):
        self.now += timedelta(seconds=step)

    @precondition(lambda self: self.job.state == JobState.QUEUED)
    @rule(skew=offsets, started=st.booleans())
    def place(self, skew, started):
        number = self.job.attempts + 1
        state = ("starting", "starting") if started else ("placed", "placed")
        self.job = replace(self.job, state=JobState(state[0]), attempts=number)
        self.attempt = Attempt(
            id=f"j.{number}",
            job="j",
            tenant="t",
            number=number,
            engine="e",
            devices=("d",),
            placed_at=self.now,
            state=AttemptState(state[1]),
        )
        self.engine = Engine(self.attempt.id, self.now, skew)

    @precondition(lambda self: self.attempt is not None)
    @rule(cpu=st.integers(0, 5), checkpoint=st.booleans(), stalled=st.booleans())
    def run(self, cpu, checkpoint, stalled):
        last, at = self.engine.history[-1], self.now + self.engine.skew
        began = last.running_at or at
        self.engine.add(
            state=AttemptState.RUNNING,
            running_at=began,
            cpu_seconds=last.cpu_seconds + cpu,
            checkpoints=last.checkpoints + ((at,) if checkpoint else ()),
            stalls=(*last.stalls[:-1], (began, at)) if stalled and at > began else last.stalls,
        )

    @precondition(lambda self: self.attempt is not None)
    @rule(
        state=st.sampled_from(ENDS), cause=st.sampled_from(["", "time_limit"]), code=st.sampled_from([1, 3])
    )
    def end(self, state, cause, code):
        exits = (TaskExit(rank=0, exit_code=code),) if state == "failed" else ()
        self.engine.add(
            state=AttemptState(state), ended_at=self.now + self.engine.skew, exits=exits, cause=cause
        )

    @precondition(lambda self: self.attempt is not None and self.attempt.state not in FINAL_ATTEMPT_STATES)
    @rule(reason=st.sampled_from(REASONS))
    def stop(self, reason):
        if self.job.stop_reason is None:
            self.job = replace(self.job, stop_reason=reason)
        self.attempt = replace(self.attempt, state=AttemptState.STOPPING, stopping_at=self.now)

    @precondition(lambda self: self.attempt is not None and self.attempt.state not in FINAL_ATTEMPT_STATES)
    @rule()
    def meter(self):
        self.attempt = replace(self.attempt, metered_until=self.now)

    @precondition(lambda self: self.attempt is not None)
    @rule(data=st.data())
    def report(self, data):
        """Any report of the past arrives: twice it is the same as once."""
        history = self.engine.history
        number = data.draw(st.integers(0, len(history) - 1), label="report")
        before = self.job, self.attempt
        self.job, self.attempt = advance(*before, history[number], self.now)
        self.check_step(*before)
        assert advance(self.job, self.attempt, history[number], self.now) == (self.job, self.attempt)
        for older in history[: number + 1]:
            if older.state not in FINAL_ATTEMPT_STATES:
                assert advance(self.job, self.attempt, older, self.now) == (self.job, self.attempt)

    @precondition(lambda self: self.attempt is not None and self.attempt.state in FINAL_ATTEMPT_STATES)
    @rule(data=st.data(), later=offsets)
    def report_after_the_end(self, data, later):
        report = data.draw(st.sampled_from(self.engine.history), label="report")
        same = advance(self.job, self.attempt, report, self.now + later)
        assert same == (self.job, self.attempt)

    def check_step(self, job, attempt):
        assert reachable(job.state, self.job.state)
        assert job.state not in FINAL_JOB_STATES or self.job == job
        assert attempt.state not in FINAL_ATTEMPT_STATES or self.attempt == attempt
        for name in ("began_at", "running_at", "ended_at"):
            known = getattr(attempt, name)
            assert known is None or getattr(self.attempt, name) == known, "what is known stays"
        if self.attempt.state in FINAL_ATTEMPT_STATES and attempt.state not in FINAL_ATTEMPT_STATES:
            self.ended.append(self.attempt.state)
            for_good = job.stop_reason in STOPS_FOR_GOOD
            assert self.job.state in (*FINAL_JOB_STATES, JobState.QUEUED)
            assert not (for_good and self.job.state == JobState.QUEUED)

    @invariant()
    def instants_are_in_order(self):
        attempt = getattr(self, "attempt", None)
        if attempt is None:
            return
        named = (attempt.placed_at, attempt.began_at, attempt.running_at, attempt.ended_at)
        instants = [instant for instant in named if instant is not None]
        assert instants == sorted(instants)
        assert instants[-1] <= self.now
        assert (attempt.ended_at is None) == (attempt.state not in FINAL_ATTEMPT_STATES)
        end = attempt.ended_at or self.now
        if attempt.ended_at and attempt.metered_until:
            assert attempt.ended_at >= attempt.metered_until, "what was metered stays inside"
        assert list(attempt.checkpoints) == sorted(set(attempt.checkpoints))
        assert all(attempt.placed_at <= at <= end for at in attempt.checkpoints)
        assert all(attempt.placed_at <= since < until <= end for since, until in attempt.stalls)

    @invariant()
    def counts_are_true(self):
        job = getattr(self, "job", None)
        if job is None:
            return
        assert job.failures == self.ended.count(AttemptState.FAILED) <= max(1, job.spec.retry.max_attempts)
        assert job.losses == self.ended.count(AttemptState.LOST) <= LOSSES_MAX
        assert (job.ended_at is None) == (job.state not in FINAL_JOB_STATES)


Reports.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
test_reports_in_any_order = Reports.TestCase
