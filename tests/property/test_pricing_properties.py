"""Generated histories of contracts: however often they are charged, in whatever order facts come, it adds up."""

from datetime import datetime, timedelta
from fractions import Fraction
from random import Random
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from money_desk import Books

from penstock.base.money import round_to_fen
from penstock.base.refusal import Refusal
from penstock.base.window import US_PER_HOUR, Window, from_us
from penstock.billing.check import check as check_bills
from penstock.billing.invoice import credit, invoice
from penstock.billing.payment import clear, top_up
from penstock.billing.pricing.agreement import parse_contract
from penstock.billing.pricing.amend import amended
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.check import parse_book
from penstock.billing.pricing.contract import Change, Contract
from penstock.billing.pricing.exact import exact_text, read_exact, to_micros
from penstock.billing.pricing.facts import CardUse, Entry, Facts, Health, Metered
from penstock.billing.pricing.periods import month_of, months, months_after, terms
from penstock.billing.pricing.posting import (
    ContractLine,
    earned_by_mode,
    lines_due,
    recognised,
    share_targets,
)
from penstock.billing.pricing.reading import Read
from penstock.billing.pricing.settling import (
    first_transfer,
    recognition_key,
    settle_line,
    share_key,
    streams_due,
)
from penstock.billing.pricing.statement import statement, usage_items, usage_windows
from penstock.billing.pricing.voucher import Voucher
from penstock.lease.tenant import Tenant
from penstock.ledger.chart import DEFERRED, REVENUE, centre_account, centre_accounts, tenant_accounts

ZONE = ZoneInfo("Asia/Shanghai")
replace = msgspec.structs.replace
BOOK = """
price_book: b
currency: CNY
valid_from: 2020-01-01
taxes:
  - {id: on_top, rate: 6%, from: 2020-01-01, modes: [hourly, compute, usage]}
  - {id: inside, rate: 13%, inclusive: true, from: 2020-01-01, modes: [package]}
meters: [{id: gb, unit: GB, aggregation: sum, value: n}]
items:
  - {id: h, mode: hourly, model: h100, price: 11.11}
  - {id: p, mode: compute, precision: fp16, price: 29999.99, per: month}
  - {id: y, mode: compute, node_grade: h100, price: 700001, per: year}
  - {id: flat, mode: usage, meter: gb, charge: flat, price: 1/3}
  - {id: volume, mode: usage, meter: gb, charge: volume, tiers: [{up_to: 100, price: 0.5}, {price: 0.2, flat: 7}]}
  - {id: steps, mode: usage, meter: gb, charge: stairstep, tiers: [{up_to: 50, flat: 0}, {flat: 99.99}]}
  - {id: pack, mode: package, fee: 9999.99, per: month, includes: {h: 100, flat: 60}, unused: rollover, rollover_share: 50%}
"""
TERMS = """
contract: c
tenant: acme
price_book: b
from: 2026-01-10
until: 2026-04-10
items: [{item: p, quantity: 7/3}, {item: y, quantity: 2}, {item: pack, quantity: 2}, {item: flat}, {item: volume}, {item: steps}]
discounts: [{rate: 7%, modes: [usage, hourly]}, {rate: 1/3, items: [pack]}]
minimum: 1234.56
commitments: [{amount: 500000}]
sla: {target: 99.5%, ladder: [{below: 99.5%, credit: 10%}, {below: 95%, credit: 1/3}]}
shares: [{party: owner, rate: 2/3}, {party: broker, rate: 5%}]
termination: {fee: 20%, refund: true}
"""


def book() -> PriceBook:
    found = parse_book(BOOK, "book.yaml")
    assert isinstance(found, PriceBook), found
    return found


def agreed() -> Contract:
    found = parse_contract(TERMS, "contract.yaml")
    assert isinstance(found, Read), found
    return found.value


