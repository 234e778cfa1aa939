"""A centre that has run for a month, generated: devices, jobs, attempts, waits, leases, charges and their ledger."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import batched
from random import Random
from typing import Any

import msgspec
from sqlalchemy import Connection, Table

from penstock.app import settling
from penstock.app.context import App
from penstock.base.ids import derived_id
from penstock.base.money import MICROS_PER_UNIT
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window
from penstock.billing.invoice import Invoice
from penstock.billing.model import ChargeLine, InvoiceLine
from penstock.fleet.device import Calibration, Device, DeviceInterval, DeviceState, Node
from penstock.fleet.telemetry import Sample
from penstock.insight.attribution import attribute
from penstock.insight.settled import settle
from penstock.lease.job import Attempt, AttemptState, Job, JobSpec, JobState, Resources, TaskExit, Wait
from penstock.lease.offer import Lease, LeaseState, Offer, Quote
from penstock.lease.tenant import Tenant
from penstock.ledger.chart import PREPAID, RECEIVABLE, REVENUE_HOURLY, centre_account, tenant_account
from penstock.ledger.model import Account, Transfer
from penstock.placement.kind import line_of
from penstock.store import charged, fleet, samples, settled, tables
from penstock.store.bulk import insert_rows
from penstock.store.world import history

MODEL, PRICE, CURRENCY = "a100", 9 * MICROS_PER_UNIT, "CNY"
BATCH = 20_000
SLOT, LEASED_NODES = timedelta(hours=9), 100
RACK, SHOWN_NODE = 16, 700
GIB = 2**30
HUNDRED_THOUSAND_YUAN = 100_000 * MICROS_PER_UNIT


def keep(tx: Connection, table: Table, structs: Iterable[msgspec.Struct]) -> None:
    """Insert many, with the columns' own conversions."""
    names = [column.name for column in table.columns]
    convert = [getattr(column.type, "process_bind_param", None) for column in table.columns]
    dialect = tx.dialect

    def row(struct: msgspec.Struct) -> tuple[Any, ...]:
        given = (getattr(struct, name) for name in names)
        return tuple(
            value if by is None else by(value, dialect) for value, by in zip(given, convert, strict=True)
        )

    for some in batched(structs, BATCH, strict=False):
        insert_rows(tx, table, names, [row(one) for one in some])


