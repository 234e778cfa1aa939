"""Refunds, entries, budgets, closings and exports through the verbs, on both databases."""

import csv
import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from penstock.app import budgets, exports, focus, identity, invoicing, jobs, money, selling, usage
from penstock.app.access import SYSTEM
from penstock.base.refusal import Refused
from penstock.billing.payment import top_up
from penstock.lease.job import JobSpec, Resources
from penstock.sim.centre import OPENING, SimulatedCentre
from penstock.store import ledger
from penstock.web.documents.tables import render_csv, render_parquet

YUAN = 1_000_000
HOUR = timedelta(hours=1)


@pytest.fixture
def centre(tmp_path: Path, database_url: str | None) -> Iterator[SimulatedCentre]:
    """A tenant with 1,000 yuan whose job of an hour on two cards at 7.13 yuan has ended."""
    made = SimulatedCentre(tmp_path, 1, database=database_url)
    made.install("a100", nodes=1, devices_per_node=8)
    identity.open_tenant(made.app, SYSTEM, identity.NewTenant(id="acme"))
    money.pay(made.app, SYSTEM, "acme", money.NewPayment(id="wire", amount_micros=1_000 * YUAN))
    offer = selling.NewOffer(id="list", model="a100", price_micros_per_card_hour=7_130_000)
    selling.publish_offer(made.app, SYSTEM, offer)
    spec = JobSpec(
        name="train",
        run="simulated",
        resources=Resources(models=("a100",), devices_per_node=2),
        env={"SIMULATED_SECONDS": "3600"},
    )
    jobs.submit(made.app, SYSTEM, jobs.NewJob(id="train", tenant="acme", spec=spec))
    made.run(2 * HOUR, timedelta(minutes=5))
    with closing(made):
        yield made
        report = made.check()
        assert report.ok, report


def available(centre: SimulatedCentre) -> int:
    return money.balance(centre.app, SYSTEM, "acme").available_micros


def charged(centre: SimulatedCentre) -> int:
    lines = money.list_charges(centre.app, SYSTEM, "acme", None, None)
    return sum(line.amount_micros for line in lines)


def test_a_refund_is_a_reversal_within_the_payment_and_the_balance(centre: SimulatedCentre) -> None:
    before = available(centre)
    request = money.NewRefund(id="back", payment="wire", amount_micros=100 * YUAN, reason="leaving")
    made = money.refund(centre.app, SYSTEM, "acme", request)
    assert money.refund(centre.app, SYSTEM, "acme", request) == made
    assert (made.kind, made.reverses) == ("top_up_reversal", "payment/acme/wire")
    assert available(centre) == before - 100 * YUAN
    with pytest.raises(Refused, match="reversal_exceeds"):
        money.refund(centre.app, SYSTEM, "acme", money.NewRefund(id="more", payment="wire"))
    rest = money.NewRefund(id="rest", payment="wire", amount_micros=900 * YUAN)
    with pytest.raises(Refused, match="insufficient_funds"):
        money.refund(centre.app, SYSTEM, "acme", rest)


def test_entries_stand_each_for_itself_or_all_together(centre: SimulatedCentre) -> None:
    def entry(name: str, micros: int, credit: str = "centre/rounding") -> money.NewTransfer:
        return money.NewTransfer(id=name, debit="tenant/acme/prepaid", credit=credit, amount_micros=micros)

    batch = (entry("1", YUAN), entry("2", 10**12), entry("3", YUAN, "nowhere"), entry("4", YUAN))
    before = available(centre)
    linked = money.post_transfers(centre.app, SYSTEM, money.NewTransfers(transfers=batch, linked=True))
    assert (linked.posted, len(linked.refused), available(centre)) == (0, 4, before)
    found = money.post_transfers(centre.app, SYSTEM, money.NewTransfers(transfers=batch))
    assert [(one.index, one.refusal.code) for one in found.refused] == [
        (1, "insufficient_funds"),
        (2, "account_not_found"),
    ]
    again = money.post_transfers(centre.app, SYSTEM, money.NewTransfers(transfers=batch))
    assert (found.posted, again.posted, again.duplicates, available(centre)) == (2, 0, 2, before - 2 * YUAN)