class Market:
    """One contract from its signature to long after its end, with the books behind it."""

    def __init__(self, seed: int) -> None:
        self.random, self.book, self.plain = Random(seed), book(), agreed()
        self.now = self.plain.start
        accounts = (*tenant_accounts("acme", "CNY", 0, self.now), *centre_accounts("CNY", self.now))
        self.books = Books(accounts)
        self.books.now = self.now
        self.lines: dict[str, ContractLine] = {}
        self.used: dict[tuple[str, Window], Metered] = {}
        self.uses: list[CardUse] = []
        self.health: dict[Window, Health] = {}
        self.changes: list[Change] = []
        self.ended_at: datetime | None = None
        self.invoices, self.notes, self.payments = [], [], 0
        self.tenant = Tenant(id="acme", name="Acme", created_at=self.now)
        self.vouchers = [
            Voucher(
                id="v",
                programme="p",
                tenant="acme",
                contract="c",
                chip_class="d",
                amount_micros=10**10,
                granted_at=self.now,
            )
        ]

    @property
    def contract(self) -> Contract:
        return amended(self.plain, self.changes)

    def facts(self) -> Facts:
        return Facts(metered=dict(self.used), card_uses=tuple(self.uses), health=dict(self.health))

    def stated(self) -> tuple[Entry, ...]:
        return statement(self.contract, self.book, self.facts(), self.now, self.ended_at)

    def must(self, *entries) -> None:
        refusals = self.books.apply(*entries, linked=True).refusals
        assert refusals == (), refusals

    # what may happen

    def pass_time(self) -> None:
        self.now += timedelta(seconds=self.random.randrange(1, 400_000))
        self.books.now = self.now

    def use(self) -> None:
        """Usage of any window, also late."""
        item = self.random.choice(usage_items(self.contract, self.book))
        windows = usage_windows(self.contract, self.book, item, self.now)
        if windows:
            window = self.random.choice(windows)
            known = self.used.get((item.id, window), Metered(Fraction(0)))
            more = Fraction(self.random.randrange(1, 40_000), 1000)
            self.used[item.id, window] = Metered(known.quantity + more, known.events + 1)

    def run_cards(self) -> None:
        end = min(self.now, self.plain.end)
        start = max(self.plain.start, end - timedelta(hours=5))
        if start < end:
            card_us = 8 * Window(start, end).duration_us
            amount = card_us * 11_110_000 // US_PER_HOUR
            self.uses.append(
                CardUse(model="h100", start=start, end=end, card_us=card_us, amount_micros=amount)
            )

    def fail(self) -> None:
        month = self.random.choice([*months(self.plain.window, ZONE)])
        self.health[month] = Health(1000, Fraction(self.random.randrange(0, 100)))

    def change(self) -> None:
        if self.ended_at is None and self.now < self.plain.end and len(self.changes) < 6:
            item, quantity = self.random.choice(["p", "pack", "y"]), str(self.random.randrange(0, 5))
            self.changes.append(Change(at=self.now, item=item, quantity=quantity))

    def end(self) -> None:
        if (
            self.ended_at is None
            and self.plain.start < self.now < self.plain.end
            and self.random.random() < 0.02
        ):
            self.ended_at = self.now

    def pay(self) -> None:
        self.payments += 1
        self.must(top_up(f"p{self.payments}", "acme", self.random.randrange(1, 10**11), "CNY", self.now))
        self.clear(f"p{self.payments}")

    def clear(self, cause: str) -> None:
        prepaid, receivable = (
            self.books.accounts[f"tenant/acme/{name}"] for name in ("prepaid", "receivable")
        )
        transfer = clear(prepaid, receivable, cause, self.now)
        if transfer is not None:
            self.must(transfer)

    def accrue(self) -> int:
        entries = self.stated()
        found = lines_due(self.contract, "CNY", entries, list(self.lines.values()), self.now)
        for line in found:
            if line.amount_micros:
                self.must(*settle_line(line, self.books.accounts["tenant/acme/prepaid"], self.now))
            self.lines[line.id] = replace(line, transfer=first_transfer(line))
        return len(found) + self.earn(entries)

    def earn(self, entries: tuple[Entry, ...]) -> int:
        hourly = [(use.start, use.amount_micros) for use in self.uses]
        targets = share_targets(self.contract.shares, earned_by_mode(self.book, entries, hourly, self.now))
        keys = {recognition_key("c"): [DEFERRED]} | {
            share_key("c", *p): list(REVENUE.values()) for p in targets
        }
        posted = {}
        for transfer in self.books.transfers.values():
            if transfer.key in keys:
                total, count = posted.get(transfer.key, (0, 0))
                forward = {centre_account(name) for name in keys[transfer.key]}
                signed = transfer.amount_micros if transfer.debit in forward else -transfer.amount_micros
                posted[transfer.key] = (total + signed, count + 1)
        moves = streams_due("c", "CNY", recognised(entries, self.now), targets, posted, self.now)
        if moves:
            self.must(*moves)
        return len(moves)

    def bill(self) -> None:
        self.accrue()
        period = Window(self.plain.start, self.now)
        if any(one.end == self.now for one in self.invoices) or self.now <= self.plain.start:
            return
        due = [line for line in self.lines.values() if line.invoice is None and line.due <= self.now]
        prepaid, receivable = (
            self.books.accounts[f"tenant/acme/{name}"] for name in ("prepaid", "receivable")
        )
        outcome = invoice(
            (), self.tenant, period, len(self.invoices) + 1, self.now, prepaid, receivable,
            contract_lines=due, book=self.book, vouchers=self.vouchers,
        )  # fmt: skip
        if outcome is None:
            return
        issued, transfers = outcome
        self.must(*transfers)
        self.vouchers = [replace(v, used_micros=v.used_micros + issued.voucher_micros) for v in self.vouchers]
        if issued.voucher_micros:
            self.clear(issued.id)
        self.lines |= {line.id: replace(line, invoice=issued.id) for line in due}
        self.invoices.append(issued)

    def give_back(self) -> None:
        if self.invoices:
            issued = self.random.choice(self.invoices)
            amount = round_to_fen(self.random.randrange(10_000, 10**10))
            number = len(self.notes) + 1
            outcome = credit(issued, self.notes, amount, "because", number, self.now)
            if not isinstance(outcome, Refusal):
                note, transfers = outcome
                self.must(*transfers)
                self.notes.append(note)
                self.clear(note.transfer)

    def step(self) -> None:
        happenings = [self.pass_time, self.use, self.use, self.run_cards, self.fail, self.change, self.end, self.pay,
                      self.accrue, self.accrue, self.bill, self.give_back]  # fmt: skip
        self.random.choices(happenings, weights=[4, 6, 2, 4, 1, 1, 1, 2, 3, 2, 1, 1])[0]()

    def audit(self) -> None:
        """Both the ledger and the bills are in order, and every line is what the statement says."""
        self.accrue()
        assert self.accrue() == 0, "asking again charges nothing"
        assert self.books.audit() == []
        transfers = [*self.books.transfers.values()]
        assert check_bills([], [], transfers, self.invoices, self.notes, [*self.lines.values()]) == []
        entries = self.stated()
        for entry in entries:
            of_key = [line for line in self.lines.values() if line.key == entry.key]
            assert sum(line.amount_micros for line in of_key) == to_micros(entry.amount)
        assert sum(line.amount_micros for line in self.lines.values()) == sum(
            to_micros(e.amount) for e in entries
        )


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32))
def test_a_history_of_hundreds_of_steps_adds_up(seed: int) -> None:
    market = Market(seed)
    for _ in range(350):
        market.step()
    market.audit()
    market.now = market.books.now = months_after(market.plain.end, 2, ZONE)
    market.bill()
    market.audit()
    deferred = market.books.accounts["centre/deferred"].balance_micros
    assert deferred == 0, "what was paid ahead is earned at the end"
    vat = market.books.accounts["centre/vat"].balance_micros
    assert vat >= 0 or market.notes or any(one.total_micros < 0 for one in market.invoices)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6))
