"""Lines to an invoice: grouping, fen, what is paid and what is due; and what may be given back."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from penstock.base.refusal import Refusal
from penstock.base.window import US_PER_HOUR, Window
from penstock.billing.invoice import content_hash, credit, invoice
from penstock.billing.model import ChargeLine, CreditNote, Invoice
from penstock.lease.tenant import Tenant
from penstock.ledger.chart import tenant_accounts
from penstock.ledger.model import Account, Transfer

START = datetime(2026, 11, 1, tzinfo=UTC)
PERIOD = Window(START, START + timedelta(days=30))
ISSUED = PERIOD.end + timedelta(hours=1)
FEN = 10_000
TENANT = Tenant(id="acme", name="Acme 智能", created_at=START, address="1 Main St", tax_number="91-X")


def charge(amount: int, subject: str = "a1", hour: float = 0, **fields: object) -> ChargeLine:
    start = START + timedelta(hours=hour)
    plain = {
        "id": f"{subject}-{hour}",
        "tenant": "acme",
        "project": None,
        "subject_kind": "attempt",
        "subject": subject,
        "job": f"job-of-{subject}",
        "meter": "card_time",
        "model": "H100",
        "start": start,
        "end": start + timedelta(hours=1),
        "quantity": US_PER_HOUR,
        "price_micros_per_card_hour": amount,
        "amount_micros": amount,
        "currency": "CNY",
    }
    return ChargeLine(**(plain | fields))


def accounts(balance: int = 10**9, owed: int = 0, credit_limit: int = 0, held: int = 0) -> dict[str, Account]:
    prepaid, receivable = tenant_accounts("acme", "CNY", credit_limit, START)
    return {
        "prepaid": msgspec.structs.replace(prepaid, balance_micros=balance, held_micros=held),
        "receivable": msgspec.structs.replace(receivable, balance_micros=-owed),
    }


def issue(charges: list[ChargeLine], *, later: int = 0, **money: int) -> tuple[Invoice, Transfer | None]:
    issued = invoice(charges, TENANT, PERIOD, 7, ISSUED, **accounts(**money), later_micros=later)
    assert issued is not None
    document, transfers = issued
    assert len(transfers) <= 1, "these have rounding only"
    return document, next(iter(transfers), None)


def test_lines_are_summed_per_subject_and_price_in_order_of_time() -> None:
    charges = [
        charge(100 * FEN, "b", 2),
        charge(150 * FEN, "a", 3, price_micros_per_card_hour=200 * FEN),
        charge(200 * FEN, "a", 1),
        charge(200 * FEN, "a", 2),
        charge(50 * FEN, "a", 5, model="A100", price_micros_per_card_hour=200 * FEN),
    ]
    issued, rounding = issue(charges)
    found = [
        (ln.subject, ln.model, ln.amount_micros // FEN, ln.quantity // US_PER_HOUR) for ln in issued.lines
    ]
    assert found == [("a", "H100", 550, 3), ("b", "H100", 100, 1), ("a", "A100", 50, 1)]
    assert issued.lines[0].description == "job-of-a"
    assert (issued.lines[0].start, issued.lines[0].end) == (charges[2].start, charges[1].end)
    assert (issued.total_micros, issued.rounding_micros, rounding) == (700 * FEN, 0, None)
    assert (issued.tenant_name, issued.tenant_address, issued.tenant_tax_number) == (
        "Acme 智能",
        "1 Main St",
        "91-X",
    )
    reordered, _ = issue(charges[::-1])
    assert reordered == issued


def test_names_tell_what_a_line_is_for() -> None:
    issued = invoice([charge(FEN)], TENANT, PERIOD, 7, ISSUED, **accounts(), names={"a1": "训练 resnet"})
    assert issued is not None
    assert issued[0].lines[0].description == "训练 resnet"


@pytest.mark.parametrize("charges", [[], [charge(0, quantity=0)]])
def test_an_empty_period_gives_no_invoice(charges) -> None:
    assert invoice(charges, TENANT, PERIOD, 7, ISSUED, **accounts()) is None


def test_free_usage_is_shown() -> None:
    issued, _ = issue([charge(0)])
    assert (len(issued.lines), issued.total_micros, issued.due_micros) == (1, 0, 0)


# exact micros of each line | fen of each, rounding in micros
ROUNDINGS = [
    ([4_999], [0], -4_999),
    ([5_000], [1], 5_000),
    ([14_999], [1], -4_999),
    ([15_000], [2], 5_000),
    ([10_000], [1], 0),
    ([333_333, 333_333, 333_334], [33, 33, 33], -10_000),
    ([5_000, 5_000], [1, 1], 10_000),
    ([5_000, 4_999], [1, 0], 1),
]


@pytest.mark.parametrize(("exact", "fen", "rounding"), ROUNDINGS)
def test_each_line_is_rounded_half_up_to_fen_and_the_rest_is_posted(exact, fen, rounding) -> None:
    issued, transfer = issue([charge(amount, f"s{n}", n) for n, amount in enumerate(exact)])
    assert [line.amount_micros // FEN for line in issued.lines] == fen
    assert issued.total_micros == sum(fen) * FEN == sum(exact) + rounding
    assert issued.rounding_micros == rounding
    if transfer is None:
        assert rounding == 0
        return
    sides = ("tenant/acme/prepaid", "centre/rounding")
    assert (transfer.debit, transfer.credit) == (sides if rounding > 0 else sides[::-1])
    assert (transfer.amount_micros, transfer.kind, transfer.key) == (
        abs(rounding),
        "invoice_rounding",
        issued.id,
    )


# charged | balance, owed, credit limit, charged later | due in micros
DUES = [
    ("prepaid covers all", 500 * FEN, {"balance": 0}, 0),
    ("nothing was prepaid: all is owed", 500 * FEN, {"balance": 0, "owed": 500 * FEN}, 500 * FEN),
    ("a part is owed", 500 * FEN, {"balance": 0, "owed": 123 * FEN}, 123 * FEN),
    ("older debts are not this invoice's", 500 * FEN, {"balance": 0, "owed": 900 * FEN}, 500 * FEN),
    (
        "later charges are open first",
        500 * FEN,
        {"balance": 0, "owed": 300 * FEN, "later": 200 * FEN},
        100 * FEN,
    ),
    ("and may be all that is", 500 * FEN, {"balance": 0, "owed": 300 * FEN, "later": 400 * FEN}, 0),
    ("credit used is owed", 500 * FEN, {"balance": -200 * FEN, "credit_limit": 900 * FEN}, 200 * FEN),
    ("on both", 500 * FEN, {"balance": -200 * FEN, "owed": 100 * FEN, "credit_limit": 200 * FEN}, 300 * FEN),
    ("due is in whole fen", 500 * FEN, {"balance": 0, "owed": 14_999}, FEN),
    ("and rounds half up", 500 * FEN, {"balance": 0, "owed": 15_000}, 2 * FEN),
    ("rounding up is owed where nothing is left", 500 * FEN - 4_000, {"balance": 0}, 0),
    ("also as part of a debt", 500 * FEN - 4_000, {"balance": 0, "owed": 500 * FEN - 4_000}, 500 * FEN),
    ("rounding down lowers no debt below zero", 500 * FEN + 4_000, {"balance": 0, "owed": 2_000}, 0),
    (
        "all on credit, rounded up",
        500 * FEN - 4_000,
        {"balance": 4_000 - 500 * FEN, "credit_limit": 10**9},
        500 * FEN,
    ),
    (
        "all on credit, rounded down",
        500 * FEN + 4_000,
        {"balance": -4_000 - 500 * FEN, "credit_limit": 10**9},
        500 * FEN,
    ),
]


@pytest.mark.parametrize(("amount", "money", "due"), [row[1:] for row in DUES], ids=[row[0] for row in DUES])
def test_what_is_due(amount, money, due) -> None:
    issued, _ = issue([charge(amount)], **money)
    assert issued.due_micros == due
    assert issued.paid_micros + due == issued.total_micros
    assert issued.paid_micros >= 0


@pytest.mark.parametrize(
    ("money", "payer"),
    [
        ({"balance": 4_000}, "prepaid"),
        ({"balance": 3_999}, "receivable"),
        ({"balance": 9_000, "held": 6_000}, "receivable"),
    ],
)
def test_rounding_never_passes_a_floor(money, payer) -> None:
    _, transfer = issue([charge(500 * FEN - 4_000)], **money)
    assert transfer is not None
    assert transfer.debit == f"tenant/acme/{payer}"


def test_the_hash_covers_every_other_field_and_no_zone() -> None:
    issued, _ = issue([charge(500 * FEN)])
    assert issued.content_hash == content_hash(issued) != ""
    for change in (
        {"total_micros": 1},
        {"tenant_name": "Other"},
        {"lines": (msgspec.structs.replace(issued.lines[0], description="x"),)},
        {"tenant_address": ""},
    ):
        assert content_hash(msgspec.structs.replace(issued, **change)) != issued.content_hash
    beijing = issued.issued_at.astimezone(datetime.strptime("+0800", "%z").tzinfo)
    assert content_hash(msgspec.structs.replace(issued, issued_at=beijing)) == issued.content_hash
    stored = msgspec.json.decode(msgspec.json.encode(issued), type=Invoice)
    assert content_hash(stored) == issued.content_hash


def test_the_hash_of_a_known_invoice_stays_as_it_is() -> None:
    """A change here would make every invoice that was ever issued look tampered with."""
    issued, _ = issue([charge(500 * FEN)])
    assert issued.content_hash == "de0952cb35c1c70b4e200d45c269cfdeca2c549c3eb27f3e4b53f64a321c2e76"


def test_a_foreign_line_or_one_that_is_on_an_invoice_is_our_mistake() -> None:
    for wrong in ({"tenant": "other"}, {"currency": "USD"}, {"invoice": "inv-000001"}):
        with pytest.raises(AssertionError):
            issue([charge(FEN, **wrong)])
    with pytest.raises(AssertionError):
        issue([charge(FEN, hour=30 * 24)])


def note(amount: int, name: str = "cn-000001", of: str = "inv-000007") -> CreditNote:
    return CreditNote(
        id=name,
        number=1,
        invoice=of,
        tenant="acme",
        amount_micros=amount,
        currency="CNY",
        reason="r",
        issued_at=ISSUED,
        transfer="t",
    )


@pytest.mark.parametrize(
    ("earlier", "amount", "reason", "code"),
    [
        ([], 500 * FEN, "node failed", None),
        ([], 1 * FEN, "node failed", None),
        ([], 501 * FEN, "node failed", "credit_exceeds_invoice"),
        ([note(400 * FEN)], 100 * FEN, "node failed", None),
        ([note(400 * FEN)], 101 * FEN, "node failed", "credit_exceeds_invoice"),
        ([note(400 * FEN, of="inv-000001")], 500 * FEN, "node failed", None),
        ([note(500 * FEN)], 1 * FEN, "node failed", "credit_exceeds_invoice"),
        ([], 0, "node failed", "amount_not_fen"),
        ([], -FEN, "node failed", "amount_not_fen"),
        ([], FEN + 1, "node failed", "amount_not_fen"),
        ([], FEN, " \n", "reason_missing"),
    ],
)
def test_credit(earlier, amount, reason, code) -> None:
    issued, _ = issue([charge(500 * FEN)])
    outcome = credit(issued, earlier, amount, reason, 2, ISSUED)
    if isinstance(outcome, Refusal):
        assert outcome.code == code
        return
    assert code is None
    given, (transfer,) = outcome
    assert (given.id, given.invoice, given.amount_micros, given.transfer) == (
        "cn-000002",
        issued.id,
        amount,
        transfer.id,
    )
    assert (transfer.debit, transfer.credit) == ("centre/revenue/hourly", "tenant/acme/prepaid")
    assert (transfer.amount_micros, transfer.key) == (amount, issued.id)
