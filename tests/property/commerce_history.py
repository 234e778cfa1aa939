"""A centre that sells under all four modes, and a generated history of it: everything may be asked twice, come late, or
be cut off in the middle of a transaction.

What must hold is in `commerce_invariants.py`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import event

from penstock.app import contracts, fleet, identity, invoicing, money, selling, sharing, usage, vouchers
from penstock.app.access import SYSTEM
from penstock.app.context import Policy
from penstock.app.intake import Intake
from penstock.base.refusal import Refused
from penstock.billing.metering.model import MeterEvent
from penstock.fleet.device import DeviceState
from penstock.sim.centre import SimulatedCentre
from penstock.store.prepared import Prepared

SHANGHAI = ZoneInfo("Asia/Shanghai")
YUAN, FEN = 1_000_000, 10_000
FROM, UNTIL = datetime(2026, 1, 10, tzinfo=SHANGHAI), datetime(2026, 4, 10, tzinfo=SHANGHAI)
BOOK = """
price_book: list
currency: CNY
valid_from: 2026-01-01
taxes:
  - {id: on_top, rate: 6%, from: 2016-05-01, modes: [hourly, compute, usage]}
  - {id: inside, rate: 13%, inclusive: true, from: 2016-05-01, modes: [package]}
meters:
  - {id: gb, unit: GB, aggregation: sum, value: n}
  - {id: tokens, unit: token, aggregation: sum, value: n, dimensions: [model]}
items:
  - id: card
    mode: hourly
    model: h100
    price: 11.11
    granularity: 1m
    by_hour: [{from: "22:00", until: "08:00", price: 7.77}, {from: "08:00", until: "22:00", price: 11.11}]
  - {id: scale, mode: compute, node_grade: h100, cards_per_node: 8, price: 29999.99, per: month}
  - {id: egress, mode: usage, meter: gb, charge: flat, price: 1/3}
  - {id: steps, mode: usage, meter: gb, charge: stairstep, tiers: [{up_to: 500, flat: 0}, {flat: 99.99}]}
  - {id: talk, mode: usage, meter: tokens, charge: graduated, tiers: [{up_to: 1000, price: 0.01}, {price: 0.007}]}
  - {id: pack, mode: package, fee: 999.99, per: month, includes: {card: 20, talk: 600}, unused: rollover, rollover_share: 50%}
"""
CONTRACTS = {
    "mixed": """
