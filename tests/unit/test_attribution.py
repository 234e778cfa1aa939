"""Each rule of the card-hour book, as a small history of one or two devices over ten seconds."""

from datetime import UTC, datetime, timedelta

import pytest

from penstock.base.window import Window
from penstock.fleet.device import Device, DeviceInterval, DeviceState
from penstock.insight.attribution import attribute
from penstock.insight.check import check_spans
from penstock.insight.claims import blamed_models
from penstock.insight.model import History
from penstock.lease.job import Attempt, AttemptState, Wait
from penstock.lease.offer import Lease, LeaseState


def at(second: float) -> datetime:
    return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=second)


TEN_SECONDS = Window(at(0), at(10))


def device(name: str = "d0", model: str = "a100", **fields) -> Device:
    defaults = {"commissioned_at": at(-100), "accepted_at": at(-100)}
    return Device(id=name, node="n0", model=model, handle="", **defaults | fields)


def attempt(start: float, end: float | None, state: str = "succeeded", **fields) -> Attempt:
    defaults = {"id": "t1", "devices": ("d0",), "running_at": at(start)}
    return Attempt(
        job="train",
        tenant="acme",
        number=1,
        engine="local",
        placed_at=at(start),
        ended_at=None if end is None else at(end),
        state=AttemptState(state),
        **defaults | fields,
    )


def lease(start: float, end: float, state: str = "active", **fields) -> Lease:
    return Lease(
        tenant="acme",
        quote="q",
        offer="o",
        model="a100",
        devices=("d0",),
        start=at(start),
        end=at(end),
        price_micros_per_card_hour=1,
        created_at=at(-100),
        state=LeaseState(state),
        **{"id": "l1"} | fields,
    )


def wait(reason: str, devices: int = 1, start: float = 0, end: float | None = None, **fields) -> Wait:
    return Wait(
        reason=reason,
        devices=devices,
        start=at(start),
        end=None if end is None else at(end),
        **{"job": "big", "tenant": "zhi", "models": ("a100",)} | fields,
    )


def lines(history: History, window: Window = TEN_SECONDS) -> str:
    """Device, line and seconds of each span, e.g. `d0: no_demand 0-10`."""
    by_device: dict[str, list[str]] = {}
    for span in attribute(history, window):
        start, end = ((t - at(0)).total_seconds() for t in (span.start, span.end))
        by_device.setdefault(span.device, []).append(f"{span.line} {start:g}-{end:g}")
    return "; ".join(f"{name}: {', '.join(spans)}" for name, spans in by_device.items())


def history(
    *attempts: Attempt,
    devices: tuple[Device, ...] = (device(),),
    states: tuple[tuple[str, float, float | None], ...] = (("available", -100, None),),
    leases: tuple[Lease, ...] = (),
    waits: tuple[Wait, ...] = (),
) -> History:
    """Every device has the same states."""
    recorded = [
        DeviceInterval(
            device=one.id, state=DeviceState(state), start=at(start), end=None if end is None else at(end)
        )
        for one in devices
        for state, start, end in states
    ]
    return History(
        devices=devices,
        device_intervals=tuple(recorded),
        leases=leases,
        attempts=attempts,
        waits=waits,
        offers=(),
    )


