"""What must hold of every bill: nothing twice, nothing missing, the same for a part as for the whole."""

from datetime import timedelta
from fractions import Fraction
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from money_desk import START, STEP, Desk, replace

from penstock.base.money import MICROS_PER_FEN
from penstock.base.refusal import Refusal
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window
from penstock.billing.invoice import content_hash
from penstock.billing.meter import Subject, arrivals, usage_of
from penstock.billing.model import UsageEvent
from penstock.billing.prepay import job_price, lease_price
from penstock.billing.rate import Terms, accrued, rate

untimed = settings(deadline=None)
instants_us = st.integers(0, 40 * US_PER_HOUR) | st.integers(0, 10**7)
terms = st.builds(
    Terms,
    price_micros_per_card_hour=st.integers(0, 10**9),
    granularity=st.sampled_from([1, 7, 1_000_000, 60_000_000, US_PER_HOUR]).map(
        lambda us: timedelta(microseconds=us)
    ),
    minimum_time=st.sampled_from([0, 1, 30, 3_600, 7_201]).map(lambda s: timedelta(seconds=s)),
)
devices = st.integers(1, 4096)


def event(start_us: int, end_us: int, count: int, *, final: bool = False) -> UsageEvent:
    return UsageEvent(
        source="penstock",
        id=f"{start_us}-{end_us}",
        tenant="acme",
        meter="card_time",
        subject_kind="attempt",
        subject="a1",
        start=START + start_us * MICROSECOND,
        end=START + end_us * MICROSECOND,
        began_at=START,
        devices=count,
        model="H100",
        quantity=count * (end_us - start_us),
        final=final,
    )


@untimed
@given(terms, devices, st.lists(instants_us, min_size=2), st.booleans())
def test_rating_a_window_is_rating_its_parts(agreed: Terms, count: int, cuts: list[int], final: bool) -> None:
    cuts.sort()
    whole = rate(event(cuts[0], cuts[-1], count, final=final), agreed)
    parts = [
        rate(event(start, end, count, final=final and number == len(cuts) - 2), agreed)
        for number, (start, end) in enumerate(pairwise(cuts))
    ]
    assert sum(part.amount_micros for part in parts) == whole.amount_micros
    assert sum(part.quantity for part in parts) == whole.quantity
    assert all(part.amount_micros >= 0 for part in parts)


@untimed
@given(terms, devices, instants_us, instants_us)
def test_cost_never_falls_and_is_never_below_the_time_used(
    agreed: Terms, count: int, one: int, two: int
) -> None:
    early, late = sorted((one, two))
    assert 0 <= accrued(early, count, agreed) <= accrued(late, count, agreed)
    assert accrued(late, count, agreed) <= accrued(late, count, agreed, final=True)
    used = Fraction(late * count * agreed.price_micros_per_card_hour, US_PER_HOUR)
    assert accrued(late, count, agreed) >= used - Fraction(1, 2)
    granule = agreed.granularity // MICROSECOND
    most = Fraction((late + granule) * count * agreed.price_micros_per_card_hour, US_PER_HOUR)
    assert accrued(late, count, agreed) <= most + Fraction(1, 2)


