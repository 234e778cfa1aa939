"""Statements of contracts: proration, rollover, commitments, credits, early end; each amount worked out by hand."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from pricing_cases import amounts, at, book, contract, total, window

from penstock.base.refusal import Refusal
from penstock.base.window import US_PER_HOUR, Window
from penstock.billing.pricing.amend import amended, check_change, renewed
from penstock.billing.pricing.book import PackageItem
from penstock.billing.pricing.compute import cards_for, rate_of_cards
from penstock.billing.pricing.conditions import sla_credit
from penstock.billing.pricing.contract import Change
from penstock.billing.pricing.facts import CardUse, Delivered, Facts, Health, Metered
from penstock.billing.pricing.packages import allowances
from penstock.billing.pricing.posting import lines_due, recognised, share_targets
from penstock.billing.pricing.simulate import statement_differences
from penstock.billing.pricing.statement import statement, usage_windows

PFLOPS = "{id: p, mode: compute, precision: fp16, price: 30000, per: month}"
NOVEMBER = window("2026-11-01", "2026-12-01")


def use(start: str, hours: float, amount: int, model: str = "h100") -> CardUse:
    began = at(start)
    return CardUse(
        model=model,
        start=began,
        end=began + timedelta(hours=1),
        card_us=int(hours * US_PER_HOUR),
        amount_micros=amount,
    )


def test_a_whole_month_of_compute_costs_its_price_and_a_part_its_share_to_the_second() -> None:
    of = book(PFLOPS)
    agreed = contract("items: [{item: p, quantity: 50}]", of, start="2026-11-01", end="2026-12-01")
    assert total(statement(agreed, of, Facts(), NOVEMBER.end)) == 1_500_000
    third = NOVEMBER.start + timedelta(days=10)
    assert total(statement(agreed, of, Facts(), third)) == 500_000
    second = NOVEMBER.start + timedelta(seconds=1)
    assert total(statement(agreed, of, Facts(), second)) == Fraction(1_500_000, 30 * 86_400)


def test_a_change_in_the_month_is_prorated_to_the_second() -> None:
    of = book(PFLOPS)
    agreed = contract("items: [{item: p, quantity: 50}]", of, start="2026-11-01", end="2026-12-01")
    change = Change(at=at("2026-11-11T00:00:00"), item="p", quantity="20")
    found = statement(amended(agreed, [change]), of, Facts(), NOVEMBER.end)
    assert [(entry.quantity, entry.amount) for entry in found] == [
        (Fraction(50, 3), 500_000),
        (Fraction(40, 3), 400_000),
    ]


def test_a_shortfall_of_delivered_compute_is_credited_for_the_time_it_lasted() -> None:
    of = book(PFLOPS)
    agreed = contract("items: [{item: p, quantity: 50}]", of, start="2026-11-01", end="2026-12-01")
    half = NOVEMBER.start + timedelta(days=15)
    delivered = (
        Delivered(Window(NOVEMBER.start, half), Fraction("50.439")),
        Delivered(Window(half, NOVEMBER.end), Fraction(40)),
    )
    found = amounts(statement(agreed, of, Facts(delivered={0: delivered}), NOVEMBER.end))
    assert found == {"unit": 1_500_000, "shortfall": -5 * 30_000}  # ten PFLOPS missing for half the month


def test_the_fewest_cards_that_cover_a_rate() -> None:
    assert cards_for(Fraction(50), Fraction(989)) == 51
    assert rate_of_cards([989.0] * 51) == Fraction("50.439")
    assert cards_for(Fraction(100), Fraction(256)) == 391


BUNDLE = (
    "{id: h, mode: hourly, model: h100, price: 10}, {id: t, mode: usage, meter: gb, charge: flat, price: 2},"
    " {id: pack, mode: package, fee: 9000, per: month, includes: {h: 1000, t: 500}, unused: %s}"
)
GB = "{id: gb, unit: GB, aggregation: sum, value: n}"


def test_a_package_covers_its_quantities_and_what_is_over_is_at_list() -> None:
    of = book(BUNDLE % "expire", meters=GB)
    agreed = contract("items: [{item: pack}]", of, start="2026-11-01", end="2026-12-01")
    uses = (use("2026-11-02", 800, 8_000_000_000), use("2026-11-03", 400, 4_000_000_000))
    facts = Facts(card_uses=uses, metered={("t", NOVEMBER): Metered(Fraction(620), 3)})
    found = amounts(statement(agreed, of, facts, NOVEMBER.end))
    assert found == {"fee": 9_000, "covered": -10_000, "unit": 240}  # 1,000 card-hours and 500 GB are inside


ROLLOVER = [
    # terms, share, included, used per term -> what each term may use
    (1, "1", 100, [40, 0, 0], [100, 160, 200]),
    (1, "0.5", 100, [40, 0, 0], [100, 150, 150]),
    (2, "1", 100, [40, 0, 0, 0], [100, 160, 260, 300]),
    (1, "1", 100, [40, 130, 0], [100, 160, 130]),
    (1, "1", 100, [40, 60, 0], [100, 160, 200]),
    (3, "1", 100, [100, 100, 100], [100, 100, 100]),
    (1, "1", 100, [150, 0], [100, 100]),
]


@pytest.mark.parametrize(("terms", "share", "included", "used", "available"), ROLLOVER)
def test_what_is_left_rolls_over_oldest_first(
    terms: int, share: str, included: int, used: list[int], available: list[int]
) -> None:
    item = PackageItem(
        id="p", fee=Fraction(1), per="month", includes={}, unused="rollover",
        rollover_terms=terms, rollover_share=Fraction(share),
    )  # fmt: skip
    start = at("2026-01-01")
    windows = [Window(start + timedelta(days=n), start + timedelta(days=n + 1)) for n in range(len(used))]
    found = allowances(
        item, {w: Fraction(included) for w in windows}, dict(zip(windows, map(Fraction, used), strict=True))
    )
    assert [one.available for one in found] == available


def test_an_unused_package_expires_without_rollover() -> None:
    item = PackageItem(id="p", fee=Fraction(1), per="month", includes={})
    first, second = window("2026-01-01", "2026-02-01"), window("2026-02-01", "2026-03-01")
    found = allowances(item, dict.fromkeys((first, second), Fraction(10)), {})
    assert [one.available for one in found] == [10, 10]


def test_a_package_changed_in_mid_term_gives_and_costs_its_share() -> None:
    of = book(BUNDLE % "expire", meters=GB)
    agreed = contract("items: [{item: pack, quantity: 1}]", of, start="2026-11-01", end="2026-12-01")
    grown = amended(agreed, [Change(at=at("2026-11-16"), item="pack", quantity="3")])
    facts = Facts(metered={("t", NOVEMBER): Metered(Fraction(1100), 3)})
    found = amounts(statement(grown, of, facts, NOVEMBER.end))
    assert found["fee"] == 4_500 + 13_500
    assert found["unit"] == 2 * (1_100 - 2 * 500)  # half a month of one and of three is two packages


def test_discount_minimum_and_commitment_apply_in_that_order() -> None:
    of = book("{id: t, mode: usage, meter: gb, charge: flat, price: 2}", meters=GB)
    terms = (
        "minimum: 1000\ndiscounts: [{rate: 10%, modes: [usage]}]\n"
        "commitments: [{amount: 5000, per: contract}]\nitems: [{item: t}]"
    )
    agreed = contract(terms, of, start="2026-11-01", end="2027-01-01")
    december = window("2026-12-01", "2027-01-01")
    facts = Facts(metered={("t", NOVEMBER): Metered(Fraction(1000)), ("t", december): Metered(Fraction(300))})
    found = amounts(statement(agreed, of, facts, december.end))
    # 2,000 - 200 = 1,800; 600 - 60 = 540, raised to 1,000; 5,000 less 2,800
    assert found == {"unit": 2_600, "discount": -260, "minimum": 460, "true_up": 2_200}


def test_nothing_is_trued_up_before_the_term_ends() -> None:
    of = book("{id: t, mode: usage, meter: gb, charge: flat, price: 2}", meters=GB)
    agreed = contract("commitments: [{amount: 5000}]", of, start="2026-11-01", end="2027-01-01")
    assert statement(agreed, of, Facts(), agreed.end - timedelta(microseconds=1)) == ()
    assert total(statement(agreed, of, Facts(), agreed.end)) == 5_000


def test_an_early_end_settles_the_commitment_pro_rata_and_charges_the_agreed_fee() -> None:
    of = book(PFLOPS)
    terms = "items: [{item: p, quantity: 10}]\ncommitments: [{amount: 4000000}]\ntermination: {fee: 20%}"
    agreed = contract(terms, of, start="2026-01-01", end="2027-01-01")
    ended = at("2026-07-01")
    found = amounts(statement(agreed, of, Facts(), agreed.end, ended))
    assert found["unit"] == 6 * 300_000
    assert found["termination"] == 6 * 300_000 / 5
    share = Fraction((ended - agreed.start).days, 365)
    assert found["true_up"] == 4_000_000 * share - 6 * 300_000  # the fee is no spend


def test_a_package_ended_early_comes_back_only_where_that_is_agreed() -> None:
    of = book("{id: y, mode: package, fee: 12000, per: year, includes: {}}")
    kept = contract("items: [{item: y}]", of)
    given = contract("items: [{item: y}]\ntermination: {refund: true}", of)
    ended = at("2026-07-02")
    assert total(statement(kept, of, Facts(), ended, ended)) == 12_000
    assert total(statement(given, of, Facts(), ended, ended)) == Fraction(12_000 * 182, 365)


AVAILABILITY = [
    # hours lost of 720, credit
    (0, "0"),
    (3.6, "0"),  # 99.5 % to the second is kept
    (3.7, "0.1"),
    (5, "0.1"),
    (10, "0.25"),
    (100, "1"),
]


@pytest.mark.parametrize(("hours", "credit"), AVAILABILITY)
def test_the_credit_follows_the_ladder(hours: float, credit: str) -> None:
    of = book(PFLOPS)
    sla = "sla: {target: 99.5%, ladder: [{below: 99.5%, credit: 10%}, {below: 99%, credit: 25%}, {below: 95%, credit: 100%}]}"
    agreed = contract(f"{sla}\nitems: [{{item: p, quantity: 1}}]", of, start="2026-11-01", end="2026-12-01")
    health = Health(NOVEMBER.duration_us, Fraction(str(hours)) * US_PER_HOUR)
    assert agreed.sla is not None
    assert sla_credit(agreed.sla, health.availability) == Fraction(credit)
    found = amounts(statement(agreed, of, Facts(health={NOVEMBER: health}), NOVEMBER.end))
    assert found.get("sla_credit", 0) == -30_000 * Fraction(credit)


def test_a_contract_renews_as_often_as_agreed() -> None:
    of = book(PFLOPS)
    agreed = contract("renewal: {term: year, times: 2}", of)
    ends = [
        renewed(agreed, at(text)).end for text in ("2026-12-31", "2027-01-01", "2028-06-01", "2040-01-01")
    ]
    assert ends == [at("2027-01-01"), at("2028-01-01"), at("2029-01-01"), at("2029-01-01")]


def test_deferred_revenue_is_earned_straight_and_ends_at_zero() -> None:
    of = book("{id: y, mode: package, fee: 10000, per: year, includes: {}}")
    agreed = contract("items: [{item: y}]\ndiscounts: [{rate: 10%, items: [y]}]", of)
    entries = statement(agreed, of, Facts(), agreed.end)
    lines = lines_due(agreed, "CNY", entries, [], agreed.end)
    assert all(line.deferred for line in lines)
    assert recognised(entries, agreed.end) == sum(line.amount_micros for line in lines) == 9_000_000_000
    assert recognised(entries, agreed.start) == 0


def test_lines_are_differences_and_asking_again_gives_none() -> None:
    of = book(
        "{id: t, mode: usage, meter: gb, charge: volume, tiers: [{up_to: 10, price: 3}, {price: 1}]}",
        meters=GB,
    )
    agreed = contract("", of, start="2026-11-01", end="2026-12-01")
    posted = []
    for used in (4, 10, 12, 12):
        facts = Facts(metered={("t", NOVEMBER): Metered(Fraction(used))})
        posted += lines_due(agreed, "CNY", statement(agreed, of, facts, NOVEMBER.end), posted, NOVEMBER.end)
    assert [line.amount_micros // 1_000_000 for line in posted] == [12, 18, 12, -30]  # the total may fall
    assert sum(line.amount_micros for line in posted) == 12_000_000


def test_usage_is_added_up_over_months_or_over_the_terms_of_its_package() -> None:
    of = book(BUNDLE % "expire", meters=GB)
    mid = contract("", of, start="2026-11-10", end="2027-01-10")
    item = of.items[1]
    assert [w.start for w in usage_windows(mid, of, item, mid.end)] == [  # ty: ignore[invalid-argument-type]
        at("2026-11-10"), at("2026-12-01"), at("2027-01-01"),
    ]  # fmt: skip
    packed = contract("items: [{item: pack}]", of, start="2026-11-10", end="2027-01-10")
    assert [w.start for w in usage_windows(packed, of, item, mid.end)] == [at("2026-11-10"), at("2026-12-10")]


def test_shares_are_of_what_was_earned() -> None:
    of = book(PFLOPS)
    agreed = contract("shares: [{party: owner, rate: 60%}, {party: broker, rate: 1/3}]", of)
    found = share_targets(agreed.shares, {"compute": Fraction(100), "usage": Fraction(1)})
    assert found == {
        ("owner", "compute"): 60_000_000, ("owner", "usage"): 600_000,
        ("broker", "compute"): 33_333_333, ("broker", "usage"): 333_333,
    }  # fmt: skip


def test_a_change_is_refused_where_it_cannot_be() -> None:
    agreed = contract("", book(PFLOPS))
    now = at("2026-06-01")
    for change, code in (
        (Change(at=at("2026-05-01"), item="p", quantity="1"), "change_past"),
        (Change(at=at("2027-05-01"), item="p", quantity="1"), "change_outside"),
        (Change(at=at("2026-07-01"), item="p", quantity="-1"), "quantity_absurd"),
        (Change(at=at("2026-07-01"), item="p", quantity="many"), "quantity_absurd"),
    ):
        refusal = check_change(agreed, change, now)
        assert isinstance(refusal, Refusal)
        assert refusal.code == code


def test_a_month_of_another_zone_holds_the_positions_of_that_month_and_each_is_in_one() -> None:
    of, other = book(PFLOPS), book(PFLOPS.replace("30000", "20000"))
    agreed = contract("items: [{item: p, quantity: 1}]", of, start="2026-10-01", end="2027-01-01")
    both = [statement(agreed, one, Facts(), NOVEMBER.end) for one in (of, other)]
    months = [
        Window(datetime(2026, n, 1, tzinfo=UTC), datetime(2026, n + 1, 1, tzinfo=UTC)) for n in (9, 10, 11)
    ]
    found = [statement_differences(*both, month) for month in months]
    assert [[(one.before_micros, one.after_micros) for one in some] for some in found] == [
        [], [(30_000 * 10**6, 20_000 * 10**6)], [(30_000 * 10**6, 20_000 * 10**6)],
    ]  # fmt: skip
