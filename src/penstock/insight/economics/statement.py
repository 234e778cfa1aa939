"""The lines of a profit and loss account and of the cash beside it, for any stretch of months."""

from collections.abc import Iterable

import msgspec

from penstock.base.money import Micros

COST_OF_SALES = ("depreciation", "power", "colocation", "staff", "bandwidth", "maintenance")
BELOW_GROSS = ("surtax", "research", "selling", "administration", "impairment", "interest")
PROFIT = ("revenue", *COST_OF_SALES, *BELOW_GROSS, "subsidy", "income_tax")
CASH = ("received", "operating_paid", "invested", "subsidies_received", "interest_paid", "repaid", "drawn")
CASH_ALL = (*CASH, "tax_paid", "resale")
PROJECT = ("received", "operating_paid", "invested", "subsidies_received", "tax_paid", "resale")
"""Cash that the project itself makes, whoever lends the money."""
_ADDS = ("revenue", "subsidy")


class Statement(msgspec.Struct, frozen=True):
    """Sums over some months in micros: costs are positive in `profit`; payments out are negative in `cash`.

    `capacity` is the card time in service and `let` that of it which was let, both in card-hours × parts per
    million, so that shares of months stay whole.
    """

    profit: dict[str, Micros]
    cash: dict[str, Micros]
    capacity: int = 0
    let: int = 0

    @property
    def cost_of_sales(self) -> Micros:
        """What serving cost."""
        return sum(self.profit[line] for line in COST_OF_SALES)

    @property
    def gross(self) -> Micros:
        """Revenue less cost of sales."""
        return self.profit["revenue"] - self.cost_of_sales

    @property
    def before_tax(self) -> Micros:
        """Profit before income tax."""
        return sum(
            amount if line in _ADDS else -amount
            for line, amount in self.profit.items()
            if line != "income_tax"
        )

    @property
    def net(self) -> Micros:
        """Profit or loss."""
        return self.before_tax - self.profit["income_tax"]

    @property
    def net_cash(self) -> Micros:
        """By how much the cash changed."""
        return sum(self.cash.values())

    @property
    def project_cash(self) -> Micros:
        """Cash before anything that lenders pay or are paid."""
        return sum(self.cash[line] for line in PROJECT)


def empty() -> Statement:
    """Nothing."""
    return Statement(dict.fromkeys(PROFIT, 0), dict.fromkeys(CASH_ALL, 0))


def summed(statements: Iterable[Statement]) -> Statement:
    """All of them together."""
    whole = empty()
    profit, cash, capacity, let = whole.profit, whole.cash, 0, 0
    for one in statements:
        for line, amount in one.profit.items():
            profit[line] += amount
        for line, amount in one.cash.items():
            cash[line] += amount
        capacity, let = capacity + one.capacity, let + one.let
    return Statement(profit, cash, capacity, let)
