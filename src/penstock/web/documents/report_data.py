"""What a report of one lease and one job is made from: values of the core, as they stand in the books."""

from datetime import datetime

import msgspec

from penstock.app.reports import CheckReport
from penstock.billing.model import Invoice
from penstock.fleet.device import Calibration, Device, Node
from penstock.insight.model import Ladder, Span
from penstock.lease.job import Attempt, Job
from penstock.lease.offer import Lease
from penstock.lease.tenant import Tenant


class LossPoint(msgspec.Struct, frozen=True):
    """What the program reported after a step of one attempt, by the attempt's number."""

    step: int
    loss: float
    attempt: int
    accuracy: float | None = None


class ReportData(msgspec.Struct, frozen=True, kw_only=True):
    """One centre, one lease, one job and its bill over the window of the ladder.

    Times are shown in the zone of `made_at`. `attempt_steps` tells at which steps an attempt began and
    ended, by number; where it says nothing, the first and last loss do. `data_set` is a sentence on what was
    trained on, in the report's language.
    """

    centre: str
    version: str
    made_at: datetime
    nodes: tuple[Node, ...]
    devices: tuple[Device, ...]
    tenant: Tenant
    job: Job
    attempts: tuple[Attempt, ...]
    ladder: Ladder
    spans: tuple[Span, ...]
    check: CheckReport
    calibrations: tuple[Calibration, ...] = ()
    lease: Lease | None = None
    invoice: Invoice | None = None
    losses: tuple[LossPoint, ...] = ()
    attempt_steps: dict[int, tuple[int, int]] = {}
    data_set: str = ""
