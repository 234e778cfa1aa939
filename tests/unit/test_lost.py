"""Demand that was lost, by hand: which remedy it counts under, how much, and what does not count."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock.base.window import US_PER_HOUR, Window
from penstock.fleet.device import Device
from penstock.insight.lost import Ask, asks_of_jobs, asks_of_quotes, lost_rows
from penstock.insight.model import Line
from penstock.insight.opened import Interval
from penstock.lease.job import Job, JobSpec, JobState, Resources, Wait
from penstock.lease.offer import Quote

YUAN = 1_000_000
START = datetime(2026, 11, 23, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=10))
DEVICES = tuple(
    Device(id=f"{model}.0", node="n", model=model, handle="0", stack=stack)
    for model, stack in (("a100", "cuda"), ("ascend910b3", "cann"), ("mlu370-x8", "neuware"))
)
PRICES = {"a100": 7 * YUAN, "ascend910b3": 5 * YUAN}


def hours(count: float) -> timedelta:
    return timedelta(hours=count)


def asks(reason: str, waited: float = 2, **job) -> list[Ask]:
    spec = {"limit_s": 3600, "models": ("a100",), "nodes": 2, "devices": 8, "share": 1000} | {
        name: job.pop(name) for name in ("limit_s", "models", "nodes", "devices", "share") if name in job
    }
    resources = Resources(
        models=spec["models"],
        devices_per_node=spec["devices"],
        device_share=spec["share"],
        device_memory_bytes=64 * 2**30,
    )
    asked = JobSpec(
        name="j", run="true", resources=resources, nodes=spec["nodes"], time_limit_s=spec["limit_s"]
    )
    one = Job(id="j", tenant="acme", spec=asked, created_at=START, **job)
    wait = Wait(
        job="j", tenant="acme", models=spec["models"], reason=reason, devices=asked.devices, start=START,
        end=START + hours(waited),
    )  # fmt: skip
    return asks_of_jobs([wait], {"j": one}, DEVICES, PRICES, WINDOW)


@pytest.mark.parametrize(
    ("reason", "what"),
    [
        ("no_fit_model", "a100"),
        ("no_fit_memory", "64 GiB on a100"),
        ("no_fit_fragmentation", "2 × 8"),
        ("no_fit_topology", "2 × 8"),
        ("no_fit_booking", "a100"),
        ("no_fit_quota", "acme"),
        ("no_fit_price", "acme"),
        ("no_fit_place", "a100"),
    ],
)
def test_a_job_that_never_ran_asked_for_its_limit_at_the_price_of_what_it_wanted(reason, what):
    (ask,) = asks(reason)
    assert ask.what == what
    assert ask.card_us == 16 * US_PER_HOUR
    assert ask.value_micros == 16 * 7 * YUAN
    assert ask.delayed_card_us == 2 * 16 * US_PER_HOUR


def test_without_a_limit_it_asked_for_as_long_as_it_waited_in_the_window():
    assert asks("no_fit_model", limit_s=None, waited=30)[0].card_us == 10 * 16 * US_PER_HOUR


def test_a_share_of_a_device_is_a_share_of_the_hours():
    (ask,) = asks("no_fit_fragmentation", nodes=1, devices=1, share=250)
    assert (ask.what, ask.card_us) == ("1 × 1 × 0.25", US_PER_HOUR // 4)


def test_software_names_the_cheapest_chip_to_port_to():
    barred = {"cann": ("EXT-002",), "neuware": ("EXT-002",)}
    (ask,) = asks("no_fit_software", models=(), barred=barred)
    assert (ask.what, ask.value_micros) == ("ascend910b3", 16 * 5 * YUAN)


def test_a_model_without_a_price_is_counted_as_unpriced():
    (ask,) = asks("no_fit_model", models=("b200",))
    assert (ask.priced, ask.value_micros, ask.card_us) == (False, 0, 16 * US_PER_HOUR)
    assert lost_rows([ask], ())[0].unpriced == 1


def test_a_queue_is_no_loss_until_the_job_leaves_it():
    assert asks("busy")[0].card_us == 0
    assert asks("busy", state=JobState.CANCELLED, ended_at=START + hours(2))[0].card_us == 16 * US_PER_HOUR


def test_a_job_that_ran_later_only_waited():
    (ask,) = asks("no_fit_quota", attempts=1)
    assert (ask.card_us, ask.delayed_card_us) == (0, 32 * US_PER_HOUR)


def quote(name: str, devices: int, **changes) -> Quote:
    fields = {
        "tenant": "acme",
        "available": True,
        "expires_at": START + hours(1),
        "price_micros_per_card_hour": 7 * YUAN,
        "model": "a100",
    } | changes
    return Quote(
        id=name, offer="o", devices=devices, start=START, end=START + hours(10), created_at=START + hours(0.5),
        total_micros=devices * 10 * fields["price_micros_per_card_hour"], **fields,
    )  # fmt: skip


def turned_away(*quotes: Quote) -> list[Ask]:
    return asks_of_quotes(quotes, WINDOW, WINDOW.end, lambda _: "busy")


def test_a_quote_left_to_expire_was_too_dear_and_the_largest_of_a_tenant_counts_once():
    (ask,) = turned_away(quote("small", 4), quote("large", 8), quote("again", 8))
    assert (ask.reason, ask.what) == ("no_fit_price", "a100 at 7.00 CNY")
    assert (ask.card_us, ask.value_micros) == (80 * US_PER_HOUR, 560 * YUAN)


def test_a_quote_that_was_not_available_counts_by_its_reason():
    (ask,) = turned_away(quote("q", 8, available=False))
    assert (ask.reason, ask.what) == ("busy", "a100")


def test_a_tenant_that_bought_in_the_end_lost_nothing_and_an_open_quote_is_not_lost_yet():
    assert turned_away(quote("no", 8), quote("yes", 4, accepted_by="lease")) == []
    assert turned_away(quote("open", 8, expires_at=WINDOW.end + hours(1))) == []


def test_rows_are_by_remedy_the_dearest_first_with_what_stood_free_for_them():
    waiting, quoted = asks("no_fit_fragmentation"), turned_away(quote("q", 8))
    idle = Interval(
        device="a100.0", model="a100", line=Line.NO_FIT_FRAGMENTATION, start=START, end=START + hours(1),
        tenant="acme", job="j", attempt=None, lease=None, low=0, high=1000, card_us=US_PER_HOUR,
        list_value_micros=7 * YUAN, carried_cost_micros=0,
    )  # fmt: skip
    price, gang = lost_rows([*waiting, *quoted], [idle])
    assert (price.remedy, price.source, price.idle_card_us) == ("price", "quote", 0)
    assert (gang.remedy, gang.refused, gang.idle_card_us, gang.idle_value_micros) == (
        "defragment", 1, US_PER_HOUR, 7 * YUAN,
    )  # fmt: skip
