"""Generated histories of the whole app on a real database: all modes, taxes, vouchers, late events, credit notes, refunds,
everything asked again, and crashes in the middle of transactions.

`make hunt` plays another one of 2,000 steps each time; PENSTOCK_HISTORY_SEED and PENSTOCK_HISTORY_STEPS choose.
"""

import os
import secrets
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from commerce_history import TENANTS, UNTIL, Shop
from commerce_invariants import checked, content, no_hold_outlives, usage_charged

from penstock.app import invoicing
from penstock.app.access import SYSTEM
from penstock.store import ledger
from penstock.store.database import Tx

HUNTING = "PENSTOCK_HUNT" in os.environ
STEPS = int(os.environ.get("PENSTOCK_HISTORY_STEPS", "2000" if HUNTING else "250"))
SEED = int(os.environ.get("PENSTOCK_HISTORY_SEED", secrets.randbelow(2**31) if HUNTING else 1))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    print(f"seed {SEED}, {STEPS} steps")
    opened = Shop(tmp_path / "data", SEED, crash_share=0.12)
    yield opened
    opened.centre.close()


def test_a_history_of_the_whole_app_adds_up(shop: Shop) -> None:
    for number in range(1, STEPS + 1):
        shop.step()
        if number % (STEPS // 3) == 0:
            shop.turn()
            no_hold_outlives(shop, shop.now)
            checked(shop)
    settle(shop)
    checked(shop)
    usage_charged(shop)
    with shop.app.database.read() as tx:
        assert ledger_balance(tx, "centre/deferred") == 0, "what was paid ahead is earned at the end"
    assert shop.crashes > STEPS // 20 and shop.repeats > STEPS // 10 and shop.leases
    before = content(shop)
    for act in shop.acts:
        act()
    after = content(shop)
    changed = {name: (before[name], rows) for name, rows in after.items() if rows != before[name]}
    assert not changed, "asking for everything again changes nothing"


def ledger_balance(tx: Tx, name: str) -> int:
    found = ledger.account(tx, name)
    assert found is not None
    return found.balance_micros


def settle(shop: Shop) -> None:
    """Time goes past every contract, and everything is invoiced."""
    shop.centre.clock.advance(max(UNTIL + timedelta(days=40) - shop.now, timedelta(hours=2)))
    shop.turn()
    for tenant in TENANTS:
        request = invoicing.NewInvoice(tenant=tenant, start=UNTIL, end=shop.now)
        shop.done(lambda r=request: invoicing.issue_invoice(shop.app, SYSTEM, r))
