"""A centre's money in memory: the pure cores as the platform uses them, with dictionaries for a store."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import msgspec

from penstock.base.refusal import Refusal
from penstock.base.window import Window
from penstock.billing.check import check as check_bills
from penstock.billing.invoice import credit, invoice
from penstock.billing.meter import Subject, arrivals, usage_of
from penstock.billing.model import ChargeLine, CreditNote, Invoice, UsageEvent
from penstock.billing.payment import clear, top_up
from penstock.billing.rate import Terms, rate, settle
from penstock.lease.tenant import Tenant
from penstock.ledger.book import Outcome, apply
from penstock.ledger.chart import centre_accounts, tenant_accounts
from penstock.ledger.check import Finding, check
from penstock.ledger.closing import Closing
from penstock.ledger.entry import Entry, OpenHold, VoidHold, needs
from penstock.ledger.model import Account, Hold, HoldState, Transfer

START = datetime(2026, 11, 1, tzinfo=UTC)
STEP = timedelta(minutes=5)
replace = msgspec.structs.replace


class Books:
    """Loads only what a batch needs, applies it, and keeps the outcome."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self.accounts = {account.id: account for account in accounts}
        self.holds: dict[str, Hold] = {}
        self.transfers: dict[str, Transfer] = {}
        self.closings: list[Closing] = []
        self.closed_until: datetime | None = None
        self.now = START

    def apply(self, *entries: Entry, linked: bool = False) -> Outcome:
        needed = needs(entries)
        holds = {name: self.holds[name] for name in needed.holds if name in self.holds}
        names = needed.accounts | {hold.account for hold in holds.values()}
        wanted = needed.transfers | needed.reversed
        known = [t for t in self.transfers.values() if t.id in wanted or t.reverses in needed.reversed]
        accounts = {name: self.accounts[name] for name in names if name in self.accounts}
        outcome = apply(
            accounts, holds, entries, self.now, known=known, closed_until=self.closed_until, linked=linked
        )
        self.accounts |= outcome.accounts
        self.holds |= outcome.holds
        self.transfers |= {t.id: t for t in outcome.transfers}
        return outcome

    def audit(self) -> list[Finding]:
        rows = [*self.accounts.values()], [*self.transfers.values()], [*self.holds.values()]
        return check(*rows, self.closings)

    def copy(self) -> "Books":
        other = Books(self.accounts.values())
        other.holds, other.transfers = dict(self.holds), dict(self.transfers)
        other.closings, other.closed_until, other.now = list(self.closings), self.closed_until, self.now
        return other

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Books) and vars(self) == vars(other)

    __hash__ = None


class Desk:
    """One tenant from payment to credit note."""

    def __init__(self, credit_limit_micros: int = 0) -> None:
        accounts = (
            *tenant_accounts("acme", "CNY", credit_limit_micros, START),
            *centre_accounts("CNY", START),
        )
        self.books = Books(accounts)
        self.tenant = Tenant(id="acme", name="Acme", created_at=START)
        self.events: dict[tuple[str, str], UsageEvent] = {}
        self.lines: dict[str, ChargeLine] = {}
        self.invoices: list[Invoice] = []
        self.notes: list[CreditNote] = []
        self.subjects: dict[str, tuple[Subject, Terms, datetime | None]] = {}
        self.done: set[str] = set()
        self.payments = 0

    @property
    def prepaid(self) -> Account:
        return self.books.accounts["tenant/acme/prepaid"]

    @property
    def receivable(self) -> Account:
        return self.books.accounts["tenant/acme/receivable"]

    def _must(self, *entries: Entry) -> None:
        refusals = self.books.apply(*entries, linked=True).refusals
        assert refusals == (), refusals

    def pay(self, amount_micros: int) -> None:
        self.payments += 1
        name = f"p{self.payments}"
        self._must(top_up(name, "acme", amount_micros, "CNY", self.books.now))
        self._clear(name)

    def _clear(self, cause: str) -> None:
        if transfer := clear(self.prepaid, self.receivable, cause, self.books.now):
            self._must(transfer)

    def begin(self, name: str, devices: int, terms: Terms, hold_micros: int) -> None:
        """Start something that costs; it gets its hold if the balance allows it."""
        subject = Subject(
            kind="attempt", id=name, tenant="acme", model="H100", devices=devices, began_at=self.books.now
        )
        self.subjects[name] = (subject, terms, None)
        if 0 < hold_micros <= self.prepaid.available_micros:
            hold = Hold(
                id=name,
                account=self.prepaid.id,
                amount_micros=hold_micros,
                currency="CNY",
                created_at=self.books.now,
            )
            self._must(OpenHold(hold))

    def end(self, name: str) -> None:
        subject, terms, until = self.subjects[name]
        self.subjects[name] = (replace(subject, ended_at=self.books.now), terms, until)

    def meter(self) -> list[UsageEvent]:
        """Everything observed since the last time; a subject that got its final event is done."""
        found: list[UsageEvent] = []
        for name, (subject, terms, until) in [*self.subjects.items()]:
            if name in self.done:
                continue
            events = usage_of(subject, until, self.books.now, STEP)
            found += events
            if events:
                self.subjects[name] = (subject, terms, events[-1].end)
                self.done |= {event.subject for event in events if event.final}
        return found

    def receive(self, events: Iterable[UsageEvent]) -> None:
        """Keep what is new."""
        new, _ = arrivals(self.events, events)
        self.events |= {(event.source, event.id): event for event in new}

    def rate(self, events: Iterable[UsageEvent]) -> None:
        """Rate and settle what is not yet; the last event of a subject frees what is left of its hold."""
        for event in events:
            if self.events[event.source, event.id].rated:
                continue
            line = rate(event, self.subjects[event.subject][1], job=f"job-{event.subject}")
            self._must(*settle(line, self.prepaid, self.books.holds.get(event.subject), self.books.now))
            self.lines[line.id] = line
            self.events[event.source, event.id] = replace(event, rated=True)
            if event.final:
                self._release(event.subject)

    def _release(self, name: str) -> None:
        hold = self.books.holds.get(name)
        if hold is not None and hold.state is HoldState.OPEN:
            self._must(VoidHold(name))
            self._clear(f"release-{name}")

    def bill(self, period: Window) -> Invoice | None:
        charges = [ln for ln in self.lines.values() if ln.end <= period.end and ln.invoice is None]
        later = sum(ln.amount_micros for ln in self.lines.values() if ln.end > period.end)
        number = len(self.invoices) + 1
        accounts = (self.prepaid, self.receivable)
        outcome = invoice(charges, self.tenant, period, number, self.books.now, *accounts, later_micros=later)
        if outcome is None:
            return None
        issued, transfers = outcome
        self._must(*transfers)
        self.lines |= {ln.id: replace(ln, invoice=issued.id) for ln in charges}
        self.invoices.append(issued)
        return issued

    def give_back(self, issued: Invoice, amount_micros: int) -> CreditNote | Refusal:
        outcome = credit(issued, self.notes, amount_micros, "because", len(self.notes) + 1, self.books.now)
        if isinstance(outcome, Refusal):
            return outcome
        note, transfers = outcome
        self._must(*transfers)
        self._clear(note.transfer)
        self.notes.append(note)
        return note

    def audit(self) -> list[Finding]:
        transfers = [*self.books.transfers.values()]
        return self.books.audit() + check_bills(
            [*self.events.values()], [*self.lines.values()], transfers, self.invoices, self.notes
        )
