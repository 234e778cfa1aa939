"""How a rated file of events is shown."""

from zoneinfo import ZoneInfo

from penstock.base.money import Micros
from penstock.billing.pricing.exact import decimal_text
from penstock.billing.pricing.posting import exact
from penstock.billing.pricing.rating import RatedBill, RatedFile
from penstock.cli import formats
from penstock.cli.language import _
from penstock.cli.output import NONE, note, print_fields, print_table


def show_rated(result: RatedFile) -> None:
    """Each bill with its lines and tiers, and the events that were refused."""
    for bill in result.bills:
        _show_bill(bill, result)
        print()
    for one in result.refused:
        note(f"{one.source} {one.id}: {one.refusal.code}: {one.refusal.message}")
    print(
        _("{events} events, {refused} of them refused").format(
            events=result.events, refused=len(result.refused)
        )
    )


def _show_bill(bill: RatedBill, result: RatedFile) -> None:
    currency = result.currency
    print(f"{bill.tenant}  {bill.window.start.astimezone(ZoneInfo(result.zone)):%Y-%m}")
    rows = []
    for line in bill.lines:
        rows.append(
            (
                line.item,
                formats.word(line.mode),
                "",
                number(line.quantity),
                line.unit,
                "",
                _fen(line.amount_micros),
            )
        )
        rows += [
            (
                f"  {formats.word(hit.kind)}",
                "",
                str(hit.tier) if hit.tier else NONE,
                number(hit.quantity),
                "",
                number(hit.unit_price),
                number(hit.amount),
            )
            for hit in line.tiers
        ]
    print_table(
        ("ITEM", "MODE", "TIER", "QUANTITY", "UNIT", "UNIT PRICE", "AMOUNT"), rows, right=(2, 3, 5, 6)
    )
    taxes = [
        (f"{tax.rule} {formats.share(float(exact(tax.rate)))}", formats.money(tax.amount_micros, currency))
        for tax in bill.taxes
    ]
    print_fields([("before tax", formats.money(bill.net_micros, currency))])
    for name, amount in taxes:
        print(f"{name}  {amount}")
    print_fields(
        [
            ("total", formats.money(bill.total_micros, currency)),
            ("rounding", formats.money(bill.rounding_micros, currency, 6)),
        ]
    )


def number(text: str) -> str:
    """Exact text for people."""
    return decimal_text(exact(text))


def _fen(amount: Micros) -> str:
    return formats.money(amount, "")[:-1]
