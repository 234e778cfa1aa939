"""Demand that was not served, by what would have let it in: what to mend first, in card-hours and in money."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from penstock.base.figure import Tag
from penstock.base.money import Micros, format_amount
from penstock.base.quantity import WHOLE, CardMicroseconds, card_time
from penstock.base.window import MICROSECOND, US_PER_HOUR, Window, to_us
from penstock.fleet.device import Device
from penstock.insight.claims import ANY_MODEL
from penstock.insight.model import Line
from penstock.insight.opened import Interval
from penstock.lease.job import Job, JobSpec, Wait
from penstock.lease.offer import Quote

BUSY = "busy"
"""A queue, as long as the job still waits in it; it is refused demand once the job has left it."""

type Remedy = Literal["port", "buy", "defragment", "quota", "price", "place", "memory", "booking", "expand"]

REMEDY_OF: dict[str, Remedy] = {
    Line.NO_FIT_SOFTWARE: "port",
    Line.NO_FIT_MODEL: "buy",
    Line.NO_FIT_MEMORY: "memory",
    Line.NO_FIT_FRAGMENTATION: "defragment",
    Line.NO_FIT_TOPOLOGY: "defragment",
    Line.NO_FIT_BOOKING: "booking",
    Line.NO_FIT_QUOTA: "quota",
    Line.NO_FIT_PRICE: "price",
    Line.NO_FIT_PLACE: "place",
    BUSY: "expand",
}


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """One job or quote of a window that was kept waiting or turned away, by one reason.

    `card_us` is what was never served: for a job that no attempt was ever made of, its devices for its time
    limit, or for as long as it waited where it has none; for a quote, its devices over its window.
    `delayed_card_us` is what it waited: its devices for that long.
    """

    id: str
    source: Literal["job", "quote"]
    tenant: str
    reason: str
    what: str
    delayed_card_us: CardMicroseconds = 0
    card_us: CardMicroseconds = 0
    value_micros: Micros = 0
    priced: bool = True


class LostRow(msgspec.Struct, frozen=True, kw_only=True):
    """What one remedy would have let in.

    `what` is the chip to port to or to buy, the size of the gang to defragment for, the tenant whose quota
    binds, the price that was too high, the memory that was wanted. `lost_*` is of `refused` asks, which were
    never served; `delayed_card_us` is the waiting of all `asks`; `idle_*` is what stood free meanwhile
    because of it, as the ladder has it. `unpriced` of the refused wanted a model that has no price here.
    """

    remedy: Remedy
    what: str
    reason: str
    source: Literal["job", "quote"]
    asks: int
    tenants: int
    refused: int
    unpriced: int
    lost_card_us: CardMicroseconds
    lost_value_micros: Micros
    delayed_card_us: CardMicroseconds
    idle_card_us: CardMicroseconds = 0
    idle_value_micros: Micros = 0


class LostRevenue(msgspec.Struct, frozen=True, kw_only=True):
    """Refused and delayed demand of a window, the dearest remedy first.

    Each job that never ran is in one row, that of the reason it waited for longest; its waiting is in the
    rows of all its reasons. `submitted` and `quoted` are all jobs and quotes of the window.
    """

    start: datetime
    end: datetime
    currency: str
    submitted: int
    quoted: int
    refused: int
    lost_card_us: CardMicroseconds
    lost_value_micros: Micros
    rows: tuple[LostRow, ...]
    population: str = ""
    """What its numbers are about; `numbers` says of each, by the name of its field, its unit and status."""
    numbers: dict[str, Tag] = {}


def lost_numbers(currency: str) -> dict[str, Tag]:
    """Asks are counted as recorded; what was never served is reckoned from what was asked for."""
    time, money = Tag("card-microseconds", "derived"), Tag(f"micros {currency}", "derived")
    measured = Tag("card-microseconds", "measured")
    counts = {"submitted": "jobs", "quoted": "quotes", "refused": "asks", "asks": "asks", "unpriced": "asks"}
    return {
        **{name: Tag(unit, "measured") for name, unit in (counts | {"tenants": "tenants"}).items()},
        "lost_card_us": time,
        "lost_value_micros": money,
        "delayed_card_us": measured,
        "idle_card_us": measured,
        "idle_value_micros": money,
    }


def asks_of_jobs(
    waits: Sequence[Wait],
    jobs: Mapping[str, Job],
    devices: Sequence[Device],
    prices: Mapping[str, Micros],
    window: Window,
) -> list[Ask]:
    """The asks of jobs, one for each job and reason. `prices` are by model, per card-hour."""
    stacks = {device.model: device.stack for device in devices}
    waited: dict[str, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for wait in waits:
        seen = Window(wait.start, wait.end or window.end).overlap(window) if wait.lease is None else None
        if seen is not None and wait.reason in REMEDY_OF:
            what = what_to_mend(wait.reason, jobs[wait.job], stacks, prices)
            waited[wait.job][wait.reason, what] += seen.duration_us
    found = []
    for name, own in waited.items():
        job = jobs[name]
        longest = max(own, key=lambda key: (own[key], key))
        length_us = asked_us(job.spec, sum(own.values()))
        for key, time_us in own.items():
            gone = job.ended_at is not None or key[0] != BUSY
            refused = not job.attempts and key == longest and gone
            price = _price(key[0], job, stacks, prices)
            card_us = _cards(job.spec, length_us) if refused else 0
            found.append(
                Ask(
                    id=name,
                    source="job",
                    tenant=job.tenant,
                    reason=key[0],
                    what=key[1],
                    delayed_card_us=_cards(job.spec, time_us),
                    card_us=card_us,
                    value_micros=card_us * (price or 0) // US_PER_HOUR,
                    priced=price is not None,
                )
            )
    return found


def asked_us(spec: JobSpec, waited_us: int) -> int:
    """How long a job that never ran is taken to have wanted to: its limit, or else as long as it waited."""
    return timedelta(seconds=spec.time_limit_s) // MICROSECOND if spec.time_limit_s else waited_us


def _cards(spec: JobSpec, elapsed_us: int) -> CardMicroseconds:
    return card_time(spec.devices, spec.resources.device_share, elapsed_us)


def asks_of_quotes(
    quotes: Sequence[Quote], window: Window, now: datetime, reason_of: Callable[[Quote], str]
) -> list[Ask]:
    """Quotes of the window that came to nothing: not available, by its reason; or left to expire, by its price.

    Who asks ten times wanted it once: of a tenant's quotes for one model the largest counts, and none where
    the tenant accepted one for that model in the window.
    """
    asked = [quote for quote in quotes if window.contains(quote.created_at)]
    served = {(quote.tenant, quote.model) for quote in asked if quote.accepted_by is not None}
    largest: dict[tuple[str, str], Quote] = {}
    for quote in asked:
        key = quote.tenant, quote.model
        open_still = quote.available and quote.expires_at > now
        if key not in served and not open_still:
            largest[key] = max(largest.get(key, quote), quote, key=lambda q: (q.total_micros, q.id))
    return [_turned_away(quote, reason_of) for _, quote in sorted(largest.items())]


def _turned_away(quote: Quote, reason_of: Callable[[Quote], str]) -> Ask:
    reason = str(Line.NO_FIT_PRICE) if quote.available else reason_of(quote)
    price = format_amount(quote.price_micros_per_card_hour, 2)
    what = f"{quote.model} at {price} {quote.currency}" if quote.available else quote.model
    return Ask(
        id=quote.id,
        source="quote",
        tenant=quote.tenant,
        reason=reason,
        what=what,
        card_us=card_time(quote.devices, WHOLE, to_us(quote.end) - to_us(quote.start)),
        value_micros=quote.total_micros,
    )


def what_to_mend(reason: str, job: Job, stacks: Mapping[str, str], prices: Mapping[str, Micros]) -> str:
    """What a remedy for this reason is about, in a few words that are the same for like asks."""
    needs = job.spec.resources
    models = "|".join(needs.models) or ANY_MODEL
    if reason == Line.NO_FIT_SOFTWARE:
        barred = _barred(job, stacks)
        return min(barred, key=lambda model: (prices.get(model, 2**63), model), default=models)
    if reason in {Line.NO_FIT_FRAGMENTATION, Line.NO_FIT_TOPOLOGY}:
        size = f"{job.spec.nodes} × {needs.devices_per_node}"
        return f"{size} × {needs.device_share / WHOLE:g}" if needs.device_share < WHOLE else size
    if reason in {Line.NO_FIT_QUOTA, Line.NO_FIT_PRICE}:
        return job.tenant
    if reason == Line.NO_FIT_MEMORY:
        wanted = needs.device_memory_bytes or needs.memory_bytes
        return f"{wanted / 2**30:g} GiB on {models}"
    return models


def _barred(job: Job, stacks: Mapping[str, str]) -> list[str]:
    """Models of the centre that the job's software keeps it off, of those that it may otherwise use."""
    wanted = job.spec.resources.models
    anything = not wanted or ANY_MODEL in wanted
    against = [model for model, stack in stacks.items() if model in job.barred or stack in job.barred]
    return [model for model in against if anything or model in wanted]


