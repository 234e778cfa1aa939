"""Plans and their rehearsals as a centre keeps them."""

from datetime import datetime, timedelta

import msgspec

from penstock.base.refusal import Refusal
from penstock.insight.economics.outlook import Outlook

SILENT_AFTER = timedelta(minutes=10)
"""A rehearsal that told of no progress for so long is not under way: its process has ended."""


class KeptPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan's text under a name; saving it again replaces the text."""

    id: str
    document: str
    saved_at: datetime


class PlanRun(msgspec.Struct, frozen=True, kw_only=True):
    """One rehearsal of a plan as its text stood then; `done` of `futures` were played when last told."""

    id: str
    plan: str
    document: str
    futures: int
    seed: int
    started_at: datetime
    told_at: datetime
    done: int = 0
    ended_at: datetime | None = None
    outlook: Outlook | None = None
    refused: tuple[Refusal, ...] = ()

    def state(self, now: datetime) -> str:
        """In one word: `running`, `succeeded`, `failed`, or `lost` where its process ended before it did."""
        if self.ended_at is not None:
            return "failed" if self.outlook is None else "succeeded"
        return "lost" if now - self.told_at > SILENT_AFTER else "running"
