"""`penstock demo`: one job through every room of a throw-away centre on this host, for real."""

import json
import os
import sys
import tempfile
from contextlib import nullcontext
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from penstock.base.refusal import Refusal, Refused
from penstock.billing.model import Invoice
from penstock.cli import formats
from penstock.cli.demo_centre import RunningCentre
from penstock.cli.language import _, language
from penstock.fleet.device import Calibration, Device, Node
from penstock.insight.model import Ladder, Span
from penstock.lease.job import Attempt, Job
from penstock.lease.jobfile import JobFile, parse
from penstock.lease.offer import Lease
from penstock.lease.tenant import Tenant
from penstock.sdk.client import Client
from penstock.sdk.logs import LogPiece, follow_logs
from penstock.sdk.workdir import upload_workdir
from penstock.web.documents.ladder_text import render_ladder
from penstock.web.documents.report_data import LossPoint, ReportData
from penstock.web.documents.report_html import render_report

DEVICES = 2
DEVICE_COST_YUAN = 3_000
LEASE_MINUTES = 10
PAYMENT_YUAN = 100
PRICE_YUAN_PER_CARD_HOUR = 36


class Story(msgspec.Struct):
    """What the demo has gathered so far, as the API told it."""

    calibrations: list[Calibration] = []
    losses: list[LossPoint] = []
    tenant: Tenant | None = None
    lease: Lease | None = None
    job: Job | None = None
    attempts: tuple[Attempt, ...] = ()
    attempt_steps: dict[int, tuple[int, int]] = {}


def demo(
    out: Annotated[Path, Parameter(help="Folder for the invoice and the report.")] = Path("demo-report"),
    port: Annotated[int, Parameter(help="Port to listen on; 0 picks a free one.")] = 0,
) -> int:
    """Walk one real job from lease to invoice in a throw-away centre.

    Everything is real: measured devices, two training processes, a failure and a resumption, the bill.
    """
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 120)
    out.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="penstock-demo-") as data,
        RunningCentre(Path(data), port) as centre,
    ):
        _say(console, 1, _("A centre is open at {url}; its data will be thrown away.").format(url=centre.url))
        with Client(centre.url, centre.token, timeout_s=120.0) as operator:
            story = Story()
            _calibrate(console, operator, story)
            tenant_token = _sell(console, operator, story)
            with Client(centre.url, tenant_token) as tenant:
                _lease(console, tenant, story)
                _train(console, tenant, story)
            return _close(console, operator, story, out)


def _say(console: Console, number: int, sentence: str) -> None:
    console.print(f"[bold cyan]{number}[/] {sentence}")


def _calibrate(console: Console, operator: Client, story: Story) -> None:
    devices = msgspec.convert(operator.get("fleet")["devices"], list[Device])[:DEVICES]
    _say(
        console,
        2,
        _("Measuring {count} devices; only an accepted device is sold.").format(count=len(devices)),
    )
    for device in devices:
        with console.status(device.id) if sys.stdout.isatty() else nullcontext():
            answer = operator.post("fleet", "devices", device.id, "calibrate", timeout_s=300.0)
        cost = {"cost_micros": DEVICE_COST_YUAN * 1_000_000, "tranche": "demo"}
        operator.post("fleet", "devices", device.id, "cost", body=cost)
        result = msgspec.convert(answer, Calibration)
        story.calibrations.append(result)
        rates = ", ".join(f"{rate.precision} {rate.tflops * 1000:.0f} GFLOPS" for rate in result.measured)
        verdict = _("accepted") if result.accepted else _("rejected")
        console.print(
            f"    {device.id}: {rates}, {result.memory_bandwidth_bytes_per_s / 1e9:.1f} GB/s: {verdict}"
        )


