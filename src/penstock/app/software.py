"""Software fit: what keeps a job's program off which chips, its pools in order, and what to port first."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import msgspec

from penstock.app.access import own_tenant, require, require_audit
from penstock.app.context import App
from penstock.app.reports import asked_window
from penstock.base.money import Micros
from penstock.base.quantity import Precision
from penstock.base.refusal import Refused, invalid
from penstock.base.window import to_us
from penstock.fleet.accelerators import Catalogue
from penstock.fleet.calibration import measured_by_model
from penstock.fleet.device import Device
from penstock.insight.lost import asked_us
from penstock.insight.refused import RefusedByRule, RefusedDemand, RefusedJob, by_rule
from penstock.lease.job import Job, JobSpec, Wait
from penstock.lease.jobfile import check_spec
from penstock.lease.tenant import Principal, Scope
from penstock.placement.pools import Pool, pools
from penstock.placement.software import DECLARED
from penstock.portability.fit import barred, declared
from penstock.portability.model import Finding
from penstock.portability.rules import rules
from penstock.store import fleet, jobs, leases

type Reader = Callable[[Path | None, JobSpec], Sequence[Finding]]
"""Reads a working directory for what keeps its program off some chips; runs nothing of it."""


def bars(app: App, spec: JobSpec, known: Catalogue, read: Reader | None) -> dict[str, tuple[str, ...]]:
    """Model or stack -> ids of the rules that keep the job's program off it."""
    unknown = [rule for rule in spec.software.rules if rule not in rules()]
    if unknown:
        raise Refused(
            invalid(
                "rule_unknown",
                f"there is no rule {unknown[0]!r}",
                "see `penstock port check`",
                "software.rules",
            )
        )
    stacks = {chip.stack for chip in known.values()}
    foreign = next((name for name in (*spec.software.stacks, *spec.variants) if name not in stacks), None)
    if foreign is not None:
        named = ", ".join(sorted(stacks))
        raise Refused(
            invalid("stack_unknown", f"there is no software stack {foreign!r}", f"use one of {named}")
        )
    findings = declared(spec.software.rules)
    if spec.software.check and read is not None:
        findings += read(app.files.workdir(spec.workdir), spec)
    found = barred(findings, known) if findings else {}
    if spec.software.stacks:
        found |= dict.fromkeys(stacks.difference(spec.software.stacks), (DECLARED,))
        found = {
            name: ids
            for name, ids in found.items()
            if name in stacks or known[name].stack in spec.software.stacks
        }
    return found


def job_pools(
    app: App, principal: Principal, spec: JobSpec, known: Catalogue, read: Reader, precision: Precision | None
) -> tuple[Pool, ...]:
    """The centre's pools in the order in which this job should have them; nothing is submitted."""
    if principal.tenant is not None:
        require(principal, Scope.READ, own_tenant(principal, None))
    problems = check_spec(spec)
    if problems:
        raise Refused(*problems)
    against = bars(app, spec, known, read)
    with app.database.read() as tx:
        devices = fleet.devices(tx)
        measured = measured_by_model(devices, fleet.calibrations(tx))
        prices = leases.lowest_prices(tx, app.now())
    asking = Job(id="asked", tenant="", spec=spec, created_at=app.now(), barred=against)
    return pools(asking, devices, measured, prices, precision)


def port_first(
    app: App, principal: Principal, start: datetime | None = None, end: datetime | None = None
) -> RefusedDemand:
    """What software kept out in a window (the last seven days where none is given), by rule, in money."""
    require_audit(principal)
    now = app.now()
    window = asked_window(start, end, now)
    with app.database.read() as tx:
        waits = jobs.software_waits(tx, window)
        waited = jobs.by_ids(tx, {wait.job for wait in waits})
        submitted = jobs.count_submitted(tx, window) + sum(
            j.created_at < window.start for j in waited.values()
        )
        prices, devices = leases.lowest_prices(tx, now), fleet.devices(tx)
    refused = _refused(waits, waited, devices, prices, now)
    return RefusedDemand(
        start=window.start,
        end=window.end,
        submitted=submitted,
        refused=len(refused),
        card_us=sum(job.card_us for job in refused),
        value_micros=sum(job.value_micros for job in refused),
        currency=app.policy.currency,
        rules=tuple(_explained(row) for row in by_rule(refused)),
    )


def _refused(
    waits: Sequence[Wait],
    waited: Mapping[str, Job],
    devices: Sequence[Device],
    prices: Mapping[str, Micros],
    now: datetime,
) -> list[RefusedJob]:
    """Jobs that were never placed, one line each."""
    by_job: dict[str, list[Wait]] = {}
    for wait in waits:
        if not waited[wait.job].attempts:
            by_job.setdefault(wait.job, []).append(wait)
    models = {device.model: device.stack for device in devices}
    found = []
    for name, own in by_job.items():
        job = waited[name]
        against = [m for m, stack in models.items() if m in job.barred or stack in job.barred]
        waited_us = sum(to_us(wait.end or now) - to_us(wait.start) for wait in own)
        found.append(
            RefusedJob(
                job=name,
                tenant=job.tenant,
                rules=tuple(sorted({rule for wait in own for rule in wait.rules})),
                card_us=job.spec.devices * asked_us(job.spec, waited_us),
                price_micros_per_card_hour=min((prices[m] for m in against if m in prices), default=0),
            )
        )
    return found


def _explained(row: RefusedByRule) -> RefusedByRule:
    """The row with what the rule book says of its rule."""
    rule = rules().get(row.rule)
    if rule is None:
        return msgspec.structs.replace(row, why="the job names the stacks that it runs on")
    return msgspec.structs.replace(
        row, severity=str(rule.severity), why=rule.why, effort_days=rule.effort_days
    )
