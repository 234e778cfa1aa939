"""What has ended, and is charged once its engine's accounting says how long it took."""

from penstock.app.charging import charge_ended
from penstock.app.context import App
from penstock.app.running import asked
from penstock.lease.machine import confirm
from penstock.lease.seen import Seen
from penstock.store import jobs, settings


def follow(app: App) -> None:
    """Ask the engines whose accounting is awaited, and take what it says for true."""
    take(app, ask(app))


def ask(app: App) -> list[Seen]:
    """What engines tell of these attempts that is new."""
    if app.look.awaiting is None:
        with app.database.read() as tx:
            ended = jobs.unmetered_attempts(tx)
        app.look.awaiting = {attempt.id: attempt for attempt in ended if attempt.awaits_accounting}
    known = app.look.awaiting
    return [one for one in asked(app, known.values()) if not one.awaits_accounting]


def take(app: App, news: list[Seen]) -> None:
    """Take it for true, and charge it."""
    if not news:
        return
    now = app.now()
    with app.database.write() as tx:
        before = settings.revision(tx)
        current = jobs.attempts_by_ids(tx, {one.attempt for one in news})
        owners = jobs.by_ids(tx, {attempt.job for attempt in current.values()})
        told = [confirm(current[one.attempt], one) for one in news]
        attempts, after = charge_ended(app, tx, told, owners, now)
        jobs.put_attempts(tx, attempts)
        jobs.put_jobs(tx, [job for name, job in after.items() if job != owners[name]])
    app.look.wrote(before)
    for one in news:
        (app.look.awaiting or {}).pop(one.attempt, None)
