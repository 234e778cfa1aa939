"""A planned or rebuilt centre as people write it: `plan.yaml`. Amounts are net of value-added tax."""

from datetime import date
from typing import Literal

import msgspec

from penstock.base.quantity import Status
from penstock.insight.economics.depreciation import Method
from penstock.insight.economics.loans import Repayment
from penstock.insight.economics.units import Amount, Compute, Share, Term, Watts

type CostKind = Literal[
    "power",
    "colocation",
    "staff",
    "bandwidth",
    "maintenance",
    "research",
    "selling",
    "administration",
    "surtax",
]
type StepKind = Literal["power", "modules", "racks", "network", "acceptance"]
type Begins = Literal["month_after", "at_once"]


class Dated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An amount on a day."""

    on: date
    amount: Amount


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One part of building: power, prefabricated modules, racks, network, the acceptance test."""

    kind: StepKind
    start: date
    end: date


class RentFrom(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rent per server and month from a day on."""

    since: date
    per_server_month: Amount


class Rent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a fully let server brings: per server and month, or per card and hour.

    `decline_per_year` lowers it at each anniversary of the plan's start; `path` says it outright.
    """

    per_server_month: Amount | None = None
    per_card_hour: Amount | None = None
    decline_per_year: Share = msgspec.field(default_factory=lambda: Share(0))
    path: tuple[RentFrom, ...] = ()


class Tranche(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Servers bought together. Four amounts are kept apart: budget, committed, paid, and cost in service.

    Without `paid`, all is paid on delivery (`delivered`, else `accepted`). Depreciation begins in the month
    after `in_service` (China's accounting standard 4) or at once. `slip` moves delivery, acceptance and service.
    """

    name: str
    servers: int
    price_per_server: Amount
    accepted: date
    cards_per_server: int = 8
    model: str = ""
    budget: Amount | None = None
    committed: tuple[Dated, ...] = ()
    paid: tuple[Dated, ...] = ()
    ordered: date | None = None
    delivered: date | None = None
    in_service: date | None = None
    build: tuple[Step, ...] = ()
    slip: Term = msgspec.field(default_factory=lambda: Term(0))
    life: Term = msgspec.field(default_factory=lambda: Term(60))
    used: Term | None = None
    """How long the servers are kept, where that is not their accounting life; then they fetch their residual."""
    residual: Share = msgspec.field(default_factory=lambda: Share(50_000))
    method: Method = "straight_line"
    begins: Begins = "month_after"
    card_hours_of_life: int = 0
    watts_per_server: Watts | None = None
    rent: Rent | None = None
    occupancy: Share | None = None
    occupancy_source: str = ""
    """Who says that so much will be let, and where; without it (or signed contracts) it is an assumption."""
    claimed: Compute | None = None
    """Peak compute as somebody claims it for the whole tranche; compared with the catalogue."""


class Loan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Money borrowed for `term`; interest is paid monthly."""

    name: str
    principal: Amount
    rate: Share
    drawn: date
    term: Term
    repayment: Repayment = "annuity"


class Cost(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A running cost: an amount for each month, year or the whole plan, or a share of a revenue.

    `full_rent` is the rent of every server in service, fully let at the plan's first rents.
    """

    name: str
    kind: CostKind
    amount: Amount | None = None
    every: Literal["month", "year", "plan"] = "year"
    share: Share | None = None
    of: Literal["revenue", "full_rent"] = "revenue"


class Tariff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of a kWh from one hour of the day to another; together they cover the day once."""

    from_hour: int
    to_hour: int
    per_kwh: Amount


class Power(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Electricity: servers' watts (the tranche's, else the catalogue's cards) × PUE × price by hour.

    `idle` is the share of those watts that an unlet server draws; `measured` says the watts were metered.
    """

    pue: float
    per_kwh: Amount | None = None
    tariff: tuple[Tariff, ...] = ()
    idle: Share = msgspec.field(default_factory=lambda: Share(1_000_000))
    measured: bool = False


class Takings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Revenue as filed or contracted for a time, spread over its days."""

    name: str
    since: date
    until: date
    amount: Amount
    tranche: str = ""
    status: Status = "claimed"


class Impairment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A write-down on a day; later depreciation starts from what is left."""

    on: date
    tranche: str
    amount: Amount


class Subsidy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Public money received on a day: for running costs (income at once) or for assets (income over their life)."""

    name: str
    on: date
    amount: Amount
    tranche: str = ""


class Vouchers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The share of revenue that tenants pay with vouchers; the public purse pays it later."""

    share: Share
    paid_after: Term


class Contract(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A signed contract: who, how much, when; whether it was carried out, ended early, and what speaks against it."""

    id: str
    customer: str
    signed: date
    start: date
    months: int
    amount: Amount
    servers: int = 0
    cards_per_server: int = 8
    terminated: date | None = None
    executed: bool = True
    delivered_amount: Amount = msgspec.field(default_factory=lambda: Amount(0))
    """Of the amount, what was already delivered and invoiced."""
    take_or_pay: bool = False
    related_party: bool = False
    credit: Literal["good", "doubtful", "bad", "unknown"] = "unknown"


class Filed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A result as published for a time; kept as filed, whatever is computed beside it.

    Filed again for the same time, the later one in the list restates the one before.
    """

    since: date
    until: date
    revenue: Amount | None = None
    net: Amount | None = None
    impairment: Amount | None = None
    """Of the net result, what was written down."""
    status: Literal["audited", "unaudited"] = "unaudited"
    source: str = ""


class Exit(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Giving up on a day: what assets still fetch, and what breaking contracts costs."""

    on: date
    resale: Share
    penalties: Amount = msgspec.field(default_factory=lambda: Amount(0))


class TraceOfDemand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Jobs that were really asked for: of another site, or of this centre (`own`), served and refused alike.

    `share` of them comes here, and grows by `growth_per_year`; `ignore_models` lets them run on any card. The
    first `skip_days` are left out. Jobs given in steps need a `throughput` table and `as_on`, a model in it. Jobs of
    which the trace does not say it checkpoint each `checkpoint_minutes`, where that is assumed.
    """

    file: str
    own: bool = False
    share: Share = msgspec.field(default_factory=lambda: Share(1_000_000))
    growth_per_year: Share = msgspec.field(default_factory=lambda: Share(0))
    ignore_models: bool = False
    skip_days: int = 0
    throughput: str = ""
    as_on: str = ""
    checkpoint_minutes: float | None = None


class Demand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the rehearsal is fed with; signed contracts of the plan come on top.

    `spread` is the standard deviation of the level of demand between futures, as a share of it.
    """

    traces: tuple[TraceOfDemand, ...] = ()
    spread: Share = msgspec.field(default_factory=lambda: Share(200_000))


class Range(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A triangular distribution of shares."""

    low: Share
    likely: Share
    high: Share


class SlipRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A triangular distribution of delays, rounded to months."""

    low: Term
    likely: Term
    high: Term


class Breakdowns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a server fails, and how long it is away. The default rate is what Meta published for 16,384 H100."""

    mean_days_between: float = 264.0
    repair_hours: float = 24.0


class Market(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rents move beside the plan's own path, year by year.

    Entrants: (1 + demand growth) / (1 + supply growth), to the power of 1 / elasticity. Idleness: for each point
    that less than `target` is let, rents fall by `feedback` of a point in the next year.
    """

    demand_growth: Share = msgspec.field(default_factory=lambda: Share(0))
    supply_growth: Share = msgspec.field(default_factory=lambda: Share(0))
    elasticity: float = 1.0
    target: Share = msgspec.field(default_factory=lambda: Share(700_000))
    feedback: Share = msgspec.field(default_factory=lambda: Share(0))


class RemedyTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `plan remedies` assumes, where a plan does not say otherwise; the report names the source of each.

    Spot: so much more of the traces' jobs would come at `spot_price`, a share of the rent, and give way with notice.
    Valley: of the jobs that end within the valley, the `flexible` share waits for it and pays `valley_price`. Lending:
    between the same hours the `lent` share of the servers that contracts hold takes jobs at `spot_price`. A moved job
    stands still for `move_minutes`.
    """

    spot: Share = msgspec.field(default_factory=lambda: Share(300_000))
    spot_price: Share = msgspec.field(default_factory=lambda: Share(400_000))
    flexible: Share = msgspec.field(default_factory=lambda: Share(300_000))
    valley_price: Share = msgspec.field(default_factory=lambda: Share(500_000))
    valley_from_hour: int = 0
    valley_to_hour: int = 8
    lent: Share = msgspec.field(default_factory=lambda: Share(500_000))
    move_minutes: float = 5.0


class Rehearse(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `plan build` draws anew for each future. `terminated` is the share of contracts that end early."""

    policy: str = "penstock"
    sharing: bool = True
    demand: Demand | None = None
    slip: SlipRange | None = None
    rent_decline: Range | None = None
    terminated: Share = msgspec.field(default_factory=lambda: Share(0))
    breakdowns: Breakdowns = msgspec.field(default_factory=Breakdowns)
    market: Market = msgspec.field(default_factory=Market)
    remedies: RemedyTerms = msgspec.field(default_factory=RemedyTerms)


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A centre over some months from `start`. What is not said counts as nothing, never as a guess."""

    name: str
    start: date
    months: Term
    tranches: tuple[Tranche, ...]
    currency: Literal["CNY", "USD", "EUR", "HKD"] = "CNY"
    investment: Amount | None = None
    """The budget announced for the whole centre."""
    loans: tuple[Loan, ...] = ()
    costs: tuple[Cost, ...] = ()
    power: Power | None = None
    takings: tuple[Takings, ...] = ()
    impairments: tuple[Impairment, ...] = ()
    subsidies: tuple[Subsidy, ...] = ()
    vouchers: Vouchers | None = None
    contracts: tuple[Contract, ...] = ()
    filed: tuple[Filed, ...] = ()
    exit: Exit | None = None
    rehearse: Rehearse | None = None
    income_tax: Share = msgspec.field(default_factory=lambda: Share(0))
    cash_at_start: Amount = msgspec.field(default_factory=lambda: Amount(0))
    discount: Share | None = None
    """Yearly rate for present values; without it the loans' average, else 6 % (the base of the parameters)."""


class CentreCosts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a running centre costs beside its devices. `utc_offset_hours` is where the tariff's hours are told."""

    costs: tuple[Cost, ...] = ()
    loans: tuple[Loan, ...] = ()
    power: Power | None = None
    subsidies: tuple[Subsidy, ...] = ()
    """For assets: the tranche is one that devices name, and the money is income over their accounting life."""
    income_tax: Share = msgspec.field(default_factory=lambda: Share(0))
    utc_offset_hours: int = 8
