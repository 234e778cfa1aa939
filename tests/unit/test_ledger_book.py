"""Every status that the ledger can answer, as tables (see `ledger_tables`)."""

from datetime import datetime

import msgspec
import pytest
from ledger_tables import EPOCH, Ledger, run, second

from penstock.base.money import AMOUNT_MAX_MICROS
from penstock.base.window import Window
from penstock.ledger.book import apply
from penstock.ledger.check import check
from penstock.ledger.closing import close
from penstock.ledger.entry import reversal
from penstock.ledger.model import Account, Hold, HoldState, Transfer

TABLES = {
    "a transfer moves its amount once": """
        account  alice floor=0
        account  cash
        transfer T1 cash alice 10            ok
        balance  alice 10 0
        balance  cash -10 0
        transfer T1 cash alice 10 key=other  id_conflict
        transfer T1 cash alice 11            id_conflict
        transfer T1 alice cash 10            id_conflict
        clock    9
        transfer T1 cash alice 10            duplicate
        balance  alice 10 0
    """,
    "amounts": f"""
        account  alice floor=0
        account  cash
        transfer T1 cash alice 0             amount_out_of_range
        transfer T2 cash alice -5            amount_out_of_range
        transfer T3 cash alice {AMOUNT_MAX_MICROS + 1}  amount_out_of_range
        transfer T4 cash alice {AMOUNT_MAX_MICROS}      ok
        transfer T5 cash alice 1             ok
        balance  alice {AMOUNT_MAX_MICROS + 1} 0
        hold     H1 alice 0                  amount_out_of_range
        hold     H2 alice -1                 amount_out_of_range
    """,
    "nine of the largest amounts fit, the tenth does not": "account a\naccount b\n"
    + "\n".join(f"transfer T{n} a b {AMOUNT_MAX_MICROS} ok" for n in range(9))
    + f"\ntransfer T9 a b {AMOUNT_MAX_MICROS} balance_out_of_range",
    "accounts": """
        account  alice floor=0
        account  cash
        account  dollars USD
        transfer T1 cash bob 10              account_not_found
        transfer T2 bob cash 10              account_not_found
        transfer T3 cash cash 10             accounts_equal
        transfer T4 cash dollars 10          currency_mismatch
        transfer T5 cash alice 10 currency=USD  currency_mismatch
        hold     H1 bob 1                    account_not_found
        hold     H2 dollars 1                currency_mismatch
    """,
    "a balance may fall to its floor and no further": """
        account  alice floor=-5
        account  shop
        transfer T1 alice shop 6             insufficient_funds
        transfer T2 alice shop 5             ok
        transfer T3 alice shop 1             insufficient_funds
        transfer T4 shop alice 1             ok
        transfer T3 alice shop 1             ok
        balance  alice -5 0
    """,
    "a hold keeps its amount from other use": """
        account  alice floor=0
        account  cash
        account  shop
        transfer T1 cash alice 10            ok
        hold     H1 alice 11                 insufficient_funds
        hold     H1 alice 8                  ok
        balance  alice 10 8
        transfer T2 alice shop 3             insufficient_funds
        transfer T2 alice shop 2             ok
        hold     H2 alice 1                  insufficient_funds
        hold     H1 alice 7                  id_conflict
        void     H1                          ok
        balance  alice 8 0
        hold     H1 alice 8                  duplicate
        expire   H1                          hold_closed
        void     H9                          hold_not_found
    """,
    "a hold is captured in parts": """
        account  alice floor=0
        account  bob floor=0
        account  cash
        account  shop
        transfer T1 cash alice 10            ok
        transfer T2 cash bob 10              ok
        hold     H1 alice 8                  ok
        transfer T3 alice shop 3 hold=H1     ok
        balance  alice 7 5
        transfer T4 alice shop 6 hold=H1     hold_exhausted
        transfer T4 bob shop 1 hold=H1       hold_mismatch
        transfer T4 alice shop 1 hold=H9     hold_not_found
        transfer T4 alice shop 5 hold=H1     ok
        balance  alice 2 0
        transfer T5 alice shop 1 hold=H1     hold_closed
        void     H1                          hold_closed
        transfer T4 alice shop 5 hold=H1     duplicate
        balance  shop 8 0
    """,
    "what is left of a hold comes back when it is voided": """
        account  alice floor=0
        account  cash
        account  shop
        transfer T1 cash alice 10            ok
        hold     H1 alice 8                  ok
        transfer T2 alice shop 3 hold=H1     ok
        void     H1                          ok
        balance  alice 7 0
        transfer T3 alice shop 7             ok
    """,
    "a hold ends at its time": """
        account  alice floor=0
        account  cash
        account  shop
        transfer T1 cash alice 10            ok
        hold     H0 alice 1 expires=0        hold_in_past
        hold     H1 alice 8 expires=60       ok
        expire   H1                          hold_not_due
        clock    59
        transfer T2 alice shop 1 hold=H1     ok
        clock    60
        transfer T3 alice shop 1 hold=H1     hold_expired
        balance  alice 9 7
        expire   H1                          ok
        balance  alice 9 0
        void     H1                          hold_closed
        hold     H2 alice 2                  ok
        expire   H2                          hold_not_due
    """,
    "a reversal undoes at most its original": """
        account  alice floor=0
        account  cash
        transfer T1 cash alice 10            ok
        transfer R1 alice cash 6 reverses=T1 ok
        transfer R2 alice cash 5 reverses=T1 reversal_exceeds
        transfer R2 alice cash 4 reverses=T1 ok
        transfer R3 alice cash 1 reverses=T1 reversal_exceeds
        transfer R3 cash alice 1 reverses=T1 reversal_mismatch
        transfer R3 cash alice 1 reverses=R1 reversal_mismatch
        transfer R3 alice cash 1 reverses=T9 original_not_found
        balance  alice 0 0
    """,
    "a reversal does not pass a floor either": """
        account  alice floor=0
        account  cash
        account  shop
        transfer T1 cash alice 10            ok
        transfer T2 alice shop 7             ok
        transfer R1 alice cash 4 reverses=T1 insufficient_funds
        transfer R1 alice cash 3 reverses=T1 ok
    """,
    "time": """
        account  alice floor=0
        account  cash
        clock    100
        transfer T1 cash alice 10 at=50      ok
        transfer T2 cash alice 10 at=101     entry_in_future
        closed   60
        transfer T3 cash alice 10 at=59      period_closed
        transfer T4 cash alice 10 at=60      ok
        transfer R1 alice cash 10 reverses=T1  ok
        transfer T1 cash alice 10 at=50      duplicate
    """,
    "linked entries all succeed": """
        account  alice floor=0
        account  cash
        account  shop
        linked
        transfer T1 cash alice 10            ok
        hold     H1 alice 8                  ok
        transfer T2 alice shop 3 hold=H1     ok
        transfer T1 cash alice 10            duplicate
        void     H1                          ok
        end
        balance  alice 7 0
    """,
    "or none does": """
        account  alice floor=0
        account  cash
        account  shop
        linked
        transfer T1 cash alice 10            linked_failed
        hold     H1 alice 8                  linked_failed
        transfer T2 alice shop 9 hold=H1     hold_exhausted
        transfer T3 alice shop 3             insufficient_funds
        end
        balance  alice 0 0
        transfer T1 cash alice 10            ok
    """,
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES.keys())
def test_table(table: str) -> None:
    run(table)