def _sell(console: Console, operator: Client, story: Story) -> str:
    """Publish a price, open a tenant with prepaid money; the secret of its engineer's token."""
    price = PRICE_YUAN_PER_CARD_HOUR * 1_000_000
    operator.post("offers", body={"id": "list", "model": "cpu", "price_micros_per_card_hour": price})
    body = {"id": "acme", "name": "Acme Intelligence 顶点智能", "language": language()}
    story.tenant = msgspec.convert(operator.post("tenants", body=body), Tenant)
    operator.post(
        "tenants", "acme", "payments", body={"id": "bank-1", "amount_micros": PAYMENT_YUAN * 1_000_000}
    )
    operator.post("members", body={"id": "ann", "tenant": "acme", "role": "owner"})
    issued = operator.post("tokens", body={"id": "ann-laptop", "tenant": "acme", "member": "ann"})
    sentence = _("On sale at {price} CNY per card-hour; the tenant acme has paid in {paid} CNY.")
    _say(console, 3, sentence.format(price=f"{PRICE_YUAN_PER_CARD_HOUR}.00", paid=f"{PAYMENT_YUAN}.00"))
    return str(issued["secret"])


def _lease(console: Console, tenant: Client, story: Story) -> None:
    devices = len(story.calibrations)
    wanted = {"id": "first", "model": "cpu", "devices": devices, "hours": LEASE_MINUTES / 60}
    quote = tenant.post("quotes", body=wanted)
    story.lease = msgspec.convert(tenant.post("leases", body={"id": "first", "quote": quote["id"]}), Lease)
    sentence = _("acme leases {devices} devices for {minutes} minutes; {total} CNY are set aside.")
    total = quote["total_micros"] / 1_000_000
    _say(console, 4, sentence.format(devices=devices, minutes=LEASE_MINUTES, total=f"{total:.2f}"))


