"""The one loop: everything the centre does by itself, in order, each step safe to repeat.

A short turn does what follows at once from what a tenant asked or an engine saw; the rest can wait a moment.
"""

from collections.abc import Callable

from penstock.app import (
    accrual,
    books,
    budgets,
    confirming,
    depending,
    following,
    handing,
    metering,
    placing,
    running,
    settling,
)
from penstock.app.context import App
from penstock.lease.job import FINAL_ATTEMPT_STATES
from penstock.store import fleet, settings
from penstock.store.live import live

CYCLE: tuple[Callable[[App], object], ...] = (
    following.follow,  # 0. engines say what they have, and learn what is leased
    running.turn_leases,  # 1. leases begin and end
    metering.watch_funds,  # 2. money ends: notice, grace, suspension; it comes back: resume
    running.stop_due,  # 3. what must end is told to
    depending.cancel_hopeless,  # 4. what waits for a job that ended otherwise is cancelled
    running.place,  # 5. waiting jobs get devices, or a reason
    running.start,  # 6. engines get what was placed
    running.observe,  # 7. what engines see moves jobs on
    confirming.follow,  # 8. what engines account late of the ended is taken for true
    metering.meter,  # 9. what was seen becomes usage, once per window
    metering.rate,  # 10. usage becomes lines and ledger transfers
    budgets.watch,  # 11. shares of budgets that are reached are said
    metering.release,  # 12. what stays set aside for the finished is free again
    books.keep_holds,  # 13. money set aside past its time is free too
    settling.settle_ladder,  # 14. the ladder of hours that are over is summed
    accrual.accrue,  # 15. contracts are charged what they have come to; last, for it may refuse one of them
)


def cycle(app: App) -> None:
    """One turn."""
    for step in CYCLE:
        step(app)


def short_cycle(app: App) -> int:
    """The steps that jobs wait for: what has ended is paid, and what waits takes its place, in one transaction.

    The revision that is left.
    """
    handing.collect(app)
    with app.database.read() as tx:
        held, devices = live(tx), fleet.devices(tx)
        due, may_place = running.must_stop(tx, app.now()), placing.may_place(app, tx)
    revision, placed = held.revision, []
    news, accounted = running.ask(app, held, paced=True), confirming.ask(app)
    if may_place or accounted or news != running.News():
        with app.database.together() as tx:
            alone = settings.revision(tx) == held.revision
            attempts, jobs = running.move_on(app, held, news)
            confirming.take(app, accounted)
            if alone and settings.bumped(tx):
                live.keep(tx, held.after(settings.revision(tx), attempts, jobs))
            look = may_place or any(attempt.state in FINAL_ATTEMPT_STATES for attempt in attempts)
            placed = running.place_first(app) if look else []
            revision = settings.revision(tx)
            if placed and alone:
                attempts += [attempt for _, attempt in placed]
                jobs += [job for job, _ in placed]
        if alone:
            live.committed(tx, str(revision), held.after(revision, attempts, jobs))
        if look and len(placed) < placing.FEW:
            app.look.revision = revision
    running.stop(app, due)
    stopped = {attempt.id for attempt, *_ in due}
    begin = [one for one in running.to_begin(app, held) if one[1].id not in stopped]
    handing.hand_over(app, [*begin, *placed], devices)
    return revision