@untimed
@given(terms, devices, instants_us.filter(bool), instants_us.filter(bool))
def test_what_is_held_covers_what_is_charged(
    agreed: Terms, count: int, length_us: int, limit_us: int
) -> None:
    """A lease costs its quote to the micro; a job that keeps its limit costs no more than its hold."""
    lease = rate(event(0, length_us, count, final=True), agreed).amount_micros
    assert lease == lease_price(count, Window(START, START + length_us * MICROSECOND), agreed)
    limit_s = -(-limit_us // 10**6)
    held = job_price(count, agreed, limit_s, timedelta(days=9))
    job = rate(event(0, min(length_us, limit_s * 10**6), count, final=True), agreed).amount_micros
    assert job <= held


@untimed
@given(
    st.integers(0, 4_000),
    st.none() | st.integers(0, 4_000),
    st.lists(st.integers(0, 6_000), max_size=12),
    st.integers(30, 900),
)
def test_usage_is_cut_the_same_however_often_it_is_asked_for(
    began_s: int, length_s: int | None, asked_s: list[int], step_s: int
) -> None:
    """Asked at any instants, with retries, the events are those of asking once at the end."""
    second, step = timedelta(seconds=1), timedelta(seconds=step_s)
    ended = None if length_s is None else START + (began_s + length_s) * second
    subject = Subject(
        kind="attempt", id="a1", tenant="acme", model="H100", devices=3, began_at=START + began_s * second
    )
    over = msgspec.structs.replace(subject, ended_at=ended)
    end = START + 9_000 * second
    found, until = [], None
    for now in (START + s * second for s in sorted(asked_s) if s >= began_s):
        if ended is not None and now >= ended:
            break
        events = usage_of(subject, until, now, step)
        assert events == usage_of(subject, until, now, step)
        found += events
        until = events[-1].end if events else until
    found += usage_of(over, until, end, step)
    assert found == usage_of(over, None, end, step)
    assert [e.start for e in found[1:]] == [e.end for e in found[:-1]]
    assert [e.final for e in found] == [ended is not None and e is found[-1] for e in found]
    assert len({e.id for e in found}) == len(found)
    if ended is not None:
        assert (found[0].start, found[-1].end) == (subject.began_at, ended)
        assert sum(e.quantity for e in found) == 3 * ((ended - subject.began_at) // MICROSECOND)


runs = st.lists(
    st.tuples(st.integers(1, 8), terms, st.integers(1, 3_000), st.integers(0, 10**9)), min_size=1, max_size=4
)


def _observed(listed: list) -> tuple[Desk, list[UsageEvent]]:
    desk = Desk()
    desk.pay(10**9)
    for number, (count, agreed, _, hold) in enumerate(listed):
        desk.begin(f"a{number}", count, agreed, hold)
    for number, (_, _, seconds, _) in sorted(enumerate(listed), key=lambda item: item[1][2]):
        desk.books.now = START + timedelta(seconds=seconds)
        desk.end(f"a{number}")
    return desk, desk.meter()


@untimed
@given(runs, st.data())
def test_order_and_duplication_of_events_do_not_change_a_bill(listed: list, data: st.DataObject) -> None:
    one, events = _observed(listed)
    other, again = _observed(listed)
    one.receive(events)
    one.rate(events)
    shuffled = data.draw(st.permutations(again * 2))
    for start in range(0, len(shuffled), 3):
        other.receive(shuffled[start : start + 3])
        other.rate(shuffled[start : start + 3])
    assert one.lines == other.lines
    assert one.bill(Window(START, one.books.now)) == other.bill(Window(START, other.books.now))
    assert one.audit() == other.audit() == []


@untimed
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1)), max_size=12))
def test_an_id_means_one_event_for_good(picks: list[tuple[int, int]]) -> None:
    events = [
        msgspec.structs.replace(event(0, 5, 1), id=f"e{name}", quantity=content) for name, content in picks
    ]
    new, statuses = arrivals({}, events)
    first = {e.id: e for e in reversed(events)}
    assert {e.id: e for e in new} == first
    for one, status in zip(events, statuses, strict=True):
        assert isinstance(status, Refusal) == (one != first[one.id])
    assert statuses.count("new") == len(first)


