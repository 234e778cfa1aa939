"""Rehearsals of plans beside the server: one at a time, in processes of low priority, told of as they go."""

import contextlib
import os
import threading
import time

import structlog

from penstock.app import plans
from penstock.app.context import App
from penstock.base.refusal import Refusal, Refused
from penstock.insight.economics.kept import PlanRun
from penstock.insight.economics.outlook import Outlook
from penstock.sim.planning.build import build

TELL_EVERY_S = 0.5
NICE = 10
_AT_ONCE = threading.Lock()
"""A rehearsal takes every core that nobody else wants; two would only take longer."""
_LOG = structlog.get_logger()


def rehearse(app: App, run: PlanRun) -> threading.Thread:
    """Play a rehearsal that was begun; what it comes to is kept with it."""
    thread = threading.Thread(target=_play, args=(app, run), name=f"rehearsal {run.id}", daemon=True)
    thread.start()
    return thread


def workers() -> int:
    """Processes for one rehearsal: a core is left to the centre where there is more than one."""
    return max(len(os.sched_getaffinity(0)) - 1, 2)


def _play(app: App, run: PlanRun) -> None:
    with contextlib.suppress(OSError):  # this thread and the processes that it starts, not the server
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    with _AT_ONCE:
        came = _outcome(app, run)
    plans.end_run(app, run, came)


def _outcome(app: App, run: PlanRun) -> Outlook | tuple[Refusal, ...]:
    told = time.monotonic()

    def progress(done: int) -> None:
        nonlocal told
        if time.monotonic() - told >= TELL_EVERY_S:
            told = time.monotonic()
            plans.tell_run(app, run.id, done)

    try:
        plan = plans.planned(app, run.document)
        return build(plan, plans.traces(app), run.futures, run.seed, workers(), progress)
    except Refused as refused:
        return refused.refusals
    except Exception as error:  # noqa: BLE001 - whatever a future does must not end the server's thread unsaid
        _LOG.exception("rehearsal failed", run=run.id, exc_info=error)
        return (Refusal("rehearsal_failed", "the rehearsal broke off", "the centre's log says why"),)