class Month:
    """What happened. `now` is its end."""

    def __init__(self, scenario: dict[str, Any], now: datetime) -> None:
        self.now = now
        self.start = now - timedelta(days=scenario["days"])
        self.nodes, self.size = scenario["nodes"], scenario["devices_per_node"]
        self.jobs, self.lines_per_job = scenario["jobs"], scenario["lines_per_job"]
        self.ended_or_running = self.jobs - scenario["queued"]
        self.tenants = [f"tenant-{number:03}" for number in range(scenario["tenants"])]
        self.spent = dict.fromkeys(self.tenants, 0)

    def tenant(self, number: int) -> str:
        """Whose a job is; those of one node's leases are one tenant's."""
        node = number % self.nodes
        return self.tenants[(node if node < LEASED_NODES else number // 7) % len(self.tenants)]

    def devices(self, node: int) -> tuple[str, ...]:
        """The devices of a node."""
        return tuple(f"{MODEL}-{node:04}.{index}" for index in range(self.size))

    def ran(self, number: int) -> tuple[datetime, datetime]:
        """When a job began and ended, or would end."""
        random = Random(number)
        began = self.start + SLOT * (number // self.nodes) + timedelta(minutes=random.randrange(20, 60))
        last = number // self.nodes == (self.ended_or_running - 1) // self.nodes
        return began, began + timedelta(minutes=random.randrange(200, 460) + (600 if last else 0))

    def fleet(self) -> Iterator[tuple[Table, Iterable[msgspec.Struct]]]:
        """Nodes and devices in service for the month, each measured once."""
        before, nodes = self.start, range(self.nodes)
        yield (
            tables.NODES,
            (
                Node(
                    id=f"{MODEL}-{n:04}",
                    cpu_cores=128,
                    memory_bytes=1024 * GIB,
                    leaf=f"leaf-{n // 16}",
                    engine="simulated",
                )
                for n in nodes
            ),
        )
        every = [(n, index, name) for n in nodes for index, name in enumerate(self.devices(n))]
        yield tables.DEVICES, (
            Device(
                id=name, node=f"{MODEL}-{n:04}", model=MODEL, handle=str(index), index=index,
                state=DeviceState.DOWN if n % 200 == 199 else DeviceState.AVAILABLE, stack="simulated",
                memory_bytes=80 * GIB, commissioned_at=before, accepted_at=before,
                cost_micros=HUNDRED_THOUSAND_YUAN, tranche="first",
            )
            for n, index, name in every
        )  # fmt: skip
        yield tables.DEVICE_INTERVALS, (one for n, _, name in every for one in self._states(n, name, before))
        yield tables.CALIBRATIONS, (
            Calibration(
                id=derived_id(name), device=name, at=before, measured=(), memory_bandwidth_bytes_per_s=1.5e12,
                spread=0.01, software={}, accepted=True,
            )
            for _, _, name in every
        )  # fmt: skip

    def _states(self, node: int, name: str, before: datetime) -> Iterator[DeviceInterval]:
        if node % 200 != 199:
            yield DeviceInterval(device=name, state=DeviceState.AVAILABLE, start=before)
            return
        fell = self.now - timedelta(hours=5)
        yield DeviceInterval(device=name, state=DeviceState.AVAILABLE, start=before, end=fell)
        yield DeviceInterval(device=name, state=DeviceState.DOWN, start=fell, reason="link lost")

    def customers(self) -> Iterator[tuple[Table, Iterable[msgspec.Struct]]]:
        """Tenants, one offer, a lease on each of the first nodes."""
        before = self.start - timedelta(days=1)
        yield tables.TENANTS, (Tenant(id=name, name=name.title(), created_at=before) for name in self.tenants)
        offer = Offer(id=MODEL, model=MODEL, price_micros_per_card_hour=PRICE, created_at=before)
        yield tables.OFFERS, [offer]
        end = self.now + timedelta(days=10)
        yield tables.QUOTES, (
            Quote(
                id=f"{self.tenant(n)}.quote-{n}", tenant=self.tenant(n), offer=MODEL, model=MODEL, devices=self.size,
                start=self.start, end=end, price_micros_per_card_hour=PRICE, total_micros=PRICE * 720 * self.size,
                created_at=before, expires_at=before + timedelta(minutes=15), available=True,
                accepted_by=f"{self.tenant(n)}.lease-{n}",
            )
            for n in range(LEASED_NODES)
        )  # fmt: skip
        yield tables.LEASES, (
            Lease(
                id=f"{self.tenant(n)}.lease-{n}", tenant=self.tenant(n), quote=f"{self.tenant(n)}.quote-{n}",
                offer=MODEL, model=MODEL, devices=self.devices(n), start=self.start, end=end,
                price_micros_per_card_hour=PRICE, created_at=before, state=LeaseState.ACTIVE, metered_until=self.now,
            )
            for n in range(LEASED_NODES)
        )  # fmt: skip

    def work(self) -> Iterator[tuple[Table, Iterable[msgspec.Struct]]]:
        """Jobs one after the other on each node, and some that wait."""
        yield tables.JOBS, (self._job(number) for number in range(self.jobs))
        yield tables.ATTEMPTS, (self._attempt(number) for number in range(self.ended_or_running))
        yield tables.WAITS, (self._wait(number) for number in range(self.jobs))

    def _queued(self, number: int) -> bool:
        return number >= self.ended_or_running

    def _lease(self, number: int) -> str | None:
        node = number % self.nodes
        return (
            f"{self.tenant(number)}.lease-{node}"
            if node < LEASED_NODES and not self._queued(number)
            else None
        )

    def _job(self, number: int) -> Job:
        began, ended = self.ran(number)
        spec = JobSpec(
            name=f"train-{number}", run="simulated", resources=Resources(models=(MODEL,), devices_per_node=8)
        )
        name = f"{self.tenant(number)}.job-{number:06}"
        lease = self._lease(number)
        made = Job(
            id=name, tenant=self.tenant(number), spec=spec, created_at=began - timedelta(minutes=12),
            lease=lease, offer=None if lease else MODEL, price_micros_per_card_hour=PRICE,
        )  # fmt: skip
        if self._queued(number):
            waiting = self.now - timedelta(minutes=number % 300)
            return msgspec.structs.replace(
                made, created_at=waiting, reasons={"busy": 9000}, line=line_of(made)
            )
        state, done = JobState.SUCCEEDED if number % 12 else JobState.FAILED, ended
        if ended > self.now:
            state, done = JobState.RUNNING, None
        return msgspec.structs.replace(made, state=state, attempts=1, started_at=began, ended_at=done)

    def _attempt(self, number: int) -> Attempt:
        began, ended = self.ran(number)
        tenant, lease, devices = self.tenant(number), self._lease(number), self.devices(number % self.nodes)
        running = ended > self.now
        failed = number % 12 == 0
        return Attempt(
            id=f"{tenant}.job-{number:06}.1", job=f"{tenant}.job-{number:06}", tenant=tenant, number=1,
            engine="simulated", devices=devices, tasks=(devices,), placed_at=began - timedelta(minutes=1),
            lease=lease, offer=None if lease else MODEL,
            state=AttemptState.RUNNING if running else AttemptState.FAILED if failed else AttemptState.SUCCEEDED,
            began_at=began - timedelta(seconds=40), running_at=began, ended_at=None if running else ended,
            metered_until=min(ended, self.now), metered=not running,
            exits=() if running else (TaskExit(rank=0, exit_code=int(failed)),),
            checkpoints=(began + timedelta(hours=1), began + timedelta(hours=2)),
        )  # fmt: skip

    def _wait(self, number: int) -> Wait:
        began, _ = self.ran(number)
        start = self._job(number).created_at
        end = None if self._queued(number) else began - timedelta(minutes=1)
        return Wait(
            job=f"{self.tenant(number)}.job-{number:06}", tenant=self.tenant(number), models=(MODEL,), reason="busy",
            devices=8, start=start, end=end, lease=self._lease(number),
        )  # fmt: skip

    def charges(self, number: int) -> Iterator[ChargeLine]:
        """The lines of one job, in equal windows of its run so far."""
        began, ended = self.ran(number)
        tenant, until = self.tenant(number), min(ended, self.now)
        step = (until - began) / self.lines_per_job
        for part in range(self.lines_per_job if step > timedelta(0) else 0):
            start = began + step * part
            end = began + step * (part + 1)
            quantity = (end - start) // MICROSECOND * self.size
            amount = quantity * PRICE // US_PER_HOUR
            self.spent[tenant] += amount
            name = f"{number:06}.{part}"
            yield ChargeLine(
                id=f"line-{name}", tenant=tenant, project=None, subject_kind="attempt",
                subject=f"{tenant}.job-{number:06}.1", job=f"{tenant}.job-{number:06}", meter="card_time",
                model=MODEL, start=start, end=end, quantity=quantity, price_micros_per_card_hour=PRICE,
                amount_micros=amount, currency=CURRENCY, transfer=f"charge-{name}",
                invoice=f"{tenant}.invoice" if end <= self.billed_until else None,
            )  # fmt: skip

    @property
    def billed_until(self) -> datetime:
        """Invoices reach so far."""
        return self.start + timedelta(days=15)

    def money(self) -> Iterator[tuple[Table, Iterable[msgspec.Struct]]]:
        """Every charge with its transfer, then the accounts as that leaves them."""
        revenue = centre_account(REVENUE_HOURLY, CURRENCY)
        numbers = range(self.ended_or_running)
        yield tables.TRANSFERS, (
            Transfer(
                id=line.transfer or "", debit=tenant_account(line.tenant, PREPAID), credit=revenue,
                amount_micros=line.amount_micros, currency=CURRENCY, at=line.end, kind="charge", key=line.subject,
            )
            for number in numbers
            for line in self.charges(number)
        )  # fmt: skip
        self.spent = dict.fromkeys(self.tenants, 0)
        yield tables.CHARGE_LINES, (line for number in numbers for line in self.charges(number))
        yield (
            tables.CHARGE_HOURS,
            charged.sums(line for number in numbers for line in self.charges(number)).values(),
        )
        yield tables.INVOICES, (self._invoice(place, name) for place, name in enumerate(self.tenants))

    def accounts(self) -> Iterator[Account]:
        """What tenants have left of what they paid in."""
        paid = max(self.spent.values()) + HUNDRED_THOUSAND_YUAN
        for name, amount in self.spent.items():
            account = tenant_account(name, PREPAID)
            yield Account(
                id=account,
                currency=CURRENCY,
                created_at=self.start,
                floor_micros=0,
                balance_micros=paid - amount,
            )

    def samples(self, tx: Connection) -> None:
        """What devices did: of the whole fleet now, of the first rack's nodes and one more over the last day."""
        everywhere = [(n, name) for n in range(self.nodes) for name in self.devices(n)]
        some = [(n, name) for n, name in everywhere if n < RACK or n == SHOWN_NODE]
        at = samples.floor(self.now, samples.BLOCK) - timedelta(days=1)
        while at <= self.now:
            seen = some if at + 2 * samples.BLOCK < self.now else everywhere
            told = {name: self._sample(n, index, at) for index, (n, name) in enumerate(seen)}
            samples.record(tx, at, {name: f"{MODEL}-{n:04}" for n, name in seen}, told)
            at += samples.STEP

    def _sample(self, node: int, index: int, at: datetime) -> Sample:
        busy = (node * 7 + index + at.minute) % 100 / 100
        return Sample(
            index=index, activity=busy, memory_used_bytes=round(busy * 80) * GIB, power_w=80 + 320 * busy,
            temperature_c=35 + 40 * busy,
        )  # fmt: skip

    def _invoice(self, place: int, tenant: str) -> Invoice:
        lines = tuple(self._invoice_lines(tenant))
        total = sum(line.amount_micros for line in lines)
        return Invoice(
            id=f"{tenant}.invoice", number=place + 1, tenant=tenant, tenant_name=tenant.title(), currency=CURRENCY,
            start=self.start, end=self.billed_until, issued_at=self.billed_until + timedelta(hours=1), lines=lines,
            total_micros=total, rounding_micros=0, paid_micros=total,
        )  # fmt: skip

    def _invoice_lines(self, tenant: str) -> Iterator[InvoiceLine]:
        for number in range(self.ended_or_running):
            if self.tenant(number) != tenant or self.ran(number)[0] >= self.billed_until:
                continue
            own = [line for line in self.charges(number) if line.invoice]
            if own:
                exact = sum(line.amount_micros for line in own)
                yield InvoiceLine(
                    subject_kind="attempt", subject=own[0].subject, description=own[0].job or "", model=MODEL,
                    start=own[0].start, end=own[-1].end, quantity=sum(line.quantity for line in own),
                    price_micros_per_card_hour=PRICE, exact_micros=exact, amount_micros=exact // 10_000 * 10_000,
                )  # fmt: skip


def generate(app: App, scenario: dict[str, Any]) -> Month:
    """Fill an empty centre; returns what was put into it."""
    month = Month(scenario, app.now())
    with app.database.write() as tx:
        for kind in (month.fleet, month.customers, month.work):
            for table, structs in kind():
                keep(tx, table, structs)
        accounts = [
            Account(id=tenant_account(name, kind), currency=CURRENCY, created_at=month.start)
            for name in month.tenants
            for kind in (PREPAID, RECEIVABLE)
        ]
        keep(tx, tables.ACCOUNTS, accounts)
        for table, structs in month.money():
            keep(tx, table, structs)
        _balances(tx, month)
        month.samples(tx)
        fleet._changed(tx)  # noqa: SLF001 - rows were put in from below
    return month


def settle_month(app: App, month: Month) -> None:
    """Settle one hour of the month in which most ran, and let its ladder stand for all other hours and their days.

    A month of ten thousand devices takes an hour to settle; what is measured is how long rows take to read.
    """
    first = settled.floor(month.start, settled.DAY) + settled.DAY
    last = settled.floor(month.now, settled.HOUR)
    known = settled.State(rules=f"{settling.LAYOUT} {app.policy.currency}", until=last, upto=last)
    hour = Window(first + 6 * settled.HOUR, first + 7 * settled.HOUR)
    with app.database.read() as tx:
        past = history(tx, hour)
    cells = settle(attribute(past, hour), past, [hour], app.policy.currency)[0]
    with app.database.write() as tx:
        start = settled.floor(month.start, settled.HOUR)
        while start < last:
            settled.put(
                tx,
                [
                    tables.LadderCells(
                        axis=axis, hours=1, start=start, end=start + settled.HOUR, cells=settling.packed(own)
                    )
                    for axis, own in cells.items()
                ],
            )
            start += settled.HOUR
            if start == settled.floor(start, settled.DAY) and start > first:
                settling._settle_day(tx, start - settled.DAY)  # noqa: SLF001
        settled.prune(tx, last)
        settled.keep(tx, known)


def _balances(tx: Connection, month: Month) -> None:
    from sqlalchemy import update

    for account in month.accounts():
        where = tables.ACCOUNTS.c.id == account.id
        values = {"balance_micros": account.balance_micros, "floor_micros": 0}
        tx.execute(update(tables.ACCOUNTS).where(where).values(values))