def broken(state: str) -> tuple[tuple[str, float, float | None], ...]:
    return (("available", -100, 4), (state, 4, 6), ("available", 6, None))


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (history(), "d0: no_demand 0-10"),
        (history(devices=(device(commissioned_at=at(3)),)), "d0: no_demand 3-10"),
        (history(devices=(device(retired_at=at(7)),)), "d0: no_demand 0-7"),
        (history(devices=(device(commissioned_at=None),)), ""),
        (history(devices=(device(accepted_at=at(5)),)), "d0: maintenance 0-5, no_demand 5-10"),
        (history(devices=(device(accepted_at=None),)), "d0: maintenance 0-10"),
        (history(states=broken("down")), "d0: no_demand 0-4, down 4-6, no_demand 6-10"),
        (history(states=broken("maintenance")), "d0: no_demand 0-4, maintenance 4-6, no_demand 6-10"),
        (history(states=broken("cordoned")), "d0: no_demand 0-4, draining 4-6, no_demand 6-10"),
        (
            history(states=(("available", -100, 4), ("available", 6, None))),
            "d0: no_demand 0-4, down 4-6, no_demand 6-10",
        ),
    ],
)
def test_a_device_that_nobody_uses(past: History, expected: str) -> None:
    assert lines(past) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (attempt(2, 8), "no_demand 0-2, productive 2-8, no_demand 8-10"),
        (attempt(2, None, "running"), "no_demand 0-2, productive 2-10"),
        (attempt(-5, 15, "running"), "productive 0-10"),
        (attempt(2, 8, running_at=at(3)), "no_demand 0-2, starting 2-3, productive 3-8, no_demand 8-10"),
        (attempt(2, 8, "failed", running_at=None), "no_demand 0-2, starting 2-8, no_demand 8-10"),
        (attempt(0, 10, stalls=((at(4), at(5)),)), "productive 0-4, stalled 4-5, productive 5-10"),
        (attempt(0, 10, "failed"), "lost_work 0-10"),
        (attempt(0, 10, "failed", checkpoints=(at(3), at(7))), "productive 0-7, lost_work 7-10"),
        (attempt(0, 10, "evicted", checkpoints=(at(10),)), "productive 0-10"),
        (attempt(0, 20, "lost", checkpoints=(at(3), at(15))), "productive 0-10"),
        (attempt(0, 10, "lost", running_at=at(2)), "starting 0-2, lost_work 2-10"),
        (
            attempt(0, 10, "failed", stalls=((at(8), at(12)),), checkpoints=(at(5),)),
            "productive 0-5, lost_work 5-8, stalled 8-10",
        ),
        (attempt(0, 10, "stopped", cause="stop"), "productive 0-10"),
    ],
)
def test_a_device_with_an_attempt(one: Attempt, expected: str) -> None:
    assert lines(history(one)) == f"d0: {expected}"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("down", "productive 0-4, down 4-6, productive 6-10"),
        ("maintenance", "productive 0-10"),
        ("draining", "productive 0-10"),
        ("cordoned", "productive 0-10"),
    ],
)
def test_a_fault_counts_at_once_a_declared_state_once_the_device_is_empty(state: str, expected: str) -> None:
    assert lines(history(attempt(0, 10), states=broken(state))) == f"d0: {expected}"


@pytest.mark.parametrize(
    ("sold", "expected"),
    [
        (lease(2, 8), "no_demand 0-2, reserved_unused 2-8, no_demand 8-10"),
        (lease(2, 8, "suspended"), "no_demand 0-2, reserved_unused 2-8, no_demand 8-10"),
        (lease(2, 8, "ended", ended_at=at(5)), "no_demand 0-2, reserved_unused 2-5, no_demand 5-10"),
        (lease(2, 8, "ended", ended_at=at(9)), "no_demand 0-2, reserved_unused 2-8, no_demand 8-10"),
        (lease(2, 8, "cancelled", ended_at=at(3)), "no_demand 0-10"),
    ],
)
def test_a_leased_device(sold: Lease, expected: str) -> None:
    assert lines(history(leases=(sold,))) == f"d0: {expected}"


def test_a_leased_device_that_is_closed_is_not_available() -> None:
    past = history(leases=(lease(0, 10),), states=broken("draining"))
    assert lines(past) == "d0: reserved_unused 0-4, draining 4-6, reserved_unused 6-10"


def test_a_job_on_a_lease_carries_its_names() -> None:
    one = attempt(3, 7, lease="l1")
    spans = attribute(history(one, leases=(lease(0, 10),)), TEN_SECONDS)
    names = [(span.line.value, span.tenant, span.job, span.attempt, span.lease) for span in spans]
    assert names == [
        ("reserved_unused", "acme", None, None, "l1"),
        ("productive", "acme", "train", "t1", "l1"),
        ("reserved_unused", "acme", None, None, "l1"),
    ]


TWO = (device("d0"), device("d1"))
MIXED = (device("d0", "a100"), device("d1", "h20"))


