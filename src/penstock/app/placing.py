"""How the centre places: its rules, the world as placement sees it, and plans to move jobs."""

from collections import Counter
from datetime import datetime, timedelta

import msgspec

from penstock.app.access import require_operator
from penstock.app.context import App
from penstock.base.quantity import WHOLE
from penstock.base.refusal import Refusal, Refused, invalid, not_found
from penstock.fleet.device import DeviceState
from penstock.lease.job import Job, JobState
from penstock.lease.tenant import Principal
from penstock.placement.defragment import Defragmentation, defragment
from penstock.placement.fair import ORDERS
from penstock.placement.model import Plan, Rules, World
from penstock.placement.scoring import POLICIES, TIGHTEST
from penstock.placement.solve import ALIKE, solve, solve_first
from penstock.placement.throughput import AIMS, FASTEST, asks
from penstock.store import audit, fleet, jobs, settings
from penstock.store.database import Tx
from penstock.store.live import live
from penstock.store.world import rules, world

MOVED = "defragment"
"""Why a moved attempt is stopped."""
FEW = 3 * ALIKE
"""So many waiting jobs are looked at in every turn, of each line where more wait."""
LOOK_FOR_EACH = timedelta(milliseconds=5)
"""How much rarer each waiting job makes a look at all of them; a look takes a tenth of that or less."""
DEEPER = 4
PROMISES_MAX = 100_000
NOTICE_MAX_S = 3_600


def may_place(app: App, tx: Tx) -> bool:
    """Whether a device has room, a job waits, and something was written since the last placing that may matter."""
    return settings.revision(tx) != app.look.revision and bool(jobs.count_queued(tx) and _room(tx))


def first(app: App, tx: Tx, now: datetime) -> tuple[World, Plan] | None:
    """Which jobs, of the first of each line, go at once where devices have room; None where none does."""
    if not jobs.count_queued(tx) or not (room := _room(tx)):
        return None
    found = seen(app, tx, min(room, FEW))
    if room < FEW and any(job.spec.resources.device_share < WHOLE for job in found.queue):
        found = seen(app, tx, FEW)  # several may go on one device
    plan = solve_first(found, now)
    return (found, plan) if plan.placements else None


def _room(tx: Tx) -> int:
    """How many devices are not wholly taken."""
    taken = Counter[str]()
    for attempt in live(tx).attempts:
        taken.update(dict.fromkeys(attempt.devices, attempt.share))
    return sum(
        taken[device.id] < WHOLE for device in fleet.devices(tx) if device.state is DeviceState.AVAILABLE
    )


def decided(app: App, now: datetime) -> tuple[World, Plan] | None:
    """What is to be done with the jobs that wait, and the world of which that was decided; None where none waits.

    A long queue is looked at whole now and then; in between, only the first of each line of jobs that are
    alike. Those behind them can have no other answer, so they keep the reason that they were given.
    """
    with app.database.read() as tx:
        waiting = jobs.count_queued(tx)
        if not waiting:
            app.look.revision = settings.revision(tx)
            return None
        whole = waiting <= FEW or app.look.at is None or now >= app.look.at + waiting * LOOK_FOR_EACH
        depth = None if whole else FEW
        found = seen(app, tx, depth)
    plan = solve(found, now)
    while depth is not None and _too_shallow(found, plan, depth):
        depth *= DEEPER
        with app.database.read() as tx:
            found = seen(app, tx, depth)
        plan = solve(found, now)
    if whole:
        app.look.at = now
    return found, plan


def _too_shallow(found: World, plan: Plan, depth: int) -> bool:
    """Whether a job that was not looked at might have been placed, or promised a start.

    Not so where one before it in its line was neither.
    """
    refused = {waiting.job for waiting in plan.waiting if waiting.promise is None}
    lines: dict[str, list[str]] = {}
    for job in found.queue:
        lines.setdefault(job.line, []).append(job.id)
    return any(len(line) >= depth and refused.isdisjoint(line[:depth]) for line in lines.values())


