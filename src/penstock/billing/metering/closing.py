"""Closing a period: from then on its transfers and its metered quantities are what they were."""

from datetime import datetime

import msgspec

from penstock.base.window import Window
from penstock.ledger.closing import Closing


class PeriodClosing(msgspec.Struct, frozen=True, kw_only=True):
    """[start, end) is closed. Each has the next number; number 0 of a period seals its transfers.

    Its metered quantities are those of the readings up to `known_until`. Later closings of the same period
    say up to where later readings were made good as adjustments; the sealed period stays as it was.
    """

    start: datetime
    end: datetime
    number: int
    closed_at: datetime
    known_until: int
    quantities: int
    quantities_hash: str
    transfers: int
    transfers_hash: str

    @property
    def window(self) -> Window:
        """The period."""
        return Window(self.start, self.end)

    @property
    def ledger(self) -> Closing:
        """What was sealed of the ledger."""
        return Closing(
            start=self.start, end=self.end, transfers=self.transfers, content_hash=self.transfers_hash
        )