items: [{item: scale, quantity: 1/3, devices: [h100-0001.0, h100-0001.1, h100-0001.2]}, {item: pack, quantity: 2}, {item: egress}, {item: steps}]
discounts: [{rate: 7%, modes: [hourly]}, {rate: 1/3, items: [pack]}]
minimum: 1234.56
commitments: [{amount: 90000}]
sla: {target: 99.5%, ladder: [{below: 99.5%, credit: 10%}, {below: 95%, credit: 1/3}]}
shares: [{party: owner, rate: 2/3}, {party: broker, rate: 5%}]
termination: {fee: 20%, refund: true}
""",
    "metered": "items: [{item: egress}, {item: talk}]\nshares: [{party: owner, rate: 10%}]\n",
}
PROGRAMME = """
programme: city
issuer: 市
currency: CNY
from: 2026-01-01
until: 2027-01-01
yearly_cap: 50000
classes: [{id: domestic, share: 30%, vendors: [Huawei]}, {id: other, share: 20%}]
"""
TENANTS = ("mixed", "metered", "hourly")


class Crash(BaseException):
    """The process is gone between two statements."""


class Shop:
    """The centre, what was sent to it, and every act that succeeded."""

    def __init__(self, directory: Path, seed: int, crash_share: float) -> None:
        self.random, self.crash_share = Random(seed), crash_share
        self.centre = SimulatedCentre(directory, seed, Policy(metering_step=timedelta(hours=6)))
        self.crashes = self.repeats = self.number = 0
        self.acts: list[Callable[[], Any]] = []
        self.sent: dict[str, MeterEvent] = {}
        self.payments: list[tuple[str, str]] = []
        self.leases = 0
        self.intake = Intake(self.centre.app)
        self._open()

    @property
    def app(self):
        return self.centre.app

    @property
    def now(self) -> datetime:
        return self.centre.clock.now()

    def _open(self) -> None:
        self.centre.install("h100", nodes=2, devices_per_node=4)
        self.done(lambda: contracts.publish_book(self.app, SYSTEM, BOOK))
        self.done(lambda: vouchers.publish_programme(self.app, SYSTEM, PROGRAMME))
        for name in TENANTS:
            credit = 5_000 * YUAN if name == "hourly" else 0
            self.done(
                lambda n=name, c=credit: identity.open_tenant(
                    self.app, SYSTEM, identity.NewTenant(id=n, credit_limit_micros=c)
                )
            )
        for name, terms in CONTRACTS.items():
            head = (
                f"contract: c\ntenant: {name}\nprice_book: list\nfrom: {FROM.date()}\nuntil: {UNTIL.date()}\n"
            )
            self.done(lambda d=head + terms: contracts.sign_contract(self.app, SYSTEM, d))

    # acting, crashing, repeating

    def done(self, act: Callable[[], Any], *, for_good: bool = True) -> Any:
        """Do it; perhaps the process goes down in the middle first, perhaps it is asked again. None: refused.

        `for_good`: asking for it once more at the end of the history must change nothing either.
        """
        if self.random.random() < self.crash_share:
            self._cut_off(act)
        try:
            answer = act()
        except Refused:
            return None
        self.acts += [act] if for_good else []
        if self.random.random() < 0.2:
            self.repeats += 1
            act()
        return answer

    def _cut_off(self, act: Callable[[], Any]) -> None:
        """Begin it, and lose the process at one of its statements; a new one opens the books again."""
        try:
            with crash_after(self.app.database, self.random.choice([1, 2, 3, 5, 8, 13, 21, 34, 55])):
                act()
        except (Crash, Refused):
            self.crashes += 1
            self.centre.restart()
            self.intake = Intake(self.app)

    def name(self, noun: str) -> str:
        self.number += 1
        return f"{noun}{self.number}"

    # what may happen

    def pass_time(self) -> None:
        self.centre.clock.advance(timedelta(seconds=self.random.randrange(3_600, 300_000)))
        self.turn()

    def turn(self) -> None:
        self.done(self.centre.turn)

    def send(self) -> None:
        """Events of now and of long ago, some twice in the batch, some known, some in dispute."""
        found = []
        for _ in range(self.random.randrange(1, 6)):
            if self.sent and self.random.random() < 0.25:
                one = self.random.choice([*self.sent.values()])
                found += [one, msgspec.structs.replace(one, data={"n": 10**6})]
                continue
            kind = self.random.choice(["gb", "tokens"])
            ago = timedelta(seconds=self.random.randrange(0, 20 * 86_400))
            at = max(self.now - ago, self.centre.clock.now() - timedelta(days=200))
            data = {"n": self.random.randrange(1, 400), "model": self.random.choice("ab")}
            name = self.name("e")
            found.append(
                MeterEvent(
                    source="gw", id=name, type=kind, tenant=self.random.choice(TENANTS), time=at, data=data
                )
            )
        self.random.shuffle(found)
        receipt = self.done(lambda: self.intake.send(SYSTEM, found))
        refused = {one.index for one in receipt.refused}
        for index, one in enumerate(found):
            if index not in refused:
                self.sent.setdefault(one.id, one)
                assert self.sent[one.id] == one, "the same id with other content was taken"

    def rent(self) -> None:
        name, tenant = self.name("l"), self.random.choice(["mixed", "hourly", "hourly"])
        hours = self.random.randrange(1, 40) / 3
        request = selling.NewQuote(
            id=name, model="h100", devices=self.random.randrange(1, 3), tenant=tenant, hours=hours
        )
        quote = self.done(lambda: selling.ask_quote(self.app, SYSTEM, request))
        if quote is not None and quote.available:
            self.leases += bool(
                self.done(lambda: selling.accept_quote(self.app, SYSTEM, f"{tenant}.{name}", name))
            )

    def pay(self) -> None:
        name, tenant = self.name("p"), self.random.choice(TENANTS)
        request = money.NewPayment(id=name, amount_micros=self.random.randrange(1, 40_000 * YUAN))
        if self.done(lambda: money.pay(self.app, SYSTEM, tenant, request)):
            self.payments.append((tenant, name))

    def refund(self) -> None:
        if self.payments:
            tenant, payment = self.random.choice(self.payments)
            request = money.NewRefund(
                id=self.name("r"), payment=payment, amount_micros=self.random.randrange(1, 3_000 * YUAN)
            )
            self.done(lambda: money.refund(self.app, SYSTEM, tenant, request))

    def change(self) -> None:
        item, quantity = self.random.choice(["pack", "scale"]), str(self.random.randrange(0, 4))
        request = contracts.NewChange(id=self.name("ch"), item=item, quantity=quantity, at=self.now)
        self.done(lambda: contracts.change_contract(self.app, SYSTEM, "mixed.c", request))

    def grant(self) -> None:
        tenant = self.random.choice(["mixed", "metered"])
        request = vouchers.NewVoucher(
            id=self.name("v"), programme="city", contract=f"{tenant}.c", model="h100",
            contract_micros=self.random.randrange(1, 20_000) * YUAN,
        )  # fmt: skip
        self.done(lambda: vouchers.grant_voucher(self.app, SYSTEM, request))

    def issue(self) -> None:
        """The invoice of a tenant for the month before this one, or for what ended a moment ago."""
        tenant, local = self.random.choice(TENANTS), self.now.astimezone(SHANGHAI)
        this = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        last = (this - timedelta(days=1)).replace(day=1)
        start, end = (last, this) if self.random.random() < 0.7 else (this, local)
        request = invoicing.NewInvoice(tenant=tenant, start=start, end=end)
        if start < end:
            self.done(lambda: invoicing.issue_invoice(self.app, SYSTEM, request))

    def credit(self) -> None:
        issued = invoicing.list_invoices(self.app, SYSTEM)
        if issued:
            one = self.random.choice(issued)
            request = invoicing.NewCreditNote(
                id=self.name("n"), amount_micros=self.random.randrange(1, 300_000) * FEN, reason="goodwill"
            )
            self.done(lambda: invoicing.credit_invoice(self.app, SYSTEM, one.id, request))

    def close(self) -> None:
        end = self.now - timedelta(days=self.random.randrange(4, 12))
        self.done(lambda: usage.close_period(self.app, SYSTEM, usage.NewClosing(end=end)))

    def adjust(self) -> None:
        closed = usage.list_closings(self.app, SYSTEM)
        if closed:
            end = self.random.choice(closed).end
            found = self.done(lambda: usage.adjust_period(self.app, SYSTEM, end), for_good=False)
            assert found is not None
            assert usage.adjust_period(self.app, SYSTEM, end).closing == found.closing

    def pay_out(self) -> None:
        request = sharing.NewPayout(id=self.name("o"), party=self.random.choice(["owner", "broker"]))
        self.done(lambda: sharing.pay_share(self.app, SYSTEM, request))

    def issuer_pays(self) -> None:
        request = vouchers.NewIssuerPayment(
            id=self.name("i"), amount_micros=self.random.randrange(1, 100 * YUAN)
        )
        self.done(lambda: vouchers.issuer_paid(self.app, SYSTEM, request))

    def fail(self) -> None:
        device, state = (
            f"h100-0001.{self.random.randrange(4)}",
            self.random.choice([DeviceState.DOWN, DeviceState.AVAILABLE]),
        )
        self.done(lambda: fleet.set_state(self.app, SYSTEM, device, state, "fan"), for_good=False)

    def step(self) -> None:
        weights: dict[Callable[[], None], int] = {
            self.pass_time: 6, self.turn: 3, self.send: 8, self.rent: 4, self.pay: 5, self.refund: 1, self.change: 1,
            self.grant: 1, self.issue: 4, self.credit: 2, self.close: 1, self.adjust: 1, self.pay_out: 1,
            self.issuer_pays: 1, self.fail: 2,
        }  # fmt: skip
        self.random.choices([*weights], [*weights.values()])[0]()


@contextmanager
def crash_after(database: Any, statements: int) -> Iterator[None]:
    """The process is lost when that many statements, commits included, have been begun."""
    left = [statements]

    def count(*_given: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise Crash

    def prepared(*given: Any) -> Any:
        count()
        return run(*given)

    engine, run = database._engine, Prepared._run
    names = ("before_cursor_execute", "commit")
    for name in names:
        event.listen(engine, name, count)
    try:
        with patch.object(Prepared, "_run", prepared):
            yield
    finally:
        for name in names:
            event.remove(engine, name, count)
