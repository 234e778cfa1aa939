"""The one loop: everything the centre does by itself, in order, each step safe to repeat.

A short turn does what follows at once from what a tenant asked or an engine saw; the rest can wait a moment.
"""

from collections.abc import Callable

from penstock.app import accrual, books, budgets, depending, following, metering, placing, running, settling
from penstock.app.context import App

CYCLE: tuple[Callable[[App], object], ...] = (
    following.follow,  # 0. engines say what they have, and learn what is leased
    running.turn_leases,  # 1. leases begin and end
    metering.watch_funds,  # 2. money ends: notice, grace, suspension; it comes back: resume
    running.stop_due,  # 3. what must end is told to
    depending.cancel_hopeless,  # 4. what waits for a job that ended otherwise is cancelled
    running.place,  # 5. waiting jobs get devices, or a reason
    running.start,  # 6. engines get what was placed
    running.observe,  # 7. what engines see moves jobs on
    metering.meter,  # 8. what was seen becomes usage, once per window
    metering.rate,  # 9. usage becomes lines and ledger transfers
    budgets.watch,  # 10. shares of budgets that are reached are said
    metering.release,  # 11. what stays set aside for the finished is free again
    books.keep_holds,  # 12. money set aside past its time is free too
    settling.settle_ladder,  # 13. the ladder of hours that are over is summed
    accrual.accrue,  # 14. contracts are charged what they have come to; last, for it may refuse one of them
)


def cycle(app: App) -> None:
    """One turn."""
    for step in CYCLE:
        step(app)


def short_cycle(app: App) -> None:
    """The steps that jobs wait for: what has ended is paid, and what waits takes its place, in one turn."""
    news = running.ask(app, paced=True)
    if news != running.News():
        with app.database.together():
            if running.move_on(app, news):
                metering.meter_ended(app)
                metering.rate(app)
                metering.release(app)
    with app.database.view():
        due, first = running.due(app), placing.first(app, app.now())
    running.stop(app, due)
    if first is not None:
        running.place_first(app, *first)
    running.hand_over(app)