def seen(app: App, tx: Tx, depth: int | None = None) -> World:
    """The world as of now; while kernels are not compiled, by the policy and the aim that need none.

    Where there is nothing to choose, nothing is compiled for it. With a depth only the first jobs
    of each line are in it.
    """
    found = world(tx, depth)
    one_model = len({device.model for device in found.devices}) < 2
    if (len(found.nodes) < 2 and (one_model or not any(map(asks, found.queue)))) or app.kernels_ready():
        return found
    plain = msgspec.structs.replace(found.rules, policy=TIGHTEST, aim=FASTEST)
    return msgspec.structs.replace(found, rules=plain)


def show_rules(app: App) -> Rules:
    """How the centre places."""
    with app.database.read() as tx:
        return rules(tx)


def set_rules(app: App, principal: Principal, wanted: Rules) -> Rules:
    """Change how the centre places, from the next decision on. Safe to repeat."""
    require_operator(principal)
    problem = _problem(wanted)
    if problem is not None:
        raise Refused(problem)
    with app.database.write() as tx:
        if rules(tx) != wanted:
            settings.put(tx, settings.PLACEMENT, msgspec.json.encode(wanted).decode())
            settings.bump(tx)
            audit.record(tx, app.now(), principal.token, "set_placement", wanted.policy, wanted.order)
        return wanted


def plan_moves(app: App, principal: Principal, name: str) -> Defragmentation:
    """Which jobs to move so that a waiting one is admitted, and what it costs; nothing is done."""
    require_operator(principal)
    with app.database.read() as tx:
        return defragment(seen(app, tx), _waiting(tx, name), app.now())


def move(app: App, principal: Principal, name: str) -> Defragmentation:
    """Make the moves: each job is stopped after its grace and queued again with its new place promised to it.

    Planned and written down in one transaction. Asked again while the moves are under way, it plans what is
    still missing.
    """
    require_operator(principal)
    now = app.now()
    with app.database.write() as tx:
        job = _waiting(tx, name)
        plan = defragment(seen(app, tx), job, now)
        if not plan.possible:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in plan.counts.items())
            raise Refused(
                Refusal(
                    "cannot_defragment",
                    f"no moves of running jobs admit {name!r} ({reasons})",
                    f"see what it waits for with `penstock why {name}`",
                )
            )
        for moved in plan.moves:
            owner = jobs.job(tx, moved.job)
            assert owner is not None, "a running attempt has its job"
            changed = msgspec.structs.replace(owner, stop_reason=MOVED, promise=moved.promise)
            jobs.put_job(tx, changed)
        if plan.moves:
            jobs.put_job(tx, msgspec.structs.replace(job, promise=plan.promise))
            audit.record(tx, now, principal.token, "defragment", name, str(len(plan.moves)))
        return plan


def _waiting(tx: Tx, name: str) -> Job:
    job = jobs.job(tx, name)
    if job is None:
        raise Refused(not_found("job", name))
    if job.state is not JobState.QUEUED:
        raise Refused(
            Refusal("job_not_waiting", f"job {name!r} is {job.state}", "name a job that waits", "job")
        )
    return job


def _problem(wanted: Rules) -> Refusal | None:
    if wanted.policy not in POLICIES:
        return invalid(
            "policy_unknown",
            f"there is no policy {wanted.policy[:40]!r}",
            f"use one of {', '.join(POLICIES)}",
            "policy",
        )
    if wanted.order not in ORDERS:
        return invalid(
            "order_unknown",
            f"there is no order {wanted.order[:40]!r}",
            f"use one of {', '.join(ORDERS)}",
            "order",
        )
    if wanted.aim not in AIMS:
        what = f"there is no aim {wanted.aim[:40]!r}"
        return invalid("aim_unknown", what, f"use one of {', '.join(AIMS)}", "aim")
    if not 0 <= wanted.promises <= PROMISES_MAX:
        return invalid("number_out_of_range", "promises are 0 to 100,000", "give fewer", "promises")
    if not 0 <= wanted.spot_notice_s <= NOTICE_MAX_S:
        return invalid("number_out_of_range", "notice is 0 s to 1 h", "give less", "spot_notice_s")
    return None