@pytest.mark.parametrize(
    ("devices", "waits", "expected"),
    [
        (TWO, (wait("no_fit_price"),), "d0: no_fit_price 0-10; d1: no_demand 0-10"),
        (TWO, (wait("no_fit_quota", 5),), "d0: no_fit_quota 0-10; d1: no_fit_quota 0-10"),
        (
            TWO,
            (wait("no_fit_quota", 2, 3, 6),),
            "d0: no_demand 0-3, no_fit_quota 3-6, no_demand 6-10; "
            "d1: no_demand 0-3, no_fit_quota 3-6, no_demand 6-10",
        ),
        (MIXED, (wait("no_fit_model"),), "d0: no_demand 0-10; d1: no_fit_model 0-10"),
        (MIXED, (wait("no_fit_model", models=("any",)),), "d0: no_demand 0-10; d1: no_demand 0-10"),
        (MIXED, (wait("no_fit_software", 2),), "d0: no_fit_software 0-10; d1: no_fit_software 0-10"),
        (MIXED, (wait("no_fit_memory", 2, models=("h20",)),), "d0: no_demand 0-10; d1: no_fit_memory 0-10"),
        (
            MIXED,
            (wait("no_fit_topology", 2, models=()),),
            "d0: no_fit_topology 0-10; d1: no_fit_topology 0-10",
        ),
        (TWO, (wait("busy", 2),), "d0: no_demand 0-10; d1: no_demand 0-10"),
        (TWO, (wait("no_fit_fragmentation", 2, lease="l9"),), "d0: no_demand 0-10; d1: no_demand 0-10"),
        (
            TWO,
            (wait("no_fit_place", 1, 2, job="a"), wait("no_fit_price", 2, 1, job="b")),
            "d0: no_demand 0-1, no_fit_price 1-10; d1: no_demand 0-1, no_fit_price 1-10",
        ),
        (
            TWO,
            (wait("no_fit_place", job="b"), wait("no_fit_price", job="a")),
            "d0: no_fit_price 0-10; d1: no_fit_place 0-10",
        ),
        (
            TWO,
            (wait("no_fit_place", 1, 0, 4), wait("no_fit_price", 1, 0, 4)),
            "d0: no_fit_place 0-4, no_demand 4-10; d1: no_fit_price 0-4, no_demand 4-10",
        ),
    ],
)
def test_waiting_demand_claims_what_is_free(
    devices: tuple[Device, ...], waits: tuple[Wait, ...], expected: str
) -> None:
    assert lines(history(devices=devices, waits=waits)) == expected
    assert lines(history(devices=devices[::-1], waits=waits[::-1])) == expected


def test_what_is_not_free_is_not_claimed() -> None:
    past = history(attempt(0, 5), leases=(lease(5, 8),), waits=(wait("no_fit_price", 9),))
    assert lines(past) == "d0: productive 0-5, reserved_unused 5-8, no_fit_price 8-10"


def test_a_claim_carries_the_waiting_job_and_tenant() -> None:
    (span,) = attribute(history(waits=(wait("no_fit_price"),)), TEN_SECONDS)
    assert (span.tenant, span.job, span.attempt, span.lease) == ("zhi", "big", None, None)


def test_every_reason_of_the_book_has_a_rule_for_what_it_blames() -> None:
    blamed = {
        reason: blamed_models(wait(reason), ("a100", "h20"))
        for reason in ("no_fit_model", "no_fit_software", "no_fit_place", "busy", "other")
    }
    assert blamed == {
        "no_fit_model": ("h20",),
        "no_fit_software": ("a100", "h20"),
        "no_fit_place": ("a100",),
        "busy": (),
        "other": (),
    }


def test_an_empty_window_has_no_spans() -> None:
    assert attribute(history(attempt(0, 5)), Window(at(3), at(3))) == []


@pytest.mark.parametrize(
    ("past", "finding"),
    [
        (history(attempt(0, 5), attempt(4, 8, id="t2")), "device d0 has two attempts at once"),
        (history(leases=(lease(0, 5), lease(4, 8, id="l2"))), "device d0 has two leases at once"),
        (history(states=(("available", -100, 5), ("down", 4, None))), "device d0 has two states at once"),
        (
            history(states=(("available", -100, 5),)),
            "device d0 has no recorded state from 2026-11-23 00:00:05",
        ),
        (
            history(attempt(0, 5), devices=(device(commissioned_at=at(1)),)),
            "attempt t1 is on device d0 before its commissioning",
        ),
        (
            history(attempt(0, 5), devices=(device(retired_at=at(1)),)),
            "attempt t1 is on device d0 after its retirement",
        ),
        (history(attempt(0, 5, devices=("d7",))), "attempt t1 is on device d7, which is not in service"),
        (history(attempt(0, 5, devices=("d0", "d0"))), "attempt t1 names a device twice"),
        (history(attempt(0, None, "failed")), "attempt t1 is failed with end None"),
        (history(attempt(3, 5, running_at=at(2))), "attempt t1 has its times out of order"),
    ],
)
def test_what_contradicts_itself_is_found(past: History, finding: str) -> None:
    findings = check_spans(past, TEN_SECONDS, attribute(past, TEN_SECONDS))
    assert any(found.startswith(finding) for found in findings), findings


def test_back_to_back_use_is_no_double_use() -> None:
    past = history(attempt(0, 5), attempt(5, 8, id="t2"), leases=(lease(0, 5), lease(5, 8, id="l2")))
    assert check_spans(past, TEN_SECONDS, attribute(past, TEN_SECONDS)) == []
