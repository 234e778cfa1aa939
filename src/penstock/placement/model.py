"""What the placement core is asked and what it answers."""

from datetime import datetime

import msgspec

from penstock.base.money import Micros
from penstock.base.quantity import WHOLE, CardMicroseconds
from penstock.base.window import Window
from penstock.fleet.device import Device, Node
from penstock.lease.job import Attempt, Job, Promise, Slots
from penstock.lease.offer import Lease
from penstock.lease.tenant import Project, Tenant


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a centre places: the policy by which nodes and devices are chosen, the order of the queue, and how
    many waiting jobs are promised a start that later ones must not delay.
    """

    policy: str = "penstock"
    order: str = "fair-share"
    aim: str = "completion"
    """By what a model is chosen for jobs that say their throughput; see `throughput.AIMS`."""
    promises: int = 64
    spot_notice_s: int = 60
    """How long before its devices are needed, beside its own grace, spot work is told to stop."""


class World(msgspec.Struct, frozen=True, kw_only=True):
    """All that a decision may look at, as of one revision of the store.

    `leases` are those reserved, active, suspended or ending; `attempts` those not final (they occupy their
    devices); `running` the jobs of those attempts, for their host memory, project and time limit; `queue`
    the jobs waiting, each with what it may cost already checked.
    """

    revision: int
    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    leases: tuple[Lease, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    running: tuple[Job, ...] = ()
    queue: tuple[Job, ...] = ()
    tenants: tuple[Tenant, ...] = ()
    projects: tuple[Project, ...] = ()
    preference: tuple[str, ...] = ()
    """Models in the order in which jobs that take any should have them."""
    costs: dict[str, Micros] = {}
    """Least price of a card-hour by model, where jobs are to have what costs them least."""
    rules: Rules = Rules()


class Placement(msgspec.Struct, frozen=True):
    """Put this job on these devices: `tasks[rank]` is the devices of that task.

    `devices` are all of them, of which it takes `share` thousandths each: those in `slots` (empty: whole).
    """

    job: str
    tasks: tuple[tuple[str, ...], ...]
    devices: tuple[str, ...] = ()
    share: int = WHOLE
    slots: tuple[Slots, ...] = ()


class Eviction(msgspec.Struct, frozen=True):
    """End this attempt for a job that needs its devices; so much card time of work is lost by it."""

    attempt: str
    job: str
    lost_us: CardMicroseconds


class Waiting(msgspec.Struct, frozen=True):
    """A job not placed: the one reason that the card-hour book uses, and all counts for people.

    `promise` is the start that later jobs do not delay; None where none is known, or the job is far back.
    """

    job: str
    reason: str
    counts: dict[str, int]
    promise: Promise | None = None


class Plan(msgspec.Struct, frozen=True):
    """One line for each waiting job: placed, or waiting with a counted reason."""

    revision: int
    placements: tuple[Placement, ...]
    waiting: tuple[Waiting, ...]
    evictions: tuple[Eviction, ...] = ()


class Request(msgspec.Struct, frozen=True):
    """Guaranteed devices of one model over one window."""

    model: str
    devices: int
    window: Window


class Availability(msgspec.Struct, frozen=True):
    """Yes with the devices to book, or no with counted reasons and the earliest start that would do."""

    available: bool
    devices: tuple[str, ...] = ()
    reasons: dict[str, int] = {}
    available_from: datetime | None = None


class Option(msgspec.Struct, frozen=True):
    """One change to a job, such as `nodes` = `2`, and when it would then start by what is known."""

    change: str
    value: str
    starts_at: datetime


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer to "why is it pending?".

    `counts` has one entry a reason and adds up to the devices considered, `reason` is the one of the card-hour book,
    or `too_large` where the job waits in vain; `ahead` is how many jobs come
    first; `starts_by` is the latest start by what is known now (lease ends and time limits; None where
    something has no known end, or it can never fit: then `possible` tells which).
    """

    job: str
    reason: str
    counts: dict[str, int]
    ahead: int
    possible: bool
    starts_by: datetime | None = None
    options: tuple[Option, ...] = ()
    software: dict[str, tuple[str, ...]] = {}
    """Model -> ids of the rules that keep the job's program off it, of models that it would take."""
    after: tuple[str, ...] = ()
    """Jobs that must end first; what comes after them is not reckoned yet."""
    engine: str = ""
    """Once it has devices: what keeps its engine from beginning it, in the engine's words."""
