"""Final states that the engine publishes in the place of a supervisor that cannot."""

from pathlib import Path

from penstock.engines.local import folder
from penstock.engines.local.burial import bury
from penstock.engines.local.supervisor.record import now_us
from penstock.engines.local.supervisor.shapes import Status
from penstock.lease.job import AttemptState


def conclude(directory: Path, final: Status) -> Status | None:
    """Publish a final state once nothing of the attempt runs; where that cannot be yet, what was there."""
    with folder.held(directory) as ours:
        now = folder.read_status(directory)
        if not ours or folder.is_final(now) or not bury(directory):
            return now
        if final["state"] == AttemptState.STOPPED and folder.has_begun(directory):
            return now
        folder.write_final(directory, final)
    return final


def lost(before: Status, directory: Path, cause: str) -> Status:
    """It began, or its host ended, and nobody knows how far it came; it ended when it was last
    known to live."""
    known_us = [before["began_us"], before["running_us"], *before["checkpoints_us"]]
    known_us += [end_us for _, end_us in before["stalls_us"]]
    ended_us = max(folder.last_beat_us(directory), *(instant_us or 0 for instant_us in known_us))
    return {**before, "state": AttemptState.LOST.value, "cause": cause, "ended_us": ended_us}


def stopped(before: Status) -> Status:
    """It was stopped before it began."""
    return {**before, "state": AttemptState.STOPPED.value, "cause": "stop", "ended_us": now_us()}
