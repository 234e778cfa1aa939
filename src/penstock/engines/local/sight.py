"""From what a supervisor has published to what the app sees."""

from penstock.base.window import from_us
from penstock.engines.local.supervisor.shapes import Exit, Status
from penstock.lease.job import AttemptState, TaskExit
from penstock.lease.seen import Seen


def seen(attempt: str, status: Status) -> Seen:
    """A status with the app's types."""
    return Seen(
        attempt=attempt,
        state=AttemptState(status["state"]),
        began_at=None if status["began_us"] is None else from_us(status["began_us"]),
        running_at=None if status["running_us"] is None else from_us(status["running_us"]),
        ended_at=None if status["ended_us"] is None else from_us(status["ended_us"]),
        exits=tuple(_task_exit(one) for one in status["exits"]),
        cause=status["cause"],
        checkpoints=tuple(from_us(instant_us) for instant_us in status["checkpoints_us"]),
        stalls=tuple((from_us(start_us), from_us(end_us)) for start_us, end_us in status["stalls_us"]),
        limits=status["limits"],
        cpu_seconds=status["cpu_seconds"],
        memory_peak_bytes=status["memory_peak_bytes"],
    )


def _task_exit(one: Exit) -> TaskExit:
    return TaskExit(
        rank=one["rank"],
        exit_code=one["exit_code"],
        signal=one["signal"],
        out_of_memory=one["out_of_memory"],
    )