def test_a_batch_sees_its_own_entries_and_returns_only_what_changed() -> None:
    ledger = run("account alice floor=0\naccount cash\naccount shop")
    paid = _transfer("T1", "cash", "alice", 10)
    outcome = ledger.apply(paid, paid, reversal(paid, "R1", EPOCH, 4), reversal(paid, "R2", EPOCH))
    assert [getattr(status, "code", status) for status in outcome.statuses] == [
        "ok",
        "duplicate",
        "ok",
        "reversal_exceeds",
    ]
    assert set(outcome.accounts) == {"alice", "cash"}
    assert outcome.transfers == (paid, reversal(paid, "R1", EPOCH, 4))
    assert outcome.transfers[1].kind == "test_reversal"
    assert [refusal.code for refusal in outcome.refusals] == ["reversal_exceeds"]


def test_a_refused_batch_leaves_what_was_passed_in_as_it_was() -> None:
    accounts = {"a": Account(id="a", currency="CNY", created_at=EPOCH, floor_micros=0)}
    apply(accounts, {}, [_transfer("T1", "a", "b", 1)], EPOCH)
    assert accounts["a"].balance_micros == 0


def test_a_time_without_a_zone_is_refused() -> None:
    ledger = run("account alice floor=0\naccount cash")
    naive = msgspec.structs.replace(_transfer("T1", "cash", "alice", 1), at=datetime(2026, 11, 1))  # noqa: DTZ001
    assert ledger.apply(naive).refusals[0].code == "time_without_zone"


def test_a_refusal_for_money_says_how_much_is_missing() -> None:
    ledger = run("account alice floor=0\naccount shop\naccount cash\ntransfer T1 cash alice 2500000 ok")
    refusal = ledger.apply(_transfer("T2", "alice", "shop", 4_000_000)).refusals[0]
    assert refusal.status == 402
    assert "1.500000 CNY" in refusal.remedy


def _transfer(name: str, debit: str, credit: str, amount_micros: int) -> Transfer:
    return Transfer(
        id=name,
        debit=debit,
        credit=credit,
        amount_micros=amount_micros,
        currency="CNY",
        at=EPOCH,
        kind="test",
    )


