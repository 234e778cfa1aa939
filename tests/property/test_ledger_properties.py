"""What must hold of the ledger whatever is asked of it, in whatever order, however often."""

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from money_desk import Books

from penstock.base.refusal import Refusal
from penstock.base.window import Window
from penstock.ledger.closing import close
from penstock.ledger.entry import Entry, ExpireHold, OpenHold, VoidHold, reversal
from penstock.ledger.model import Account, Hold, Transfer

START = datetime(2026, 11, 1, tzinfo=UTC)
FLOORS = {"a": 0, "b": -50, "c": -7, "cash": None, "revenue": None}
untimed = settings(deadline=None)
amounts = st.integers(-1, 120)
names = st.sampled_from([*FLOORS, "nobody"])


def books() -> Books:
    return Books(
        Account(id=name, currency="CNY", created_at=START, floor_micros=floor)
        for name, floor in FLOORS.items()
    )


def transfer(name: str, debit: str, credit: str, amount: int, at: datetime, **fields: str | None) -> Transfer:
    return Transfer(
        id=name,
        debit=debit,
        credit=credit,
        amount_micros=amount,
        currency="CNY",
        at=at,
        kind="test",
        hold=fields.get("hold"),
        reverses=fields.get("reverses"),
    )


class LedgerHistory(RuleBasedStateMachine):
    """Any history: transfers, holds, captures, reversals, retries, clashes, linked batches, closings."""

    def __init__(self) -> None:
        super().__init__()
        self.books = books()
        self.sent: list[Entry] = []
        self.numbers = 0

    def _name(self, letter: str) -> str:
        self.numbers += 1
        return f"{letter}{self.numbers}"

    def _send(self, *entries: Entry, linked: bool = False) -> None:
        before = self.books.copy()
        outcome = self.books.apply(*entries, linked=linked)
        self.sent.extend(entries)
        assert len(outcome.statuses) == len(entries)
        if linked and outcome.refusals:
            assert len(outcome.refusals) == len(entries)
            assert self.books == before
        for account in outcome.accounts.values():
            floor = account.floor_micros
            assert floor is None or account.available_micros >= min(
                0, before.accounts[account.id].available_micros
            )

    @rule(debit=names, credit=names, amount=amounts)
    def move(self, debit: str, credit: str, amount: int) -> None:
        self._send(transfer(self._name("t"), debit, credit, amount, self.books.now))

    @rule(account=names, amount=amounts, seconds=st.none() | st.integers(0, 40))
    def hold(self, account: str, amount: int, seconds: int | None) -> None:
        expires_at = None if seconds is None else self.books.now + timedelta(seconds=seconds)
        self._send(
            OpenHold(
                Hold(
                    id=self._name("h"),
                    account=account,
                    amount_micros=amount,
                    currency="CNY",
                    created_at=self.books.now,
                    expires_at=expires_at,
                )
            )
        )

    @precondition(lambda self: self.books.holds)
    @rule(data=st.data(), credit=names, amount=amounts)
    def capture(self, data: st.DataObject, credit: str, amount: int) -> None:
        hold = data.draw(st.sampled_from([*self.books.holds.values()]))
        self._send(transfer(self._name("t"), hold.account, credit, amount, self.books.now, hold=hold.id))

    @precondition(lambda self: self.books.holds)
    @rule(data=st.data(), void=st.booleans())
    def close_hold(self, data: st.DataObject, void: bool) -> None:
        name = data.draw(st.sampled_from([*self.books.holds]))
        self._send(VoidHold(name) if void else ExpireHold(name))

    @precondition(lambda self: self.books.transfers)
    @rule(data=st.data(), amount=st.none() | amounts)
    def undo(self, data: st.DataObject, amount: int | None) -> None:
        original = data.draw(st.sampled_from([*self.books.transfers.values()]))
        self._send(reversal(original, self._name("r"), self.books.now, amount))

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), linked=st.booleans())
    def retry(self, data: st.DataObject, linked: bool) -> None:
        """What was accepted is known; what was refused may be accepted now, or is refused again."""
        entries = data.draw(st.lists(st.sampled_from(self.sent), min_size=1, max_size=4))
        known = {e.id for e in entries if isinstance(e, Transfer) and e.id in self.books.transfers}
        before = self.books.copy()
        outcome = self.books.apply(*entries, linked=linked)
        for entry, status in zip(entries, outcome.statuses, strict=True):
            if isinstance(entry, Transfer) and entry.id in known:
                assert status == "duplicate" or (linked and isinstance(status, Refusal))
        assert before.transfers.items() <= self.books.transfers.items()

    @precondition(lambda self: self.books.transfers)
    @rule(data=st.data())
    def clash(self, data: st.DataObject) -> None:
        """The same id with other content is refused and changes nothing."""
        original = data.draw(st.sampled_from([*self.books.transfers.values()]))
        before = self.books.copy()
        other = msgspec.structs.replace(original, amount_micros=original.amount_micros + 1)
        (refusal,) = self.books.apply(other).refusals
        assert refusal.code == "id_conflict"
        assert self.books == before

    @rule(moves=st.lists(st.tuples(names, names, amounts), min_size=1, max_size=4), linked=st.booleans())
    def batch(self, moves: list[tuple[str, str, int]], linked: bool) -> None:
        now = self.books.now
        self._send(*(transfer(self._name("t"), *move, now) for move in moves), linked=linked)

    @rule(seconds=st.integers(1, 30))
    def wait(self, seconds: int) -> None:
        self.books.now += timedelta(seconds=seconds)

    @rule()
    def close_books(self) -> None:
        start = self.books.closed_until or START
        if start < self.books.now:
            period = Window(start, self.books.now)
            self.books.closings.append(close(self.books.transfers.values(), period))
            self.books.closed_until = period.end

    @invariant()
    def in_order(self) -> None:
        for hold in self.books.holds.values():
            assert hold.expires_at is None or hold.expires_at > hold.created_at, "none begins ended"
        assert self.books.audit() == []
        assert sum(account.balance_micros for account in self.books.accounts.values()) == 0


