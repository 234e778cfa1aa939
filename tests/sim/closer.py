"""A process that invoices every tenant for every hour of a day, in an order of its own: `python closer.py WHERE SEED`."""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from penstock.app import invoicing
from penstock.app.access import SYSTEM
from penstock.app.context import App
from penstock.base.refusal import Fault, Refused
from penstock.sim.clock import VirtualClock
from penstock.store.database import Database
from penstock.store.files import Files

DAY = datetime(2026, 1, 6, tzinfo=UTC)
NOW = DAY + timedelta(days=1)
TENANTS, HOURS = 4, 6


def requests() -> list[invoicing.NewInvoice]:
    return [
        invoicing.NewInvoice(
            tenant=f"t{tenant}",
            start=DAY + timedelta(hours=4 * hour),
            end=DAY + timedelta(hours=4 * hour + 4),
        )
        for hour in range(HOURS)
        for tenant in range(TENANTS)
    ]


def main() -> None:
    where, seed = sys.argv[1], int(sys.argv[2])
    database = Database(where if where.startswith("postgresql") else Path(where))
    files = Files(Path(sys.argv[3]))
    app = App(database, files, VirtualClock(NOW), {})
    wanted = requests()
    Random(seed).shuffle(wanted)
    wanted.sort(key=lambda one: one.start)
    for request in wanted:
        while True:
            try:
                issued = invoicing.issue_invoice(app, SYSTEM, request)
                print(issued.number, flush=True)
            except Refused:
                print("nothing", flush=True)
            except Fault:
                continue
            break
    database.close()


if __name__ == "__main__":
    main()
