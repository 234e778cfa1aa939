"""`penstock budget`: what a tenant means to spend in a month, and what was said of it."""

from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.base.money import Micros, format_amount
from penstock.billing.budget import Alert, Budget
from penstock.cli import formats, parse
from penstock.cli.app import tree
from penstock.cli.call import CALL, Call, new_id
from penstock.cli.options import Id, Tenant
from penstock.cli.output import print_fields, print_table

app = tree("budget")


class BudgetView(msgspec.Struct, frozen=True):
    """A budget with what was spent of it this month so far."""

    budget: Budget
    spent_micros: Micros


@app.command(name="set")
def set_budget(
    amount: Annotated[str, Parameter(help="Amount a calendar month (UTC), up to two decimals.")],
    /,
    *,
    at: Annotated[tuple[int, ...], Parameter(help="Percentages of it at which to say so.")] = (50, 80, 100),
    tenant: Tenant = None,
    own_id: Id = None,
    call: Call = CALL,
) -> None:
    """Make a budget; each threshold raises one alert a month."""
    body = {
        "id": new_id(own_id, "budget"),
        "tenant": tenant,
        "amount_micros": parse.payment(amount, "AMOUNT"),
        "percents": at,
    }
    with call.client() as client:
        call.show(client.post("budgets", body=body), Budget, _fields)


@app.command(name="list")
def list_budgets(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List budgets with what was spent this month."""
    with call.client() as client:
        call.show_list(client.items("budgets", tenant=tenant), BudgetView, _table)


@app.command
def alerts(*, tenant: Tenant = None, call: Call = CALL) -> None:
    """List the thresholds that were reached, newest first."""
    with call.client() as client:
        call.show_list(client.items("alerts", tenant=tenant), Alert, lambda found: _alerts(found, call))


def _fields(budget: Budget) -> None:
    print_fields(
        [
            ("budget", budget.id),
            ("tenant", budget.tenant),
            ("amount", formats.money(budget.amount_micros, budget.currency)),
            ("alerts at", ", ".join(f"{percent} %" for percent in budget.percents)),
        ]
    )


def _table(found: list[BudgetView]) -> None:
    rows = [
        (
            one.budget.id,
            one.budget.tenant,
            formats.money(one.budget.amount_micros, one.budget.currency),
            formats.money(one.spent_micros, one.budget.currency),
            f"{one.spent_micros * 100 // one.budget.amount_micros} %",
        )
        for one in found
    ]
    print_table(("BUDGET", "TENANT", "AMOUNT", "SPENT THIS MONTH", "SHARE"), rows, right=(2, 3, 4))


def _alerts(found: list[Alert], call: Call) -> None:
    rows = [
        (
            call.time(one.at),
            one.tenant,
            one.budget,
            f"{one.percent} %",
            format_amount(one.spent_micros),
            format_amount(one.amount_micros),
        )
        for one in found
    ]
    print_table(("AT", "TENANT", "BUDGET", "REACHED", "SPENT", "AMOUNT"), rows, right=(3, 4, 5))