def _price(reason: str, job: Job, stacks: Mapping[str, str], prices: Mapping[str, Micros]) -> Micros | None:
    """The cheapest price of the models that would have served; None where none of them has one."""
    wanted = job.spec.resources.models
    models = _barred(job, stacks) if reason == Line.NO_FIT_SOFTWARE else wanted
    if not models or ANY_MODEL in models:
        models = tuple(stacks)
    return min((prices[model] for model in models if model in prices), default=None)


def lost_rows(asks: Iterable[Ask], idle: Iterable[Interval]) -> tuple[LostRow, ...]:
    """The asks by what would have let them in, with the idle time that they claimed on the ladder."""
    groups: dict[tuple[str, str, str], list[Ask]] = defaultdict(list)
    whats: dict[tuple[str, str], str] = {}
    for ask in asks:
        groups[ask.source, ask.reason, ask.what].append(ask)
        if ask.source == "job":
            whats[ask.id, ask.reason] = ask.what
    stood: dict[tuple[str, str, str], list[Interval]] = defaultdict(list)
    for one in idle:
        if one.job is not None and (one.job, str(one.line)) in whats:
            stood["job", str(one.line), whats[one.job, str(one.line)]].append(one)
    rows = (_row(own, stood[key]) for key, own in groups.items())
    return tuple(
        sorted(rows, key=lambda r: (-r.lost_value_micros, -r.lost_card_us, -r.delayed_card_us, r.what))
    )


def _row(own: Sequence[Ask], idle: Sequence[Interval]) -> LostRow:
    refused = [ask for ask in own if ask.card_us]
    return LostRow(
        remedy=REMEDY_OF[own[0].reason],
        what=own[0].what,
        reason=own[0].reason,
        source=own[0].source,
        asks=len(own),
        tenants=len({ask.tenant for ask in own}),
        refused=len(refused),
        unpriced=sum(not ask.priced for ask in refused),
        lost_card_us=sum(ask.card_us for ask in own),
        lost_value_micros=sum(ask.value_micros for ask in own),
        delayed_card_us=sum(ask.delayed_card_us for ask in own),
        idle_card_us=sum(one.card_us for one in idle),
        idle_value_micros=sum(one.list_value_micros for one in idle),
    )