def test_however_often_it_is_charged_the_sum_is_the_same(seed: int, parts: int) -> None:
    """Rating a window equals rating its parts."""
    whole, cut = Market(seed), Market(seed)
    for market in (whole, cut):
        market.random = Random(seed)
        market.now = market.books.now = market.plain.end
        for _ in range(20):
            market.use()
            market.run_cards()
            market.fail()
    for number in range(1, parts):
        cut.now = cut.plain.start + (cut.plain.end - cut.plain.start) * number / parts
        found = lines_due(cut.contract, "CNY", cut.stated(), list(cut.lines.values()), cut.now)
        cut.lines |= {line.id: line for line in found}
    for market in (whole, cut):
        market.now = market.plain.end
        found = lines_due(market.contract, "CNY", market.stated(), list(market.lines.values()), market.now)
        market.lines |= {line.id: line for line in found}

    def sums(market: Market) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in market.lines.values():
            found[line.key] = found.get(line.key, 0) + line.amount_micros
        return {key: amount for key, amount in found.items() if amount}

    assert sums(whole) == sums(cut)


@given(st.fractions(max_denominator=10**6, min_value=-(10**9), max_value=10**9))
def test_exact_text_is_read_back(value: Fraction) -> None:
    assert read_exact(exact_text(value)) == value


@given(st.integers(0, 4 * 10**9), st.integers(0, 40))
def test_months_follow_each_other_without_gap(second: int, count: int) -> None:
    instant = from_us(second * 1_000_000)
    month = month_of(instant, ZONE)
    assert month.contains(instant)
    assert month_of(month.end, ZONE).start == month.end
    span = Window(month.start, months_after(month.start, count, ZONE))
    every = [*months(span, ZONE)]
    assert len(every) == count == len([*terms(span, "month", ZONE)])
    assert sum(one.duration_us for one in every) == span.duration_us
