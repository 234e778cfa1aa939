"""A contract as it stands after changes and renewals."""

from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.billing.pricing.contract import Change, Contract, ContractItem
from penstock.billing.pricing.exact import read_exact
from penstock.billing.pricing.periods import MONTHS, months_after

replace = msgspec.structs.replace


def amended(contract: Contract, changes: Iterable[Change]) -> Contract:
    """The contract after its changes: what was agreed of an item ends then, and the new quantity begins.

    Positions keep their number, so that what was charged for them stays theirs.
    """
    items = list(contract.items)
    for change in sorted(changes, key=lambda change: change.at):
        for number, agreed in enumerate(items):
            if agreed.item == change.item and (agreed.end is None or agreed.end > change.at):
                items[number] = replace(agreed, end=change.at)
        quantity = read_exact(change.quantity)
        assert quantity is not None, "a change was checked when it was made"
        items.append(
            ContractItem(item=change.item, quantity=quantity, start=change.at, devices=change.devices)
        )
    return replace(contract, items=tuple(items))


def renewed(contract: Contract, now: datetime) -> Contract:
    """The contract with an end as late as its renewals have brought it by now."""
    if contract.renewal is None:
        return contract
    zone, end = ZoneInfo(contract.zone), contract.end
    for count in range(contract.renewal.times):
        if now < end:
            break
        end = months_after(contract.end, (count + 1) * MONTHS[contract.renewal.term], zone)
    return replace(contract, end=end)


def check_change(contract: Contract, change: Change, now: datetime) -> Refusal | None:
    """A change is inside the contract, not in the past, and of an item that is agreed."""
    quantity = read_exact(change.quantity)
    if quantity is None or not 0 <= quantity <= Fraction(10**9):
        return invalid(
            "quantity_absurd",
            f"{change.quantity[:40]!r} cannot be agreed",
            "give 0 to 1,000,000,000",
            "quantity",
        )
    if not contract.start <= change.at < contract.end:
        return invalid("change_outside", "the contract does not run then", "choose a time inside it", "at")
    if change.at < now:
        return Refusal("change_past", f"{change.at.isoformat()} has passed", "change it from now on", "at")
    return None