def test_each_threshold_of_a_budget_is_said_once_a_month(centre: SimulatedCentre) -> None:
    spent = charged(centre)
    budgets.set_budget(
        centre.app,
        SYSTEM,
        budgets.NewBudget(id="b", tenant="acme", amount_micros=spent, percents=(50, 100, 101)),
    )
    for _ in range(2):
        centre.turn()
        said = budgets.list_alerts(centre.app, SYSTEM, "acme")
        assert [(one.percent, one.spent_micros) for one in said] == [(100, spent), (50, spent)]
    (view,) = budgets.list_budgets(centre.app, SYSTEM)
    assert view.spent_micros == spent
    centre.clock.advance(timedelta(days=31))
    centre.turn()
    assert len(budgets.list_alerts(centre.app, SYSTEM)) == 2
    assert budgets.list_budgets(centre.app, SYSTEM)[0].spent_micros == 0


def test_nothing_is_booked_in_a_closed_period(centre: SimulatedCentre) -> None:
    centre.clock.advance(timedelta(hours=1))
    end = OPENING + 2 * HOUR
    closed = usage.close_period(centre.app, SYSTEM, usage.NewClosing(end=end))
    assert closed.transfers > 2
    assert usage.list_closings(centre.app, SYSTEM) == (closed,)
    money.pay(centre.app, SYSTEM, "acme", money.NewPayment(id="later", amount_micros=YUAN))
    early = top_up("early", "acme", YUAN, "CNY", end - timedelta(seconds=1))
    with centre.app.database.write() as tx:
        outcome = ledger.post(tx, [early], centre.app.now())
    assert [refusal.code for refusal in outcome.refusals] == ["period_closed"]


def test_focus_rows_lines_ledger_and_invoice_are_one_sum(centre: SimulatedCentre, tmp_path: Path) -> None:
    app = centre.app
    period = {"start": OPENING, "end": OPENING + 2 * HOUR}
    issued = invoicing.issue_invoice(app, SYSTEM, invoicing.NewInvoice(tenant="acme", **period))
    rows = [
        *csv.DictReader(io.StringIO(render_csv(focus.export_focus(app, SYSTEM, None, None, None)).decode()))
    ]
    billed = sum(Decimal(row["BilledCost"]) for row in rows)
    assert billed * YUAN == issued.total_micros
    assert sum(
        Decimal(row["BilledCost"]) for row in rows if row["ChargeCategory"] == "Usage"
    ) * YUAN == charged(centre)
    revenue = sum(
        one.balance_micros
        for one in money.list_accounts(app, SYSTEM, None)
        if "revenue" in one.id or "rounding" in one.id
    )
    assert revenue == issued.total_micros
    credit = invoicing.NewCreditNote(id="c", amount_micros=10_000, reason="slow")
    invoicing.credit_invoice(app, SYSTEM, issued.id, credit)
    path = tmp_path / "focus.parquet"
    path.write_bytes(render_parquet(focus.export_focus(app, SYSTEM, "acme", None, None)))
    total = duckdb.sql(f"SELECT sum(BilledCost), any_value(typeof(BilledCost)) FROM '{path}'").fetchall()[0]
    assert total == (Decimal(issued.total_micros - 10_000) / YUAN, "DECIMAL(28,6)")


@pytest.mark.parametrize("what", ["charges", "transfers", "quantities"])
def test_every_export_is_the_same_table_in_both_forms(
    centre: SimulatedCentre, tmp_path: Path, what: str
) -> None:
    table = getattr(exports, f"export_{what}")(
        centre.app, SYSTEM, "acme", OPENING, datetime(2026, 2, 1, tzinfo=UTC)
    )
    path = tmp_path / "table.parquet"
    path.write_bytes(render_parquet(table))
    read = duckdb.sql(f"FROM '{path}'")
    assert read.columns == list(table.columns)
    assert len(read.fetchall()) == len(table.rows) == render_csv(table).count(b"\n") - 1
    assert table.rows or what == "quantities"


def test_bean_check_accepts_the_ledger(centre: SimulatedCentre, tmp_path: Path) -> None:
    path = tmp_path / "books.beancount"
    path.write_text(money.export_beancount(centre.app, SYSTEM))
    program = Path(sys.executable).with_name("bean-check")
    done = subprocess.run([program, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
