"""What every verb is given: the store, the files, the clock, the engines, and the house rules."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from penstock.app.ports import Capacity, Clock, Engine
from penstock.base.refusal import Fault
from penstock.lease.job import Attempt
from penstock.store.database import Database
from penstock.store.files import Files
from penstock.store.totals import Totals


@dataclass(frozen=True)
class Policy:
    """House rules; durations that money and machines follow."""

    metering_step: timedelta = timedelta(minutes=1)
    quote_validity: timedelta = timedelta(minutes=15)
    funds_grace: timedelta = timedelta(minutes=10)
    """From the notice that money ends to the suspension."""
    hold_horizon: timedelta = timedelta(hours=1)
    """How far ahead money is held for a job without a lease."""
    hold_validity: timedelta = timedelta(days=7)
    """How long money stays set aside for a job unless it goes on, and for a lease after its end."""
    lease_grace: timedelta = timedelta(seconds=60)
    """How long before its end a lease's jobs are told to checkpoint and stop."""
    accrual_step: timedelta = timedelta(hours=1)
    """How often contracts are charged between invoices."""
    currency: str = "CNY"


@dataclass
class Look:
    """When all that waits was last looked at, and what was placed then; only a saving of work."""

    at: datetime | None = None
    begun: set[str] = field(default_factory=set)
    """Attempts that were handed to their engines, of which that is not written down yet."""
    handing: dict[str, Future[bool]] = field(default_factory=dict)
    """Attempts that are being handed over at this moment, beside the loop; True where the engine has them."""
    threads: dict[str, ThreadPoolExecutor] = field(default_factory=dict)
    """What hands them over, by engine."""
    ask_from: dict[str, datetime] = field(default_factory=dict)
    """From when an engine that takes its time is asked again in short turns."""
    awaiting: dict[str, Attempt] | None = None
    """What has ended and is charged once its engine's accounting has it; None until the rows were asked."""
    revision: int = -1
    """Of the last placing; what was written since, if it can change no placement, is counted in."""

    def forget(self) -> None:
        """What was written may have been taken back."""
        self.revision, self.awaiting = -1, None

    def wrote(self, before: int) -> None:
        """What was written upon this revision, by us alone, can change no placement."""
        if self.revision == before:
            self.revision = before + 1


@dataclass(frozen=True)
class App:
    """One centre."""

    database: Database
    files: Files
    clock: Clock
    engines: Mapping[str, Engine]
    policy: Policy = field(default_factory=Policy)
    followed: dict[str, Capacity] = field(default_factory=dict)
    """What each engine was last seen to have; only a saving of work."""
    look: Look = field(default_factory=Look)
    totals: Totals = field(default_factory=Totals)
    """What meters measured in the periods that contracts are charged for; only a saving of work."""
    kernels_ready: Callable[[], bool] = lambda: True
    """Whether placement's kernels are compiled; asked for the first time, that begins in the background."""

    def engine(self, name: str) -> Engine:
        """An engine by its name; Fault where the settings name it no more, for it may come back."""
        if name not in self.engines:
            raise Fault(f"no engine is called {name!r}: see engines.yaml")
        return self.engines[name]

    def now(self) -> datetime:
        """The present instant by the centre's clock."""
        return self.clock.now()