class MoneyHistory(RuleBasedStateMachine):
    """Pay, run, meter late and twice, rate in any order, bill, credit: the books say the same throughout."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.billed_until = START
        self.running: list[str] = []

    @rule(credit_limit=st.sampled_from([0, 0, 5_000_000, 10**12]), amount=st.integers(1, 3 * 10**7))
    @precondition(lambda self: not self.desk.subjects)
    def open(self, credit_limit: int, amount: int) -> None:
        self.desk = Desk(credit_limit)
        self.desk.pay(amount)

    @rule(amount=st.integers(1, 3 * 10**7))
    def pay(self, amount: int) -> None:
        self.desk.pay(amount)

    @rule(count=st.integers(1, 8), agreed=terms, hold=st.integers(0, 10**7))
    def begin(self, count: int, agreed: Terms, hold: int) -> None:
        name = f"a{len(self.desk.subjects)}"
        price = agreed.price_micros_per_card_hour % 40_000_000
        self.desk.begin(name, count, replace(agreed, price_micros_per_card_hour=price), hold)
        self.running.append(name)

    @precondition(lambda self: len(self.running) > 1)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.running))
        self.running.remove(name)
        self.desk.end(name)

    @rule(seconds=st.integers(1, 4_000), repeated=st.booleans())
    def work(self, seconds: int, repeated: bool) -> None:
        self.desk.books.now += timedelta(seconds=seconds)
        events = self.desk.meter()
        self.desk.receive(events * 2 if repeated else events)

    @precondition(lambda self: self.unrated)
    @rule(data=st.data())
    def rate(self, data: st.DataObject) -> None:
        """Some of what waits, in any order, some of it twice."""
        self.desk.rate(data.draw(st.lists(st.sampled_from(self.unrated), min_size=1, max_size=9)))

    @property
    def unrated(self) -> list[UsageEvent]:
        return [event for event in self.desk.events.values() if not event.rated]

    @precondition(lambda self: self.desk.lines)
    @rule(late=st.booleans())
    def bill(self, late: bool) -> None:
        """What is not rated by then comes late, on the next invoice."""
        if not late:
            self.desk.rate(self.unrated)
        now = self.desk.books.now
        end = now - (now - START) % STEP
        if end <= self.billed_until:
            return
        debt_before = self._debt()
        issued = self.desk.bill(Window(self.billed_until, end))
        if issued is not None:
            assert content_hash(issued) == issued.content_hash
            assert 0 <= issued.due_micros <= max(debt_before, self._debt()) + MICROS_PER_FEN // 2
            assert issued.due_micros % MICROS_PER_FEN == 0
        self.billed_until = end

    @precondition(lambda self: self.desk.invoices)
    @rule(data=st.data(), fen=st.integers(0, 5_000), near=st.sampled_from([None, -1, 0, 1]))
    def give_back(self, data: st.DataObject, fen: int, near: int | None) -> None:
        issued = data.draw(st.sampled_from(self.desk.invoices))
        credited = sum(n.amount_micros for n in self.desk.notes if n.invoice == issued.id)
        if near is not None:  # of what is left, about all
            fen = (issued.total_micros - credited) // MICROS_PER_FEN + near
        outcome = self.desk.give_back(issued, fen * MICROS_PER_FEN)
        fits = 0 < fen * MICROS_PER_FEN <= issued.total_micros - credited
        assert isinstance(outcome, Refusal) != fits

    def _debt(self) -> int:
        return max(-self.desk.prepaid.balance_micros, 0) + max(-self.desk.receivable.balance_micros, 0)

    @invariant()
    def books_agree(self) -> None:
        desk = self.desk
        assert desk.audit() == []
        charged = sum(line.amount_micros for line in desk.lines.values())
        credited = sum(note.amount_micros for note in desk.notes)
        accounts = desk.books.accounts
        assert accounts["centre/revenue/hourly"].balance_micros == charged - credited
        invoiced = sum(line.exact_micros for issued in desk.invoices for line in issued.lines)
        assert invoiced == sum(line.amount_micros for line in desk.lines.values() if line.invoice is not None)
        rounding = sum(issued.rounding_micros for issued in desk.invoices)
        assert accounts["centre/rounding"].balance_micros == rounding
        assert desk.receivable.balance_micros <= 0


MoneyHistory.TestCase.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
test_history = MoneyHistory.TestCase
