"""Account ids and their meaning, and the export that an accountant's own program reads."""

from datetime import UTC, datetime

import pytest
from inline_snapshot import snapshot

from penstock.base.refusal import Refusal
from penstock.ledger.beancount import account_name, export
from penstock.ledger.book import apply
from penstock.ledger.chart import (
    CASH,
    CENTRE_KINDS,
    PREPAID,
    RECEIVABLE,
    TENANT_KINDS,
    centre_account,
    centre_accounts,
    kind_of,
    tenant_account,
    tenant_accounts,
    with_credit_limit,
)
from penstock.ledger.entry import reversal
from penstock.ledger.model import Account, Transfer

AT = datetime(2026, 11, 1, 8, 30, tzinfo=UTC)


def test_ids_are_paths_and_other_currencies_append_theirs() -> None:
    assert tenant_account("acme", PREPAID) == "tenant/acme/prepaid"
    assert centre_account(CASH) == "centre/cash"
    assert centre_account(CASH, "USD") == "centre/cash/usd"


@pytest.mark.parametrize("currency", ["CNY", "USD"])
def test_every_account_is_of_a_kind(currency: str) -> None:
    accounts = [*tenant_accounts("revenue", currency, 0, AT), *centre_accounts(currency, AT)]
    assert [kind_of(a) for a in accounts] == [*TENANT_KINDS.values(), *CENTRE_KINDS.values()]
    assert {a.currency for a in accounts} == {currency}


def test_only_the_prepaid_balance_has_a_floor_which_is_minus_the_credit_limit() -> None:
    prepaid, receivable = tenant_accounts("acme", "CNY", 5_000_000, AT)
    assert (prepaid.floor_micros, receivable.floor_micros) == (-5_000_000, None)
    assert receivable.id == tenant_account("acme", RECEIVABLE)


def test_a_credit_limit_is_not_lowered_below_what_is_used_or_held() -> None:
    prepaid = Account(
        id="tenant/acme/prepaid",
        currency="CNY",
        created_at=AT,
        floor_micros=-9_000_000,
        balance_micros=-2_000_000,
        held_micros=3_000_000,
    )
    refused = with_credit_limit(prepaid, 4_999_999)
    assert isinstance(refused, Refusal)
    assert refused.code == "credit_in_use"
    lowered = with_credit_limit(prepaid, 5_000_000)
    assert isinstance(lowered, Account)
    assert lowered.available_micros == 0


def _books() -> tuple[list[Account], list[Transfer]]:
    accounts = {a.id: a for a in (*tenant_accounts("a_b.c-d", "CNY", 0, AT), *centre_accounts("CNY", AT))}
    paid = Transfer(
        id="t1",
        debit="centre/cash",
        credit="tenant/a_b.c-d/prepaid",
        amount_micros=1_234_500_001,
        currency="CNY",
        at=AT,
        kind="top_up",
        key='bank "7\\',
    )
    outcome = apply(accounts, {}, [paid, reversal(paid, "t2", AT, 1)], AT)
    assert outcome.statuses == ("ok", "ok")
    return [*(accounts | outcome.accounts).values()], [*outcome.transfers]


def test_the_beancount_export() -> None:
    assert export(*_books()) == snapshot("""\
option "title" "Penstock ledger"
option "operating_currency" "CNY"

2026-11-01 open Assets:Centre:Cash CNY
  id: "centre/cash"
2026-11-01 open Liabilities:Centre:Deferred CNY
  id: "centre/deferred"
2026-11-01 open Income:Centre:Revenue:Compute CNY
  id: "centre/revenue/compute"
2026-11-01 open Income:Centre:Revenue:Hourly CNY
  id: "centre/revenue/hourly"
2026-11-01 open Income:Centre:Revenue:Package CNY
  id: "centre/revenue/package"
2026-11-01 open Income:Centre:Revenue:Usage CNY
  id: "centre/revenue/usage"
2026-11-01 open Income:Centre:Rounding CNY
  id: "centre/rounding"
2026-11-01 open Liabilities:Centre:Share:Broker CNY
  id: "centre/share/broker"
2026-11-01 open Liabilities:Centre:Share:Owner CNY
  id: "centre/share/owner"
2026-11-01 open Income:Centre:Sla-Ucredits CNY
  id: "centre/sla_credits"
2026-11-01 open Income:Centre:Subsidies CNY
  id: "centre/subsidies"
2026-11-01 open Liabilities:Centre:Vat CNY
  id: "centre/vat"
2026-11-01 open Assets:Centre:Voucher-Ureceivable CNY
  id: "centre/voucher_receivable"
2026-11-01 open Liabilities:Tenant:A-Ub-Dc-d:Prepaid CNY
  id: "tenant/a_b.c-d/prepaid"
2026-11-01 open Assets:Tenant:A-Ub-Dc-d:Receivable CNY
  id: "tenant/a_b.c-d/receivable"

2026-11-01 * "top_up" "bank \\"7\\\\"
  id: "t1"
  at: "2026-11-01T08:30:00+00:00"
  Assets:Centre:Cash  1234.500001 CNY
  Liabilities:Tenant:A-Ub-Dc-d:Prepaid  -1234.500001 CNY

2026-11-01 * "top_up_reversal" "bank \\"7\\\\"
  id: "t2"
  at: "2026-11-01T08:30:00+00:00"
  reverses: "t1"
  Liabilities:Tenant:A-Ub-Dc-d:Prepaid  0.000001 CNY
  Assets:Centre:Cash  -0.000001 CNY

2026-11-02 balance Assets:Centre:Cash  1234.500000 ~ 0 CNY
2026-11-02 balance Liabilities:Centre:Deferred  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Revenue:Compute  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Revenue:Hourly  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Revenue:Package  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Revenue:Usage  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Rounding  0.000000 ~ 0 CNY
2026-11-02 balance Liabilities:Centre:Share:Broker  0.000000 ~ 0 CNY
2026-11-02 balance Liabilities:Centre:Share:Owner  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Sla-Ucredits  0.000000 ~ 0 CNY
2026-11-02 balance Income:Centre:Subsidies  0.000000 ~ 0 CNY
2026-11-02 balance Liabilities:Centre:Vat  0.000000 ~ 0 CNY
2026-11-02 balance Assets:Centre:Voucher-Ureceivable  0.000000 ~ 0 CNY
2026-11-02 balance Liabilities:Tenant:A-Ub-Dc-d:Prepaid  -1234.500000 ~ 0 CNY
2026-11-02 balance Assets:Tenant:A-Ub-Dc-d:Receivable  0.000000 ~ 0 CNY
""")


def test_names_stay_apart() -> None:
    names = ["a-ub", "a_b", "a.b", "a-b", "a-db", "ab", "0a"]
    accounts = [tenant_accounts(name, "CNY", 0, AT)[0] for name in names]
    assert len({account_name(account) for account in accounts}) == len(names)


def test_an_empty_ledger_exports() -> None:
    assert export([], []) == 'option "title" "Penstock ledger"\n\n\n'


def test_beancount_itself_accepts_it() -> None:
    loader = pytest.importorskip("beancount.loader", reason="beancount is not installed")
    entries, errors, options = loader.load_string(export(*_books()))
    assert errors == []
    assert options["operating_currency"] == ["CNY"]
    assert len([e for e in entries if type(e).__name__ == "Transaction"]) == 2


def test_beancount_itself_notices_a_wrong_balance() -> None:
    loader = pytest.importorskip("beancount.loader", reason="beancount is not installed")
    accounts, transfers = _books()
    _, errors, _ = loader.load_string(export(accounts, transfers[:1]))
    assert len(errors) == 2
