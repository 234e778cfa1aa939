"""Every table. Columns follow the structs; keys, indexes and uniqueness are stated here."""

from datetime import datetime

import msgspec
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)

from penstock.base.money import Micros
from penstock.base.quantity import CardMicroseconds
from penstock.billing.budget import Alert, Budget
from penstock.billing.metering.closing import PeriodClosing
from penstock.billing.metering.model import Meter
from penstock.billing.model import ChargeLine, CreditNote, Invoice, UsageEvent
from penstock.billing.pricing.posting import ContractLine
from penstock.billing.pricing.signed import PublishedBook, PublishedProgramme, SignedContract
from penstock.billing.pricing.voucher import Voucher
from penstock.fleet.accelerators import Accelerator
from penstock.fleet.device import Calibration, Device, DeviceInterval, LinkMeasurement, Node
from penstock.insight.economics.kept import KeptPlan, PlanRun
from penstock.lease.job import Attempt, Job, Wait
from penstock.lease.offer import Lease, Offer, Quote
from penstock.lease.tenant import Member, Project, Tenant, Token
from penstock.ledger.model import Account, Hold, Transfer
from penstock.store.columns import METADATA, table


class Setting(msgspec.Struct, frozen=True):
    """One value that belongs to the centre as a whole."""

    key: str
    value: str


class Request(msgspec.Struct, frozen=True):
    """What was asked under a caller's id, so that a retry is told from a clash."""

    noun: str
    id: str
    digest: str


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One act, chained to the one before by its hash."""

    sequence: int
    at: datetime
    token: str
    verb: str
    object: str
    detail: str
    previous_hash: str
    hash: str


class Volume(msgspec.Struct, frozen=True, kw_only=True):
    """A named directory of a tenant that jobs can mount."""

    id: str
    tenant: str
    name: str
    created_at: datetime


class CatalogueEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An accelerator that this site has added to the built-in catalogue, or put in place of its entry."""

    id: str
    at: datetime
    entry: Accelerator


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """A usage event as it was sent; `data` is its canonical JSON."""

    source: str
    id: str
    type: str
    tenant: str
    time: datetime
    data: str


class LadderCells(msgspec.Struct, frozen=True, kw_only=True):
    """What each group of an axis had in the hours from `start` (1 or 24 of them); see `insight.settled`.

    `cells` is packed. A stale row no longer holds: something in its time came late.
    """

    axis: str
    hours: int
    start: datetime
    end: datetime
    cells: bytes
    stale: bool = False


class ChargeHour(msgspec.Struct, frozen=True, kw_only=True):
    """What the charge lines that end after `start` and within the hour come to, so that a month is read in few rows."""

    tenant: str
    start: datetime
    meter: str
    model: str
    currency: str
    lines: int
    quantity: CardMicroseconds
    amount_micros: Micros


class SampleBlock(msgspec.Struct, frozen=True, kw_only=True):
    """What devices were seen doing from `start` on, see `store.samples`; `node` is '' for the whole fleet now."""

    node: str
    start: datetime
    devices: tuple[str, ...]
    samples: bytes


