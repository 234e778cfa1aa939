"""Figures that people publish about centres, held against each other and against the catalogue.

Nothing claimed becomes measured here: what is computed from claims is derived, and says from whom they are.
"""

import math
from collections.abc import Iterator
from typing import Literal

import msgspec

from penstock.base.figure import Figure, mixed
from penstock.base.quantity import Status
from penstock.base.refusal import Refusal
from penstock.fleet.accelerators import Catalogue, find, is_sparse_figure
from penstock.insight.economics.mistakes import Mistakes
from penstock.insight.economics.tranches import TFLOPS_PER_PFLOPS
from penstock.insight.economics.units import PPM, Amount, Compute, Share, Term

type Stage = Literal["built", "building", "planned"]
COUNT_MAX = 1e12
TOLERANCE = 0.15
"""Where a card's implied rate and its sheet are further apart than this, one of them is wrong."""


class CentreClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What somebody says of one centre, or of `count` centres together."""

    name: str
    stage: Stage = "built"
    count: int = 1
    investment: Amount | None = None
    compute: Compute | None = None
    build: Term | None = None
    racks: int | None = None
    cards: int | None = None
    model: str = ""
    computers: int | None = None
    """The number of personal computers that it is said to equal."""
    status: Status = "claimed"
    source: str = ""


class SpeedClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that took so many seconds and now takes fewer; `under` where the second is an upper limit."""

    name: str
    before_s: float
    after_s: float
    under: bool = False
    source: str = ""


class GapClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Demand beside supply. `factor` turns the supply into the demand's precision by the named `rule`."""

    name: str
    demand: Compute
    supply: Compute
    factor: float | None = None
    rule: str = ""
    source: str = ""


