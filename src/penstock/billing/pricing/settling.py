"""The transfers behind contract lines: paid from the balance or owed, given back, earned over time, shared."""

from collections.abc import Mapping
from datetime import datetime

from penstock.base.ids import derived_id
from penstock.base.money import Micros
from penstock.billing.pricing.posting import ContractLine
from penstock.ledger.chart import (
    CHARGE,
    DEFERRED,
    GIVEN_BACK,
    PREPAID,
    RECEIVABLE,
    RECOGNITION,
    REVENUE,
    REVENUE_PACKAGE,
    REVENUE_SHARE,
    SHARES,
    SLA_CREDITS,
    centre_account,
    tenant_account,
)
from penstock.ledger.model import Account, Transfer


def account_of(line: ContractLine) -> str:
    """The centre's account that a line is booked on."""
    name = SLA_CREDITS if line.kind == "sla_credit" else DEFERRED if line.deferred else REVENUE[line.mode]
    return centre_account(name, line.currency)


def settle_line(line: ContractLine, prepaid: Account, at: datetime) -> list[Transfer]:
    """The transfers that post a line: from the available balance, the rest owed; below zero, back to the balance."""
    account = account_of(line)
    if line.amount_micros < 0:
        return [_transfer(line, 0, account, prepaid.id, -line.amount_micros, at, GIVEN_BACK)]
    available = line.amount_micros if prepaid.floor_micros is None else max(prepaid.available_micros, 0)
    from_balance = min(line.amount_micros, available)
    parts = (
        (tenant_account(line.tenant, PREPAID), from_balance),
        (tenant_account(line.tenant, RECEIVABLE), line.amount_micros - from_balance),
    )
    return [
        _transfer(line, number, payer, account, amount, at, CHARGE)
        for number, (payer, amount) in enumerate(part for part in parts if part[1])
    ]


def first_transfer(line: ContractLine) -> str | None:
    """The id of the first transfer of a line; None where nothing is charged."""
    return derived_id(CHARGE, line.id, 0) if line.amount_micros else None


def _transfer(
    line: ContractLine, number: int, debit: str, credit: str, amount: Micros, at: datetime, kind: str
) -> Transfer:
    return Transfer(
        id=derived_id(CHARGE, line.id, number),
        debit=debit,
        credit=credit,
        amount_micros=amount,
        currency=line.currency,
        at=at,
        kind=kind,
        key=line.id,
    )


def recognition_key(contract: str) -> str:
    """The key of all transfers that earn a contract's deferred revenue."""
    return f"earned/{contract}"


def share_key(contract: str, party: str, mode: str) -> str:
    """The key of all transfers of a party's share of what a contract earned under a mode."""
    return f"share/{contract}/{party}/{mode}"


def streams_due(
    contract: str,
    currency: str,
    earned_micros: Micros,
    shares: Mapping[tuple[str, str], Micros],
    posted: Mapping[str, tuple[Micros, int]],
    at: datetime,
) -> list[Transfer]:
    """The transfers that bring what is earned and shared to where it should be; none where it is there.

    `posted`: key -> what its transfers sum to so far, and how many they are.
    """
    deferred, revenue = (centre_account(name, currency) for name in (DEFERRED, REVENUE_PACKAGE))
    wanted = [(recognition_key(contract), earned_micros, deferred, revenue, RECOGNITION)]
    for (party, mode), amount in sorted(shares.items()):
        source = centre_account(REVENUE[mode], currency)
        target = centre_account(SHARES[party], currency)
        wanted.append((share_key(contract, party, mode), amount, source, target, REVENUE_SHARE))
    found = []
    for key, target_micros, debit, credit, kind in wanted:
        so_far, count = posted.get(key, (0, 0))
        difference = target_micros - so_far
        if difference:
            sides = (debit, credit) if difference > 0 else (credit, debit)
            found.append(
                Transfer(
                    id=derived_id(kind, key, count),
                    debit=sides[0],
                    credit=sides[1],
                    amount_micros=abs(difference),
                    currency=currency,
                    at=at,
                    kind=kind,
                    key=key,
                )
            )
    return found