def _belongs(column: str, target: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint([column], [f"{target}.id"])


SETTINGS = table("settings", Setting, "key")
REQUESTS = table("requests", Request, "noun", "id")
AUDIT = table("audit", AuditEntry, "sequence")

NODES = table("nodes", Node, "id")
DEVICES = table("devices", Device, "id", constraints=(_belongs("node", "nodes"),))
DEVICE_INTERVALS = table(
    "device_intervals", DeviceInterval, "device", "start", constraints=(_belongs("device", "devices"),)
)
CALIBRATIONS = table("calibrations", Calibration, "id", constraints=(_belongs("device", "devices"),))
LINKS = table("links", LinkMeasurement, "id")
CATALOGUE = table("catalogue", CatalogueEntry, "id")

TENANTS = table("tenants", Tenant, "id")
PROJECTS = table("projects", Project, "tenant", "id", constraints=(_belongs("tenant", "tenants"),))
MEMBERS = table("members", Member, "tenant", "id", constraints=(_belongs("tenant", "tenants"),))
TOKENS = table("tokens", Token, "id", index=("secret_hash",), constraints=(_belongs("tenant", "tenants"),))
VOLUMES = table(
    "volumes",
    Volume,
    "id",
    constraints=(_belongs("tenant", "tenants"), UniqueConstraint("tenant", "name")),
)

OFFERS = table("offers", Offer, "id")
QUOTES = table(
    "quotes",
    Quote,
    "id",
    index=("tenant",),
    constraints=(_belongs("tenant", "tenants"), _belongs("offer", "offers")),
)
LEASES = table(
    "leases",
    Lease,
    "id",
    index=("tenant", "state"),
    constraints=(_belongs("tenant", "tenants"), _belongs("quote", "quotes"), UniqueConstraint("quote")),
)

JOBS = table(
    "jobs",
    Job,
    "id",
    index=("lease",),
    fixed=(
        *("tenant", "spec", "created_at", "project", "lease", "offer", "price_micros_per_card_hour"),
        *("barred", "line"),
    ),
    constraints=(
        _belongs("tenant", "tenants"),
        _belongs("lease", "leases"),
        _belongs("offer", "offers"),
        Index("ix_jobs_state_line", "state", "line", "created_at", "id"),
        Index("ix_jobs_state_created_at", "state", "created_at", "id"),
        Index("ix_jobs_tenant_state_created_at", "tenant", "state", "created_at", "id"),
    ),
)
Index(
    "ix_jobs_promised",
    JOBS.c.state,
    JOBS.c.id,
    sqlite_where=JOBS.c.promise.is_not(None),
    postgresql_where=JOBS.c.promise.is_not(None),
)
ATTEMPTS = table(
    "attempts",
    Attempt,
    "id",
    index=("state", "ended_at"),
    fixed=(
        *("job", "tenant", "number", "engine", "devices", "tasks", "placed_at", "lease", "offer"),
        *("share", "slots", "spot"),
    ),
    constraints=(_belongs("job", "jobs"), UniqueConstraint("job", "number")),
)
UNMETERED = ATTEMPTS.c.metered.is_(False)
HOLDING = JOBS.c.hold != literal_column("''")
Index("ix_attempts_unmetered", ATTEMPTS.c.id, sqlite_where=UNMETERED, postgresql_where=UNMETERED)
Index("ix_jobs_holding", JOBS.c.id, sqlite_where=HOLDING, postgresql_where=HOLDING)
WAITS = table("waits", Wait, "job", "start", index=("end",), constraints=(_belongs("job", "jobs"),))

ACCOUNTS = table("accounts", Account, "id", fixed=("currency", "created_at"))
TRANSFERS = table(
    "transfers",
    Transfer,
    "id",
    index=("key",),
    constraints=(_belongs("debit", "accounts"), _belongs("credit", "accounts"), _belongs("hold", "holds")),
)
HOLDS = table(
    "holds",
    Hold,
    "id",
    index=("account", "state"),
    fixed=("account", "amount_micros", "currency", "created_at"),
    constraints=(_belongs("account", "accounts"),),
)

USAGE_EVENTS = table(
    "usage_events",
    UsageEvent,
    "source",
    "id",
    index=("rated", "tenant"),
    constraints=(UniqueConstraint("subject", "meter", "start"), _belongs("tenant", "tenants")),
)
CHARGE_LINES = table(
    "charge_lines",
    ChargeLine,
    "id",
    index=("invoice", "subject"),
    constraints=(
        UniqueConstraint("subject", "meter", "start"),
        _belongs("tenant", "tenants"),
        _belongs("transfer", "transfers"),
    ),
)
CHARGE_HOURS = table(
    "charge_hours", ChargeHour, "tenant", "start", "meter", "model", "currency", index=("start",)
)
INVOICES = table(
    "invoices",
    Invoice,
    "id",
    constraints=(
        UniqueConstraint("tenant", "start", "end"),
        UniqueConstraint("number"),
        _belongs("tenant", "tenants"),
    ),
)
CREDIT_NOTES = table(
    "credit_notes",
    CreditNote,
    "id",
    constraints=(_belongs("invoice", "invoices"), UniqueConstraint("number")),
)
PRICE_BOOKS = table("price_books", PublishedBook, "id")
CONTRACTS = table(
    "contracts",
    SignedContract,
    "id",
    index=("tenant",),
    constraints=(_belongs("tenant", "tenants"), _belongs("price_book", "price_books")),
)
CONTRACT_LINES = table(
    "contract_lines",
    ContractLine,
    "id",
    index=("contract", "invoice"),
    constraints=(
        UniqueConstraint("contract", "key", "sequence"),
        _belongs("tenant", "tenants"),
        _belongs("contract", "contracts"),
        _belongs("transfer", "transfers"),
    ),
)
VOUCHER_PROGRAMMES = table("voucher_programmes", PublishedProgramme, "id")
VOUCHERS = table(
    "vouchers",
    Voucher,
    "id",
    index=("tenant",),
    constraints=(
        _belongs("tenant", "tenants"),
        _belongs("contract", "contracts"),
        _belongs("programme", "voucher_programmes"),
    ),
)
Index("ix_contract_lines_tenant_due", CONTRACT_LINES.c.tenant, CONTRACT_LINES.c.due)
Index("ix_charge_lines_end", CHARGE_LINES.c.end)
Index("ix_contract_lines_due", CONTRACT_LINES.c.due)
Index("ix_transfers_debit_at", TRANSFERS.c.debit, TRANSFERS.c.at, TRANSFERS.c.id)
Index("ix_transfers_credit_at", TRANSFERS.c.credit, TRANSFERS.c.at, TRANSFERS.c.id)
Index("ix_calibrations_device", CALIBRATIONS.c.device)
Index("ix_charge_lines_tenant_end", CHARGE_LINES.c.tenant, CHARGE_LINES.c.end)

_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Of a key that the database counts; SQLite only counts in this type."""

METERS = table("meters", Meter, "id")
METERED_EVENTS = table("metered_events", StoredEvent, "source", "id")
METER_SERIES = Table(
    "meter_series",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("meter", Text, nullable=False),
    Column("tenant", Text, nullable=False),
    Column("dimensions", Text, nullable=False),
    Column("value", Text, nullable=False),
    UniqueConstraint("meter", "tenant", "dimensions", "value"),
    _belongs("meter", "meters"),
    _belongs("tenant", "tenants"),
)
METER_READINGS = Table(
    "meter_readings",
    METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=True),
    Column("levels", Boolean, nullable=False),
    Column("first", BigInteger, nullable=False),
    Column("last", BigInteger, nullable=False),
    Column("readings", LargeBinary, nullable=False),
)
"""Readings of one commit, packed: see `store.readings`."""
SAMPLES = table("samples", SampleBlock, "node", "start")
LADDER_CELLS = table("ladder_cells", LadderCells, "axis", "hours", "start")
CLOSINGS = table("closings", PeriodClosing, "start", "number")

BUDGETS = table("budgets", Budget, "id", constraints=(_belongs("tenant", "tenants"),))
ALERTS = table("alerts", Alert, "budget", "start", "percent", constraints=(_belongs("budget", "budgets"),))

PLANS = table("plans", KeptPlan, "id")
PLAN_RUNS = table("plan_runs", PlanRun, "id", index=("plan",))

Index("ix_metered_events_time_tenant", METERED_EVENTS.c.time, METERED_EVENTS.c.tenant)
Index("ix_meter_readings_last", METER_READINGS.c.last)

ALL = METADATA
