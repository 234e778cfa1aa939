"""Checks of the values in one row of a fleet file."""

from datetime import UTC, datetime

from penstock.base.ids import check_id
from penstock.base.money import Micros, parse_amount
from penstock.base.refusal import Refusal, invalid
from penstock.fleet.importrows import Row


class Values:
    """Checked values of one row; mistakes are gathered, and a stand-in is returned so that the rest is read."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.refusals: list[Refusal] = []

    def refuse(self, field: str, code: str, message: str, remedy: str) -> None:
        """Note a mistake at a field."""
        self.refusals.append(invalid(code, f"{field}: {message}", remedy, self.row.where(field)))

    def has(self, field: str) -> bool:
        """Whether a value was given."""
        return field in self.row.texts

    def text(self, field: str, default: str | None = None) -> str:
        """The text; without a default it must be there."""
        text = self.row.texts.get(field, default)
        if text is None:
            self.refuse(field, "field_missing", "is missing", f"give {field}")
            return ""
        if len(text) > 200 or not text.isprintable():
            self.refuse(field, "field_malformed", "is too long or not printable", "give up to 200 characters")
            return ""
        return text

    def id(self, field: str, default: str | None = None, length: int = 64) -> str:
        """A valid id."""
        text = self.text(field, default)
        if text and (isinstance(check_id(text), Refusal) or len(text) > length):
            self.refuse(
                field,
                "id_malformed",
                f"{text[:80]!r} is no id",
                f"use a-z, 0-9, '.', '-' and '_', at most {length}",
            )
        return text

    def whole(self, field: str, least: int, most: int, default: int | None = None) -> int:
        """A whole number in [least, most]."""
        text = self.text(field, None if default is None else str(default))
        if not text:
            return least
        number = int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else -1
        if not least <= number <= most:
            self.refuse(
                field,
                "number_out_of_range",
                f"{text[:40]!r} is no whole number in [{least}, {most}]",
                f"give {least} to {most}",
            )
            return least
        return number

    def amount(self, field: str) -> Micros:
        """An amount of money that is not negative; 0 where none is given."""
        amount = parse_amount(self.text(field, "0"))
        if isinstance(amount, Refusal):
            self.refuse(field, amount.code, amount.message, amount.remedy)
            return 0
        if amount < 0:
            self.refuse(field, "amount_negative", "a cost is not negative", "give 0 or more")
        return amount

    def instant(self, field: str) -> datetime | None:
        """A date, or a time with a zone, as UTC."""
        text = self.text(field, "")
        if not text:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            self.refuse(field, "time_malformed", f"{text[:40]!r} is no date", "write 2026-03-01")
            return None
        if instant.tzinfo is None and len(text) > len("2026-03-01"):
            self.refuse(field, "time_without_zone", "a time has no zone", "end it with Z or +08:00")
            return None
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
