"""How much is held, what is missing, when a tenant is warned, suspended and let back in; and payments."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from penstock.base.window import Window
from penstock.billing.payment import clear, owed, top_up
from penstock.billing.prepay import (
    Burn,
    burn_of,
    check_cover,
    funds,
    job_price,
    lease_price,
    need_micros,
    top_up_need,
)
from penstock.billing.rate import Terms
from penstock.lease.tenant import Tenant, TenantState
from penstock.ledger.chart import tenant_accounts
from penstock.ledger.model import Account

NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
YUAN = 1_000_000
TERMS = Terms(price_micros_per_card_hour=6 * YUAN, minimum_time=timedelta(minutes=10))


def prepaid(balance: int, floor: int = 0, held: int = 0) -> Account:
    account, _ = tenant_accounts("acme", "CNY", -floor, NOW)
    return msgspec.structs.replace(account, balance_micros=balance, held_micros=held)


def test_a_lease_holds_its_whole_price() -> None:
    assert lease_price(8, Window(NOW, NOW + 720 * HOUR), TERMS) == 8 * 720 * 6 * YUAN


@pytest.mark.parametrize(
    ("time_limit_s", "hours", "yuan"),
    [(3600, 24, 12), (None, 24, 288), (48 * 3600, 24, 288), (60, 24, 2), (0, 24, 2)],
)
def test_a_job_holds_its_price_up_to_its_limit_or_the_horizon(time_limit_s, hours, yuan) -> None:
    assert job_price(2, TERMS, time_limit_s, hours * HOUR) == yuan * YUAN


@pytest.mark.parametrize(
    ("account", "amount", "need"),
    [
        (prepaid(100), 100, 0),
        (prepaid(100), 101, 10_000),
        (prepaid(0), 25_000, 30_000),
        (prepaid(0), 20_000, 20_000),
        (prepaid(0, floor=-50_000), 50_000, 0),
        (prepaid(-50_000, floor=-50_000), 1, 10_000),
        (prepaid(100_000, held=60_000), 50_000, 10_000),
        (msgspec.structs.replace(prepaid(0), floor_micros=None), 9, 0),
    ],
)
def test_what_must_be_topped_up(account, amount, need) -> None:
    assert top_up_need(account, amount) == need
    refusal = check_cover(account, amount)
    assert (refusal is None) == (need == 0)
    if refusal is not None:
        assert (refusal.code, refusal.status) == ("insufficient_funds", 402)
        assert f"{need / YUAN:.2f}" in refusal.remedy


def test_what_falls_on_the_balance_is_what_holds_do_not_cover_until_the_end() -> None:
    hourly = 12 * YUAN
    assert burn_of(2, TERMS) == Burn(micros_per_hour=hourly)
    assert need_micros([], NOW, HOUR) == 0
    assert need_micros([Burn(micros_per_hour=hourly)], NOW, HOUR) == hourly
    assert need_micros([Burn(micros_per_hour=hourly, held_micros=9 * YUAN)], NOW, HOUR) == 3 * YUAN
    assert need_micros([Burn(micros_per_hour=hourly, held_micros=99 * YUAN)], NOW, HOUR) == 0
    soon = Burn(micros_per_hour=hourly, held_micros=2 * YUAN, ends_at=NOW + HOUR / 4)
    assert need_micros([soon, soon], NOW, HOUR) == 2 * YUAN
    over = Burn(micros_per_hour=hourly, ends_at=NOW - HOUR)
    assert need_micros([over], NOW, HOUR) == 0
    assert need_micros([Burn(micros_per_hour=1)], NOW, timedelta(microseconds=1)) == 1


A, N, S = TenantState.ACTIVE, TenantState.NOTICE, TenantState.SUSPENDED
# state, hours since the notice | balance, floor, held, owed, hourly burn | state, new notice
FUNDS = [
    (A, None, 100, 0, 0, 0, 10, A),
    (A, None, 10, 0, 0, 0, 10, A),
    (A, None, 9, 0, 0, 0, 10, N),
    (A, None, 0, 0, 0, 0, 0, A),
    (A, None, 0, 0, 0, 0, 1, N),
    (A, None, 0, 0, 0, 1, 0, N),
    (A, None, 0, -50, 0, 0, 10, A),
    (A, None, -45, -50, 0, 0, 10, N),
    (A, None, 100, 0, 95, 0, 10, N),
    (N, 0, 5, 0, 0, 0, 10, N),
    (N, 0.9, 0, 0, 0, 0, 10, N),
    (N, 1, 0, 0, 0, 0, 10, S),
    (N, 2, 0, 0, 0, 7, 10, S),
    (N, 2, 1, 0, 0, 0, 10, N),
    (N, 2, 3, 0, 0, 3, 10, S),
    (N, 0.5, 10, 0, 0, 0, 10, A),
    (N, 0.5, 0, 0, 0, 0, 0, A),
    (S, 5, 0, 0, 0, 0, 0, S),
    (S, 5, 1, 0, 0, 0, 0, A),
    (S, 5, 1, 0, 0, 1, 0, S),
    (S, 5, 9, 0, 0, 0, 10, S),
]


@pytest.mark.parametrize(("state", "since", "balance", "floor", "held", "debt", "burn", "expected"), FUNDS)
def test_funds(state, since, balance, floor, held, debt, burn, expected) -> None:
    notice_at = None if since is None else NOW - since * HOUR
    tenant = Tenant(id="acme", name="Acme", created_at=NOW, state=state, notice_at=notice_at)
    burns = [Burn(micros_per_hour=burn)] if burn else []
    after = funds(tenant, prepaid(balance, floor, held), burns, NOW, HOUR, debt)
    assert after.state is expected
    if after.state is state:
        assert after == tenant
    elif expected is TenantState.ACTIVE:
        assert after.notice_at is None
    else:
        assert after.notice_at == (NOW if expected is TenantState.NOTICE else notice_at)


def test_a_payment_goes_from_cash_to_the_balance() -> None:
    payment = top_up("p1", "acme", 500 * YUAN, "CNY", NOW, "bank 42")
    assert (payment.debit, payment.credit) == ("centre/cash", "tenant/acme/prepaid")
    assert (payment.id, payment.kind, payment.key) == ("p1", "top_up", "bank 42")


@pytest.mark.parametrize(
    ("balance", "floor", "held", "debt", "cleared"),
    [
        (100, 0, 0, 0, 0),
        (100, 0, 0, 30, 30),
        (20, 0, 0, 30, 20),
        (100, 0, 80, 30, 20),
        (0, -50, 0, 30, 0),
        (-10, -50, 0, 30, 0),
        (10, -50, 20, 30, 0),
        (100, 0, 0, -5, 0),
    ],
)
def test_debts_are_cleared_from_own_money_that_is_not_held(balance, floor, held, debt, cleared) -> None:
    _, receivable = tenant_accounts("acme", "CNY", 0, NOW)
    receivable = msgspec.structs.replace(receivable, balance_micros=-debt)
    assert owed(receivable) == max(debt, 0)
    transfer = clear(prepaid(balance, floor, held), receivable, "p1", NOW)
    assert (0 if transfer is None else transfer.amount_micros) == cleared
    if transfer is not None:
        assert (transfer.debit, transfer.credit) == ("tenant/acme/prepaid", "tenant/acme/receivable")
        again = clear(prepaid(balance, floor, held), receivable, "p1", NOW)
        assert again is not None
        assert again.id == transfer.id