BOOKS = """
    account  alice floor=0
    account  cash
    account  shop
    transfer T1 cash alice 10            ok
    hold     H1 alice 8 expires=60       ok
    transfer T2 alice shop 3 hold=H1     ok
    transfer R1 alice cash 2 reverses=T1 ok
"""


def _found(accounts: dict[str, Account], transfers: dict[str, Transfer], holds: dict[str, Hold]) -> set[str]:
    return {f.code for f in check([*accounts.values()], [*transfers.values()], [*holds.values()])}


def _change(rows: dict, name: str, **fields: object) -> dict:
    return rows | {name: msgspec.structs.replace(rows[name], **fields)}


TAMPERINGS = {
    "balance": (
        lambda a, t, h: (_change(a, "alice", balance_micros=6), t, h),
        {"balance_wrong", "sum_not_zero"},
    ),
    "balances in pairs": (
        lambda a, t, h: (_change(_change(a, "alice", balance_micros=6), "cash", balance_micros=-9), t, h),
        {"balance_wrong"},
    ),
    "amount": (
        lambda a, t, h: (a, _change(t, "T2", amount_micros=4), h),
        {"balance_wrong", "captured_wrong"},
    ),
    "sign": (
        lambda a, t, h: (a, _change(t, "T2", amount_micros=-3), h),
        {"amount_not_positive", "balance_wrong", "captured_wrong"},
    ),
    "self": (lambda a, t, h: (a, _change(t, "T2", credit="alice"), h), {"accounts_equal", "balance_wrong"}),
    "currency": (lambda a, t, h: (a, _change(t, "T2", currency="USD"), h), {"currency_mismatch"}),
    "account gone": (
        lambda a, t, h: ({k: v for k, v in a.items() if k != "shop"}, t, h),
        {"currency_mismatch", "sum_not_zero"},
    ),
    "floor": (lambda a, t, h: (_change(a, "alice", floor_micros=1), t, h), {"floor_passed"}),
    "held": (lambda a, t, h: (_change(a, "alice", held_micros=4), t, h), {"held_wrong"}),
    "hold gone": (lambda a, t, h: (a, t, {}), {"held_wrong", "capture_astray"}),
    "hold elsewhere": (
        lambda a, t, h: (a, t, _change(h, "H1", account="nobody")),
        {"held_wrong", "capture_astray", "account_missing"},
    ),
    "hold in other money": (lambda a, t, h: (a, t, _change(h, "H1", currency="USD")), {"currency_mismatch"}),
    "capture late": (lambda a, t, h: (a, _change(t, "T2", at=second(60)), h), {"capture_late"}),
    "hold exceeded": (
        lambda a, t, h: (a, t, _change(h, "H1", amount_micros=2)),
        {"hold_exceeded", "held_wrong"},
    ),
    "hold state": (
        lambda a, t, h: (a, t, _change(h, "H1", state=HoldState.CAPTURED)),
        {"hold_state_wrong", "held_wrong"},
    ),
    "reversal of nothing": (lambda a, t, h: (a, _change(t, "R1", reverses="T9"), h), {"reversal_astray"}),
    "reversal of another": (lambda a, t, h: (a, _change(t, "R1", reverses="T2"), h), {"reversal_mismatch"}),
    "reversal too large": (
        lambda a, t, h: (a, _change(t, "T1", amount_micros=1), h),
        {"reversal_exceeds", "balance_wrong"},
    ),
}


@pytest.mark.parametrize(("tamper", "codes"), TAMPERINGS.values(), ids=TAMPERINGS.keys())
def test_the_auditor_finds(tamper, codes: set[str]) -> None:
    ledger: Ledger = run(BOOKS)
    assert _found(*tamper(ledger.accounts, ledger.transfers, ledger.holds)) == codes


def test_the_auditor_finds_a_double_row() -> None:
    ledger = run(BOOKS)
    rows = [*ledger.accounts.values()], [*ledger.transfers.values()] * 2, [*ledger.holds.values()]
    assert "id_duplicated" in {finding.code for finding in check(*rows)}


def test_the_auditor_finds_a_change_in_a_closed_period() -> None:
    ledger = run(BOOKS)
    closing = close(ledger.transfers.values(), Window(EPOCH, second(1)))
    rows = [*ledger.accounts.values()], [*ledger.transfers.values()], [*ledger.holds.values()]
    assert closing.transfers == 3
    assert check(*rows, [closing]) == []
    changed = [*_change(ledger.transfers, "T1", key="other").values()]
    assert [f.code for f in check(rows[0], changed, rows[2], [closing])] == ["closed_period_changed"]
    added = [*rows[1], _transfer("T9", "cash", "alice", 1)]
    assert "closed_period_changed" in {f.code for f in check(rows[0], added, rows[2], [closing])}
