"""Plans of centres, and what their rehearsals came to."""

from datetime import datetime

from sqlalchemy import Connection, delete, update

from penstock.insight.economics.kept import KeptPlan, PlanRun
from penstock.store import rows
from penstock.store.tables import PLAN_RUNS, PLANS


def save(tx: Connection, plan: KeptPlan) -> None:
    """Keep a plan, in place of the one of that name."""
    rows.save(tx, PLANS, plan)


def plan(tx: Connection, name: str) -> KeptPlan | None:
    """One plan."""
    return rows.get(tx, PLANS, id=name)


def plans(tx: Connection) -> tuple[KeptPlan, ...]:
    """Every plan, by name."""
    return rows.many(tx, PLANS, order=[PLANS.c.id])


def remove(tx: Connection, name: str) -> None:
    """Forget a plan; its rehearsals stay."""
    tx.execute(delete(PLANS).where(PLANS.c.id == name))


def add_run(tx: Connection, run: PlanRun) -> None:
    """A rehearsal that begins."""
    rows.add(tx, PLAN_RUNS, [run])


def put_run(tx: Connection, run: PlanRun) -> None:
    """A rehearsal that came to its end."""
    rows.put(tx, PLAN_RUNS, run)


def tell(tx: Connection, name: str, done: int, now: datetime) -> None:
    """How far a rehearsal is."""
    tx.execute(update(PLAN_RUNS).where(PLAN_RUNS.c.id == name).values(done=done, told_at=now))


def run(tx: Connection, name: str) -> PlanRun | None:
    """One rehearsal."""
    return rows.get(tx, PLAN_RUNS, id=name)


def runs(tx: Connection, plan: str | None, limit: int) -> tuple[PlanRun, ...]:
    """Rehearsals of a plan or of all, newest first."""
    where = [] if plan is None else [PLAN_RUNS.c.plan == plan]
    order = [PLAN_RUNS.c.started_at.desc(), PLAN_RUNS.c.id]
    return rows.many(tx, PLAN_RUNS, *where, order=order, limit=limit)
