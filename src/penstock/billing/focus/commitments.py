"""The Contract Commitment dataset: spend that contracts promise, and which charges count towards it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from penstock.base.money import Micros
from penstock.base.window import Window
from penstock.billing.export import Tabular, amount, quantity
from penstock.billing.focus.columns import CONTRACT_COMMITMENT
from penstock.billing.model import ChargeLine
from penstock.billing.pricing.book import Term
from penstock.billing.pricing.contract import Commitment, Contract
from penstock.billing.pricing.exact import to_micros
from penstock.billing.pricing.periods import share_of, terms
from penstock.billing.pricing.posting import ContractLine
from penstock.billing.pricing.signed import SignedContract, contract_of, runs_until

_INTERVALS = {"month": "Monthly", "year": "Annual", "contract": "Full Commitment Period"}
_PAID = {"month": "Monthly", "year": "Annual", "contract": "One-Time"}


class Agreed(msgspec.Struct, frozen=True):
    """A contract that promises spend, as it stands, and what it was signed as."""

    signed: SignedContract
    contract: Contract
    end: datetime

    @property
    def ids(self) -> list[str]:
        """An id for each commitment."""
        return [f"{self.contract.id}/commitment/{n}" for n in range(1, len(self.contract.commitments) + 1)]


def agreed(signed: Iterable[SignedContract], now: datetime) -> list[Agreed]:
    """Those of the contracts that promise spend."""
    found = (Agreed(one, contract_of(one, now), runs_until(one, now)) for one in signed)
    return [one for one in found if one.contract.commitments]


def counted(line: ChargeLine | ContractLine, known: Sequence[Agreed]) -> list[str]:
    """The commitments that a charge counts towards: its contract's, and card time that ends in a contract's time."""
    if isinstance(line, ContractLine):
        return [
            name
            for one in known
            if one.contract.id == line.contract and line.kind not in ("true_up", "termination")
            for name in one.ids
        ]
    return [
        name
        for one in known
        if one.contract.tenant == line.tenant and one.contract.start < line.end <= one.end
        for name in one.ids
    ]


def applied(names: Sequence[str], micros: Micros) -> str | None:
    """The Contract Applied object of a charge; None where it counts towards nothing."""
    if not names:
        return None
    cost = msgspec.Raw(f"{amount(micros):f}".encode())
    elements = [
        {
            "ContractId": name.rpartition("/commitment/")[0],
            "ContractCommitmentId": name,
            "ContractCommitmentAppliedCost": cost,
        }
        for name in names
    ]
    return msgspec.json.encode({"Elements": elements}).decode()


def contract_commitments(
    known: Iterable[Agreed],
    spent: Mapping[str, Micros],
    currencies: Mapping[str, str],
    now: datetime,
    provider: str,
) -> Tabular:
    """One record per commitment. `spent`: commitment -> what counts towards it; `currencies`: of each tenant."""
    rows = [
        _row(one, name, commitment, spent.get(name, 0), now)
        | {"BillingCurrency": currencies[one.contract.tenant]}
        | dict.fromkeys(("InvoiceIssuerName", "ServiceProviderName"), provider)
        for one in known
        for name, commitment in zip(one.ids, one.contract.commitments, strict=True)
    ]
    return Tabular(
        CONTRACT_COMMITMENT, [tuple(row.get(name) for name in CONTRACT_COMMITMENT) for row in rows]
    )


def _row(one: Agreed, name: str, commitment: Commitment, spent: Micros, now: datetime) -> dict[str, Any]:
    contract, promised = one.contract, total(one.contract, commitment)
    changed = max([one.signed.signed_at, *filter(None, (one.signed.terminated_at,))])
    applicability = {
        "IsGlobalScope": False,
        "InclusionOperator": "And",
        "Inclusions": [{"Dimension": "BillingAccountId", "Operator": "In", "Values": [contract.tenant]}],
    }
    return {
        "ContractCommitmentApplicability": msgspec.json.encode(applicability).decode(),
        "ContractCommitmentBenefitCategory": "Other",
        "ContractCommitmentCategory": "Spend",
        "ContractCommitmentCost": amount(promised),
        "ContractCommitmentCreated": one.signed.signed_at,
        "ContractCommitmentDescription": commitment.name or contract.name or contract.id,
        "ContractCommitmentDurationType": duration(contract),
        "ContractCommitmentFulfillmentInterval": _INTERVALS[commitment.per],
        "ContractCommitmentId": name,
        "ContractCommitmentLastUpdated": changed,
        "ContractCommitmentLifecycleStatus": _status(one, promised, spent, now),
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentOfferCategory": "Negotiated",
        "ContractCommitmentPaymentInterval": _PAID[commitment.per],
        "ContractCommitmentPaymentModel": "No Upfront",
        "ContractCommitmentPaymentUpfrontPercentage": quantity(Fraction(0)),
        "ContractCommitmentPeriodStart": contract.start,
        "ContractCommitmentPeriodEnd": contract.end,
        "ContractCommitmentType": "Committed spend with true-up",
        "ContractId": contract.id,
        "ContractPeriodStart": contract.start,
        "ContractPeriodEnd": contract.end,
    }


def total(contract: Contract, commitment: Commitment) -> Micros:
    """What a commitment comes to over its contract; of a term cut short by the contract's end, pro rata."""
    if commitment.per == "contract":
        return to_micros(commitment.amount)
    every = terms(contract.window, commitment.per, ZoneInfo(contract.zone))
    parts = [(term.overlap(contract.window), term) for term in every]
    return to_micros(
        sum((commitment.amount * share_of(part, term) for part, term in parts if part), Fraction(0))
    )


def _status(one: Agreed, promised: Micros, spent: Micros, now: datetime) -> str:
    if now < one.contract.start:
        return "Pending"
    if one.end <= now:
        return "Canceled" if one.end < one.contract.end else "Expired"
    return "Exhausted" if spent >= promised else "Active"


def duration(contract: Contract) -> str:
    """The length of a contract in whole months or years where it is that, else in days begun."""
    zone = ZoneInfo(contract.zone)
    ends: tuple[tuple[str, Term], ...] = (("Year", "year"), ("Month", "month"))
    for word, per in ends:
        every = [*terms(contract.window, per, zone)]
        if every[-1].end == contract.end:
            return f"{len(every)} {word}{'s' if len(every) > 1 else ''}"
    days = -(-Window(contract.start, contract.end).duration_us // 86_400_000_000)
    return f"{days} Day{'s' if days > 1 else ''}"