LedgerHistory.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_history = LedgerHistory.TestCase

moves = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["cash", "revenue"]), st.integers(1, 60)))


def _entries(listed: list[tuple[str, str, int]]) -> list[Transfer]:
    """Money in, then out, so that some are refused."""
    paid = [transfer(f"p{name}", "cash", name, 90, START) for name in "abc"]
    return [*paid, *(transfer(f"t{n}", *move, START) for n, move in enumerate(listed))]


@untimed
@given(moves, st.lists(st.integers(0, 40)))
def test_a_batch_is_the_same_in_any_pieces(listed: list, cuts: list[int]) -> None:
    entries = _entries(listed)
    whole, parts = books(), books()
    outcome = whole.apply(*entries)
    statuses, start = [], 0
    for cut in [*sorted(set(cuts)), len(entries)]:
        statuses += parts.apply(*entries[start:cut]).statuses
        start = max(start, min(cut, len(entries)))
    assert tuple(statuses) == outcome.statuses
    assert parts == whole


@untimed
@given(moves, st.randoms(use_true_random=False))
def test_the_order_of_independent_entries_does_not_matter(listed: list, random) -> None:
    """Entries of different tenants do not meet: only the order within each one counts."""
    entries = _entries(listed)
    queues = {name: [e for e in entries if name in (e.debit, e.credit)] for name in "abc"}
    shuffled = []
    while any(queues.values()):
        shuffled.append(queues[random.choice([name for name, queue in queues.items() if queue])].pop(0))
    one, other = books(), books()
    first = dict(zip((e.id for e in entries), one.apply(*entries).statuses, strict=True))
    second = dict(zip((e.id for e in shuffled), other.apply(*shuffled).statuses, strict=True))
    assert first == second
    assert one == other


@untimed
@given(moves)
def test_a_repeated_batch_changes_nothing(listed: list) -> None:
    entries = _entries(listed)
    ledger = books()
    accepted = {t.id for t in ledger.apply(*entries).transfers}
    before = ledger.copy()
    again = ledger.apply(*(entry for entry in entries if entry.id in accepted))
    assert set(again.statuses) == {"duplicate"}
    assert ledger == before
