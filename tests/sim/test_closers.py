"""Several processes close the same month at once, and one is killed: numbers have no gaps, nothing is billed twice."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from tests.postgresql import new_database

from closer import DAY, NOW, TENANTS, requests
from penstock.app import identity, invoicing, money, selling
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.sim.centre import SimulatedCentre

PROGRAM = Path(__file__).with_name("closer.py")


@pytest.fixture(params=["sqlite", "postgresql"])
def centre(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SimulatedCentre, str]]:
    """A centre whose tenants have used cards for a day, and where its database is."""
    url = (
        new_database(request.getfixturevalue("postgresql_server")) if request.param == "postgresql" else None
    )
    made = SimulatedCentre(tmp_path / "data", 1, Policy(metering_step=timedelta(hours=1)), database=url)
    made.install("h100", nodes=1, devices_per_node=TENANTS)
    selling.publish_offer(
        made.app, SYSTEM, selling.NewOffer(id="h", model="h100", price_micros_per_card_hour=11_111_111)
    )
    for number in range(TENANTS):
        tenant = f"t{number}"
        identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id=tenant))
        money.pay(made.app, SYSTEM, tenant, money.NewPayment(id="p", amount_micros=10**9))
        request_ = selling.NewQuote(id="q", model="h100", devices=1, tenant=tenant, start=DAY, end=NOW)
        selling.ask_quote(made.app, SYSTEM, request_)
        selling.accept_quote(made.app, SYSTEM, f"{tenant}.q", "l")
    made.run(NOW - made.clock.now(), timedelta(hours=12))
    yield made, url or str(made.directory)
    made.close()


def begun(where: str, seed: int, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), where, str(seed), str(folder)], stdout=subprocess.PIPE, text=True
    )


def test_numbers_have_no_gaps_when_two_close_and_one_is_killed(
    centre: tuple[SimulatedCentre, str], tmp_path: Path
) -> None:
    made, where = centre
    killed, other = (begun(where, seed, tmp_path) for seed in (1, 2))
    assert killed.stdout is not None
    for _ in range(3):
        assert killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    killed.stdout.close()
    assert other.communicate(timeout=300)[0].count("\n") == len(requests())
    assert other.returncode == 0
    issued = invoicing.list_invoices(made.app, SYSTEM)
    assert sorted(one.number for one in issued) == [*range(1, len(requests()) + 1)]
    assert len({(one.tenant, one.start) for one in issued}) == len(requests())
    assert sum(line.exact_micros for one in issued for line in one.lines) == TENANTS * 24 * 11_111_111
    assert made.check().ok
