"""From statements to lines: what a position comes to now, less what was charged for it before.

So lines telescope: however often a statement is taken, the lines of a position sum to its amount in micros.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction

import msgspec

from penstock.base.ids import derived_id
from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.pricing.book import PriceBook
from penstock.billing.pricing.contract import Contract, RevenueShare
from penstock.billing.pricing.exact import exact_text, to_micros
from penstock.billing.pricing.facts import Entry
from penstock.billing.pricing.tax import net_share

ZERO = Fraction(0)


class ContractLine(msgspec.Struct, frozen=True, kw_only=True):
    """What changed of one position of a contract's statement; unique by (contract, key, sequence).

    `quantity` and `unit_price` are exact text (`12.5` or `1/3`); quantities of a key's lines add up, as the
    amounts do. `due`: the invoice of the period that holds it takes the line. `amount_micros` may be negative.
    """

    id: str
    tenant: str
    contract: str
    key: str
    sequence: int
    mode: str
    item: str
    kind: str
    unit: str
    start: datetime
    end: datetime
    due: datetime
    quantity: str
    unit_price: str
    amount_micros: Micros
    currency: str
    name: str = ""
    tier: int = 0
    transfer: str | None = None
    invoice: str | None = None

    @property
    def deferred(self) -> bool:
        """Whether it is paid ahead and earned over its window."""
        return is_deferred(self.mode, self.kind, self.item)


def is_deferred(mode: str, kind: str, item: str) -> bool:
    """A package's fee and what is taken off it; the other positions are earned when they are charged."""
    return mode == "package" and (kind == "fee" or (kind == "discount" and bool(item)))


def lines_due(
    contract: Contract,
    currency: str,
    entries: Iterable[Entry],
    posted: Sequence[ContractLine],
    until: datetime,
) -> list[ContractLine]:
    """The lines that bring what was posted to what the entries say; none where nothing changed.

    A position that was charged and is no longer in the statement goes back to nothing.
    """
    before: defaultdict[str, list[ContractLine]] = defaultdict(list)
    for line in posted:
        before[line.key].append(line)
    found = []
    for entry in entries:
        earlier = before.pop(entry.key, [])
        line = _line(contract, currency, entry, earlier, until)
        found += [line] if line is not None else []
    for earlier in before.values():
        gone = _line(contract, currency, _nothing(earlier[-1]), earlier, until)
        found += [gone] if gone is not None else []
    return found


def _line(
    contract: Contract, currency: str, entry: Entry, earlier: Sequence[ContractLine], until: datetime
) -> ContractLine | None:
    quantity = entry.quantity - sum((exact(line.quantity) for line in earlier), ZERO)
    amount = to_micros(entry.amount) - sum(line.amount_micros for line in earlier)
    if not quantity and not amount:
        return None
    sequence = len(earlier)
    in_advance = entry.kind == "fee"
    return ContractLine(
        id=derived_id("contract_line", contract.id, entry.key, sequence),
        tenant=contract.tenant,
        contract=contract.id,
        key=entry.key,
        sequence=sequence,
        mode=entry.mode,
        item=entry.item,
        kind=entry.kind,
        unit=entry.unit,
        start=entry.window.start,
        end=entry.window.end,
        due=entry.window.start if in_advance else min(entry.window.end, until),
        quantity=exact_text(quantity),
        unit_price=exact_text(entry.unit_price),
        amount_micros=amount,
        currency=currency,
        name=entry.name,
        tier=entry.tier,
    )


def exact(text: str) -> Fraction:
    """The number of a text that we wrote."""
    numerator, _, denominator = text.partition("/")
    return Fraction(numerator) / Fraction(denominator or 1)


def _nothing(line: ContractLine) -> Entry:
    return Entry(
        key=line.key,
        mode=line.mode,
        item=line.item,
        kind=line.kind,
        unit=line.unit,
        window=Window(line.start, line.end),
        quantity=ZERO,
        unit_price=exact(line.unit_price),
        amount=ZERO,
        name=line.name,
        tier=line.tier,
    )


def recognised(entries: Iterable[Entry], until: datetime) -> Micros:
    """How much of what is paid ahead is earned by then: straight-line over each window, all of it at its end."""
    return sum(
        to_micros(entry.amount * elapsed(entry.window, until))
        for entry in entries
        if is_deferred(entry.mode, entry.kind, entry.item)
    )


def elapsed(window: Window, until: datetime) -> Fraction:
    """Which part of a window has passed."""
    if until >= window.end:
        return Fraction(1)
    if until <= window.start:
        return ZERO
    return Fraction(Window(window.start, until).duration_us, window.duration_us)


def earned_by_mode(
    book: PriceBook, entries: Iterable[Entry], hourly: Iterable[tuple[datetime, Micros]], until: datetime
) -> dict[str, Fraction]:
    """What was earned under each mode by then, in currency units and without tax that is inside the price.

    `hourly`: the card time of the contract's tenant, charged by the hour, with the time that it was used.
    """
    sums: defaultdict[str, Fraction] = defaultdict(Fraction)
    for entry in entries:
        earned = entry.amount
        if is_deferred(entry.mode, entry.kind, entry.item):
            earned *= elapsed(entry.window, until)
        sums[entry.mode] += earned * net_share(book, entry.mode, entry.window.start)
    for at, amount in hourly:
        sums["hourly"] += Fraction(amount, 10**6) * net_share(book, "hourly", at)
    return dict(sums)


def share_targets(
    shares: Iterable[RevenueShare], earned: Mapping[str, Fraction]
) -> dict[tuple[str, str], Micros]:
    """(party, mode) -> what is the party's of what was earned so far."""
    return {
        (share.party, mode): to_micros(amount * share.rate)
        for share in shares
        for mode, amount in earned.items()
    }
