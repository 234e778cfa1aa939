"""What no contract may say, judged against its price book."""

from collections.abc import Iterator
from fractions import Fraction

from penstock.base.ids import check_id
from penstock.base.refusal import Refusal, invalid
from penstock.billing.pricing.book import ComputeItem, PriceBook
from penstock.billing.pricing.check import unknown
from penstock.billing.pricing.contract import Contract
from penstock.billing.pricing.exact import amount_out_of_range
from penstock.billing.pricing.reading import Places, Read, read_document, zone_of
from penstock.billing.pricing.voucher import Programme

QUANTITY_MAX = Fraction(10**9)
AMOUNT_MAX = Fraction(10**12)


def parse_contract(content: str | bytes, filename: str) -> Read[Contract] | tuple[Refusal, ...]:
    """The contract of a YAML or JSON text with the places of its values, or what is wrong with its form."""
    return read_document(content, Contract, filename)


def check_contract(contract: Contract, places: Places, book: PriceBook) -> tuple[Refusal, ...]:
    """Every rule that types cannot say, against the book that it refers to."""
    return tuple(
        refusal
        for found in (
            _head(contract, places, book),
            _items(contract, places, book),
            _conditions(contract, places, book),
        )
        for refusal in found
    )


def _head(contract: Contract, places: Places, book: PriceBook) -> Iterator[Refusal]:
    refusal = check_id(contract.id, places.of("contract"))
    if isinstance(refusal, Refusal):
        yield refusal
    if zone_of(contract.zone) is None:
        yield invalid(
            "zone_unknown",
            f"{contract.zone[:40]!r} is no time zone",
            "write Asia/Shanghai",
            places.of("zone"),
        )
    if contract.end <= contract.start:
        yield invalid("window_reversed", "it ends before it begins", "give a later end", places.of("until"))
    elif (contract.end - contract.start).days > 20 * 366:
        yield invalid(
            "duration_absurd", "a contract lasts at most 20 years", "shorten it", places.of("until")
        )
    if contract.start < book.start or (book.end is not None and contract.end > book.end):
        yield Refusal(
            "book_not_valid",
            f"{book.id} is not valid over all of it",
            "use another book",
            places.of("price_book"),
        )


def _items(contract: Contract, places: Places, book: PriceBook) -> Iterator[Refusal]:
    for number, agreed in enumerate(contract.items):
        where = places.of(f"items[{number}]")
        item = book.item(agreed.item)
        if item is None:
            yield unknown("item", agreed.item, [one.id for one in book.items], where)
        if not 0 < agreed.quantity <= QUANTITY_MAX:
            yield invalid("quantity_absurd", f"{agreed.quantity} of an item", "give more than 0", where)
        start, end = agreed.start or contract.start, agreed.end or contract.end
        if not contract.start <= start < end <= contract.end:
            yield invalid(
                "item_outside", "its time is not inside the contract's", "mend from and until", where
            )
        if agreed.devices and not isinstance(item, ComputeItem):
            yield invalid("field_misplaced", "devices deliver a compute item only", "leave them out", where)


def _conditions(contract: Contract, places: Places, book: PriceBook) -> Iterator[Refusal]:
    for number, discount in enumerate(contract.discounts):
        where = places.of(f"discounts[{number}]")
        yield from _share(discount.rate, where)
        for name in discount.items:
            if book.item(name) is None:
                yield unknown("item", name, [one.id for one in book.items], where)
    yield from _promised(contract, places)
    yield from _share(contract.termination.fee, places.of("termination"))
    for share in contract.shares:
        yield from _share(share.rate, places.of("shares"))
    if sum(share.rate for share in contract.shares) > 1:
        yield invalid(
            "shares_exceed", "the parties get more than there is", "lower a rate", places.of("shares")
        )
    yield from _sla(contract, places)


def _promised(contract: Contract, places: Places) -> Iterator[Refusal]:
    amounts = [("minimum", contract.minimum)]
    amounts += [(f"commitments[{n}]", one.amount) for n, one in enumerate(contract.commitments)]
    for path, amount in amounts:
        if amount < 0:
            yield invalid(
                "amount_negative", "what is promised is not negative", "give 0 or more", places.of(path)
            )
        elif amount > AMOUNT_MAX:
            yield amount_out_of_range(amount, places.of(path))


def _sla(contract: Contract, places: Places) -> Iterator[Refusal]:
    steps = () if contract.sla is None else contract.sla.ladder
    for step in steps:
        yield from _share(step.credit, places.of("sla"))
        yield from _share(step.below, places.of("sla"))
        if contract.sla is not None and step.below > contract.sla.target:
            yield invalid(
                "ladder_above_target", "a step begins above the target", "lower it", places.of("sla.ladder")
            )


def _share(rate: Fraction, where: str) -> Iterator[Refusal]:
    if not 0 <= rate <= 1:
        yield invalid("rate_absurd", f"{rate} is no share of a whole", "write 10%", where)


def parse_programme(content: str | bytes, filename: str) -> Programme | tuple[Refusal, ...]:
    """The voucher programme of a text, or every mistake in it."""
    found = read_document(content, Programme, filename)
    if not isinstance(found, Read):
        return found
    refusals = tuple(_programme(found.value, found.places))
    return refusals or found.value


def _programme(programme: Programme, places: Places) -> Iterator[Refusal]:
    refusal = check_id(programme.id, places.of("programme"))
    if isinstance(refusal, Refusal):
        yield refusal
    if programme.end <= programme.start:
        yield invalid("window_reversed", "it ends before it begins", "give a later end", places.of("until"))
    if sum(not one.vendors for one in programme.classes) > 1:
        yield invalid(
            "classes_overlap", "two classes take all other chips", "name vendors", places.of("classes")
        )
    for one in programme.classes:
        yield from _share(one.share, places.of("classes"))
    if not 0 < programme.yearly_cap <= AMOUNT_MAX:
        yield invalid("amount_out_of_range", "a cap is more than 0", "mend it", places.of("yearly_cap"))