class IdleClaim(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site of so much compute of which a share stands idle."""

    name: str
    compute: Compute
    idle: Share
    source: str = ""


class Claims(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file of claims."""

    currency: Literal["CNY", "USD", "EUR", "HKD"] = "CNY"
    centres: tuple[CentreClaim, ...] = ()
    speeds: tuple[SpeedClaim, ...] = ()
    gaps: tuple[GapClaim, ...] = ()
    sites: tuple[IdleClaim, ...] = ()


class Warned(msgspec.Struct, frozen=True):
    """Something that does not agree: a stable code, what it is about, and a sentence."""

    code: str
    about: str
    message: str


class Examined(msgspec.Struct, frozen=True):
    """Figures by `subject.figure`, what does not agree, and what could not be computed."""

    figures: dict[str, Figure]
    warnings: tuple[Warned, ...]
    refusals: tuple[Refusal, ...]


def check_claims(claims: Claims) -> list[Refusal]:
    """Refusals for what cannot be, whoever says it; `where` is a path such as `centres[0].cards`."""
    found = Mistakes()
    for number, centre in enumerate(claims.centres):
        at = f"centres[{number}]"
        for name in ("count", "racks", "cards", "computers", "build"):
            given = getattr(centre, name)
            if given is not None:
                found.within(f"{at}.{name}", given, 1, COUNT_MAX)
        if centre.investment is not None and centre.investment <= 0:
            found.add(
                f"{at}.investment", "amount_not_positive", "nothing is invested", "give a positive amount"
            )
        _positive(found, f"{at}.compute", centre.compute)
    for number, speed in enumerate(claims.speeds):
        for name in ("before_s", "after_s"):
            found.within(f"speeds[{number}].{name}", getattr(speed, name), 1e-9, COUNT_MAX, " s")
    for number, gap in enumerate(claims.gaps):
        _positive(found, f"gaps[{number}].demand", gap.demand)
        _positive(found, f"gaps[{number}].supply", gap.supply)
        if gap.factor is not None:
            found.within(f"gaps[{number}].factor", gap.factor, 1e-6, 1e6)
    for number, site in enumerate(claims.sites):
        _positive(found, f"sites[{number}].compute", site.compute)
        found.share(f"sites[{number}].idle", site.idle)
    return found.refusals


def _positive(found: Mistakes, path: str, compute: Compute | None) -> None:
    if compute is not None and compute.pflops <= 0:
        found.add(path, "amount_not_positive", "no compute is claimed", "give a positive amount")


def examine(claims: Claims, known: Catalogue) -> Examined:
    """What follows from the claims."""
    figures: dict[str, Figure] = {}
    warnings: list[Warned] = []
    refusals: list[Refusal] = []
    for centre in claims.centres:
        figures |= {f"{centre.name}.{name}": one for name, one in _centre(centre, claims.currency, known)}
        warnings += _doubts(centre, known)
    for stage in ("built", "building", "planned"):
        counted = sum(centre.count for centre in claims.centres if centre.stage == stage)
        if counted:
            figures[f"centres.{stage}"] = Figure(
                value=counted, unit="centres", population=f"centres said to be {stage}", status="claimed"
            )
    for speed in claims.speeds:
        figures[f"{speed.name}.speed_up"] = Figure(
            value=math.floor(speed.before_s / speed.after_s)
            if speed.under
            else speed.before_s / speed.after_s,
            unit="times or more" if speed.under else "times",
            population=f"{speed.name}; no benchmark is attached",
            status="claimed",
            source=speed.source,
        )
    for number, gap in enumerate(claims.gaps):
        found = _gap(gap, f"gaps[{number}]")
        if isinstance(found, Refusal):
            refusals.append(found)
        else:
            figures |= found
    for site in claims.sites:
        figures |= _site(site)
    return Examined(figures, tuple(warnings), tuple(refusals))


def _centre(centre: CentreClaim, currency: str, known: Catalogue) -> Iterator[tuple[str, Figure]]:
    about = f"{centre.name}, {centre.stage}, as {centre.status}"

    def derived(value: float | int | None, unit: str) -> Figure:
        return Figure(value=value, unit=unit, population=about, status="derived", source=centre.source)

    compute, pflops = centre.compute, centre.compute.pflops if centre.compute else 0.0
    if compute and pflops:
        yield (
            "compute",
            Figure(
                value=pflops, unit=compute.unit, population=about, status=centre.status, source=centre.source
            ),
        )
        if centre.investment:
            yield (
                "investment_intensity",
                derived(round(centre.investment / pflops), f"micros {currency} per {compute.unit}"),
            )
        yield "per_rack", derived(pflops / centre.racks if centre.racks else None, f"{compute.unit} per rack")
        if centre.computers:
            unit = compute.unit.replace("PFLOPS", "TFLOPS")
            yield (
                "per_computer",
                derived(pflops * TFLOPS_PER_PFLOPS / centre.computers, f"{unit} per computer"),
            )
        if centre.cards:
            unit = compute.unit.replace("PFLOPS", "TFLOPS")
            yield "per_card", derived(pflops * TFLOPS_PER_PFLOPS / centre.cards, f"{unit} per card")
        sheet = _sheet(centre, known)
        if sheet:
            yield "implied_cards", derived(math.ceil(pflops * TFLOPS_PER_PFLOPS / sheet), "cards")
    if centre.build:
        yield (
            "build_time",
            Figure(value=int(centre.build), unit="months", population=about, status=centre.status),
        )
    dense = _dense_pflops(centre, known)
    if dense is not None and compute:
        yield "dense_compute", derived(dense, f"{compute.unit} dense")


def _sheet(centre: CentreClaim, known: Catalogue) -> float:
    """Dense TFLOPS of one card at the claim's precision; fp16 where none is stated; 0 where unknown."""
    precision = (centre.compute.precision if centre.compute else "") or "fp16"
    models = find(centre.model, known) if centre.model else ()
    rates = [rate.tflops for model in models for rate in model.rates if rate.precision == precision]
    return rates[0] if rates else 0.0


def _is_sparse(centre: CentreClaim, known: Catalogue) -> bool:
    models = find(centre.model, known) if centre.model else ()
    if not (models and centre.cards and centre.compute):
        return False
    per_card = centre.compute.pflops * TFLOPS_PER_PFLOPS / centre.cards
    precision = centre.compute.precision or "fp16"
    return any(
        is_sparse_figure(model, rate.precision, per_card)
        for model in models
        for rate in model.rates
        if rate.precision == precision
    )


def _dense_pflops(centre: CentreClaim, known: Catalogue) -> float | None:
    """Half of a sparse claim: structured sparsity counts every second product that is never made."""
    return centre.compute.pflops / 2 if centre.compute and _is_sparse(centre, known) else None


def _doubts(centre: CentreClaim, known: Catalogue) -> Iterator[Warned]:
    sheet = _sheet(centre, known)
    if not (sheet and centre.cards and centre.compute):
        return
    per_card = centre.compute.pflops * TFLOPS_PER_PFLOPS / centre.cards
    implied = math.ceil(centre.compute.pflops * TFLOPS_PER_PFLOPS / sheet)
    if _is_sparse(centre, known):
        yield Warned(
            "sparse_figure",
            centre.name,
            f"{per_card:,.0f} TFLOPS per card is the sparse figure of {centre.model}; dense it is {sheet:,.0f}, so the "
            f"centre has {_dense_pflops(centre, known):,.0f} PFLOPS dense, and a rent per PFLOPS buys half as much",
        )
    elif abs(per_card - sheet) > TOLERANCE * sheet:
        yield Warned(
            "cards_contradict",
            centre.name,
            f"{centre.compute.pflops:,.0f} PFLOPS are {implied:,} cards of {centre.model} at "
            f"{sheet:,.0f} TFLOPS; {centre.cards:,} cards would have {per_card:,.0f} TFLOPS each: "
            "which models and which precision are meant?",
        )


def _gap(gap: GapClaim, where: str) -> dict[str, Figure] | Refusal:
    demand, supply = gap.demand, gap.supply
    if demand.precision != supply.precision and gap.factor is None:
        named = (supply.precision or "an unstated precision", demand.precision or "an unstated precision")
        return mixed([f"PFLOPS {name}" for name in named], where)
    offered = supply.pflops * (1.0 if gap.factor is None else gap.factor)
    rule = (
        f"; supply × {gap.factor:g} by {gap.rule or 'a rule without a name'}"
        if gap.factor is not None
        else ""
    )
    about = f"{gap.name}, nameplate{rule}"

    def figure(value: float, unit: str) -> Figure:
        return Figure(value=value, unit=unit, population=about, status="derived", source=gap.source)

    return {
        f"{gap.name}.gap": figure(demand.pflops - offered, demand.unit),
        f"{gap.name}.coverage": figure(100 * offered / demand.pflops, "percent of demand"),
    }


def _site(site: IdleClaim) -> dict[str, Figure]:
    def figure(value: float, about: str, status: Status) -> Figure:
        population = f"{site.name}, {about}"
        return Figure(
            value=value, unit=site.compute.unit, population=population, status=status, source=site.source
        )

    used = site.compute.pflops * (PPM - site.idle) / PPM
    return {
        f"{site.name}.nameplate": figure(site.compute.pflops, "nameplate", "claimed"),
        f"{site.name}.effective": figure(used, "nameplate less what stands idle", "derived"),
    }
