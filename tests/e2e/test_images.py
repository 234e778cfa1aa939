"""An image from its archive to a paid job: added while the centre is open, named in a job file, run, charged, removed."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from tests.contract.images import archive, layout, need_tools

from penstock.app import fleet, identity, images, jobs, loop, money, opening, reports, selling
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.base.refusal import Refused
from penstock.cli.main import main
from penstock.lease.job import JobState, Variant
from penstock.lease.jobfile.parse import JobFile, parse
from penstock.store import billing
from penstock.store import fleet as fleet_rows
from penstock.wire import Centre, open_centre

PATIENCE_S = 60.0
NAME = "registry.example/train:1"
FILE = f"""
image: {NAME}
resources: {{accelerators: cpu:1, memory: 64MB}}
checkpoint: /checkpoint
run: |
  cat /etc/words; echo rank $RANK
  touch /checkpoint/up
  while [ ! -e /checkpoint/go ]; do sleep 0.05; done
"""


@pytest.fixture
def centre(tmp_path: Path) -> Iterator[Centre]:
    """A centre of this host's cores, with a tenant who has paid."""
    need_tools()
    one = open_centre(tmp_path / "data", Policy(metering_step=timedelta(seconds=1)), cpu_only=True)
    app = one.app
    opening.open_books(app)
    fleet.register(app, one.probe.discover())
    now = app.now()
    with app.database.write() as tx:
        for device in fleet_rows.devices(tx):
            fleet_rows.save_device(tx, fleet_rows.accept(device, now), now, "by the test")
    selling.publish_offer(
        app, SYSTEM, selling.NewOffer(id="list", model="cpu", price_micros_per_card_hour=3_600_000)
    )
    identity.open_tenant(app, SYSTEM, identity.NewTenant(id="acme"))
    money.pay(app, SYSTEM, "acme", money.NewPayment(id="p", amount_micros=10**9))
    yield one
    one.close()


def until(centre: Centre, holds: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < deadline_s, "waited in vain"
        loop.cycle(centre.app)
        time.sleep(0.02)


def command(*arguments: str) -> int:
    try:
        return main(list(arguments)) or 0
    except SystemExit as ended:
        return int(ended.code or 0)


def test_a_job_in_an_image_from_its_archive_to_its_bill(
    centre: Centre, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_LANG", "en")
    app, data = centre.app, str(tmp_path / "data")
    found = parse(FILE.encode(), "job.yaml")
    assert isinstance(found, JobFile)
    job = jobs.NewJob(id="j", tenant="acme", spec=found.spec)
    with pytest.raises(Refused, match=r"image_unknown.*it has: none"):
        jobs.submit(app, SYSTEM, job)
    source = archive(layout(tmp_path / "made", {"etc/words": "of the image\n"}))
    assert command("image", "add", NAME, str(source), "--data", data) == 0
    assert images.view(app, SYSTEM) == (images.ImageView(name=NAME, engine="local"),)
    elsewhere = msgspec.structs.replace(found.spec, variants={"cann": Variant(image="npu:1")})
    with pytest.raises(Refused, match=r"image_unknown.*npu:1"):
        jobs.submit(app, SYSTEM, msgspec.structs.replace(job, spec=elsewhere))
    jobs.submit(app, SYSTEM, job)
    held = app.files.checkpoint("acme.j")
    until(centre, (held / "up").exists)
    capsys.readouterr()
    assert command("image", "remove", NAME, "--data", data) == 1
    assert "image_in_use" in capsys.readouterr().err
    (held / "go").touch()
    until(centre, lambda: jobs.show_job(app, SYSTEM, "acme.j").job.state is JobState.SUCCEEDED)
    until(centre, lambda: not jobs.show_job(app, SYSTEM, "acme.j").job.hold)
    (attempt,) = jobs.show_job(app, SYSTEM, "acme.j").attempts
    assert attempt.limits["image"].startswith(f"{NAME} sha256:")
    assert jobs.read_logs(app, SYSTEM, "acme.j", 0, None, 0, 1000) == b"of the image\nrank 0\n"
    with app.database.read() as tx:
        charged = [line for line in billing.lines(tx) if line.subject == attempt.id]
    assert sum(line.amount_micros for line in charged) > 0
    assert reports.check_books(app, SYSTEM).ok
    assert command("image", "remove", NAME, "--data", data) == 0
    assert images.view(app, SYSTEM) == ()