def _train(console: Console, tenant: Client, story: Story) -> None:
    with as_file(files("penstock.cli.demo_job")) as folder:
        parsed = parse((folder / "job.yaml").read_bytes(), "job.yaml")
        assert isinstance(parsed, JobFile), parsed
        workdir = upload_workdir(tenant, folder)
    resources = msgspec.structs.replace(parsed.spec.resources, devices_per_node=len(story.calibrations))
    environment = parsed.spec.env | {"PYTHON": sys.executable}
    steps = int(os.environ.get("PENSTOCK_DEMO_STEPS", environment["STEPS"]))
    checkpoint_every, fails_at = steps // 7, steps // 2
    environment |= {
        "STEPS": str(steps),
        "FAIL_AT_STEP": str(fails_at),
        "CHECKPOINT_EVERY": str(checkpoint_every),
        "REPORT_EVERY": str(max(steps // 56, 1)),
    }
    story.attempt_steps = {1: (0, fails_at), 2: (fails_at // checkpoint_every * checkpoint_every, steps)}
    spec = msgspec.structs.replace(parsed.spec, resources=resources, env=environment, workdir=workdir)
    job = tenant.post("jobs", body={"id": "digits", "spec": spec, "lease": "first"})
    _say(console, 5, _("Training in two processes on handwritten digits; it will fail once, on purpose."))
    columns = (
        TextColumn("    {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[loss]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, disable=not sys.stdout.isatty()) as progress:
        bar = progress.add_task(_("attempt {number}").format(number=1), total=steps, loss="")
        for number, line in _lines(tenant, job["id"]):
            point = _loss(number, line)
            if point is not None:
                story.losses.append(point)
                progress.update(
                    bar,
                    completed=point.step,
                    description=_("attempt {number}").format(number=number),
                    loss=_("loss {loss}").format(loss=f"{point.loss:.4f}"),
                )
    detail = tenant.get("jobs", job["id"])
    story.job = msgspec.convert(detail["job"], Job)
    story.attempts = msgspec.convert(detail["attempts"], tuple[Attempt, ...])
    for attempt in story.attempts:
        exits = " ".join(
            str(task.exit_code if task.signal is None else -task.signal) for task in attempt.exits
        )
        sentence = _("attempt {number}: {state}, exits {exits}, {count} checkpoints")
        console.print(
            "    "
            + sentence.format(
                number=attempt.number,
                state=formats.word(attempt.state),
                exits=exits,
                count=len(attempt.checkpoints),
            )
        )
    if not story.losses:
        said = tenant.download("jobs", job["id"], "logs").decode(errors="replace").strip()
        remedy = "see that Python and scikit-learn can be read by jobs: `penstock doctor`"
        raise Refused(Refusal("training_failed", f"no step was trained: {said[-500:]}", remedy))
    last = story.losses[-1]
    console.print(
        "    "
        + _("loss went from {first} to {last}").format(
            first=f"{story.losses[0].loss:.4f}", last=f"{last.loss:.4f}"
        )
    )


def _lines(client: Client, job: str) -> Any:
    """(attempt, line) of rank 0 as they come."""
    rest = ""
    for piece in follow_logs(client, job):
        if isinstance(piece, LogPiece):
            *whole, rest = (rest + piece.text).split("\n")
            yield from ((piece.attempt, line) for line in whole)


def _loss(attempt: int, line: str) -> LossPoint | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or "loss" not in said or "step" not in said:
        return None
    return LossPoint(said["step"], said["loss"], attempt, said.get("accuracy"))


def _close(console: Console, operator: Client, story: Story, out: Path) -> int:
    """Bill what was used so far, print the ladder and the check, and leave the documents."""
    ladder = msgspec.convert(operator.get("ladder", start=_opened(operator))[""], Ladder)
    story.lease = msgspec.convert(operator.get("leases", "acme.first"), Lease)
    whole = {"tenant": "acme", "start": ladder.start, "end": ladder.end}
    invoice = msgspec.convert(operator.post("invoices", body=whole), Invoice)
    check = operator.get("ledger", "check")
    documents = {
        "invoice-en.pdf": operator.download("invoices", invoice.id, "pdf", language="en"),
        "invoice-zh.pdf": operator.download("invoices", invoice.id, "pdf", language="zh"),
        "invoice.csv": operator.download("invoices", invoice.id, "csv"),
        "report.html": _report(operator, story, ladder, invoice, check).encode(),
    }
    for name, content in documents.items():
        (out / name).write_bytes(content)
    _say(
        console,
        6,
        _("The invoice: {total} CNY for {hours} card-hours.").format(
            total=f"{invoice.total_micros / 1e6:.2f}",
            hours=f"{sum(line.quantity for line in invoice.lines) / 3.6e9:.4f}",
        ),
    )
    _say(console, 7, _("Where every card-hour went:"))
    console.print(render_ladder(ladder, "zh" if language() == "zh" else "en"))
    balanced = _("both books balance") if check["ok"] else _("THE BOOKS DO NOT BALANCE")
    _say(
        console,
        8,
        _("ledger check: {verdict} ({checked})").format(
            verdict=balanced, checked=", ".join(f"{count} {noun}" for noun, count in check["checked"].items())
        ),
    )
    for finding in (*check["money"], *check["card_hours"], *check["audit"]):
        console.print(f"    {finding}")
    console.print(_("Left in {folder}: {names}").format(folder=out.resolve(), names=", ".join(documents)))
    succeeded = story.job is not None and story.job.state == "succeeded"
    return 0 if check["ok"] and succeeded and len(story.attempts) == 2 else 1


def _opened(operator: Client) -> str:
    """When the first device went into service."""
    return min(
        device["commissioned_at"] for device in operator.get("fleet")["devices"] if device["commissioned_at"]
    )


def _report(operator: Client, story: Story, ladder: Ladder, invoice: Invoice, check: Any) -> str:
    from penstock.app.reports import CheckReport

    fleet = operator.get("fleet")
    assert story.tenant is not None
    assert story.job is not None
    data = ReportData(
        centre=operator.get("centre")["name"],
        version=version("penstock"),
        made_at=ladder.end.astimezone(),
        nodes=msgspec.convert(fleet["nodes"], tuple[Node, ...]),
        devices=msgspec.convert(fleet["devices"], tuple[Device, ...]),
        tenant=story.tenant,
        job=story.job,
        attempts=story.attempts,
        ladder=ladder,
        spans=msgspec.convert(
            list(operator.items("card-hours", start=ladder.start.isoformat(), end=ladder.end.isoformat())),
            tuple[Span, ...],
        ),
        check=msgspec.convert(check, CheckReport),
        calibrations=tuple(story.calibrations),
        lease=story.lease,
        invoice=invoice,
        losses=tuple(story.losses),
        attempt_steps=story.attempt_steps,
        data_set=_("scikit-learn's handwritten digits: 1,797 images of 8 × 8 pixels"),
    )
    return render_report(data, "zh" if language() == "zh" else "en")
