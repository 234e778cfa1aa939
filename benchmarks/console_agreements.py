"""What people of the generated centre have agreed and planned: a price book, a contract, two rehearsed plans."""

from datetime import timedelta
from pathlib import Path

from penstock.app import contracts, plans
from penstock.app.access import SYSTEM
from penstock.app.context import App
from penstock.sim.planning.build import build
from penstock.web.console.planner import EXAMPLE

TENANT_NAME = "tenant-007"
BOOK, CONTRACT = "river-bend-2026", f"{TENANT_NAME}.pflops"
FUTURES = 20


def agree(app: App) -> None:
    """Publish, sign and rehearse what is not there yet."""
    if not contracts.list_books(app):
        contracts.publish_book(app, SYSTEM, Path("docs/examples/price-book.yaml").read_text())
    if not contracts.list_contracts(app, SYSTEM):
        day = (app.now() + timedelta(days=1)).date()
        contracts.sign_contract(
            app,
            SYSTEM,
            f"contract: pflops\ntenant: {TENANT_NAME}\nprice_book: {BOOK}\nfrom: {day}\n"
            f"until: {day + timedelta(days=300)}\nitems:\n  - {{item: pflops-month, quantity: 2}}\n",
        )
    for name in {"east", "west"} - {plan.id for plan in plans.list_plans(app, SYSTEM)}:
        plans.save_plan(app, SYSTEM, name, EXAMPLE)
        run, _ = plans.begin_run(app, SYSTEM, plans.NewRun(id=name, plan=name, futures=FUTURES, seed=1))
        came = build(
            plans.planned(app, run.document), plans.traces(app), FUTURES, run.seed, 1, lambda _done: None
        )
        plans.end_run(app, run, came)
