"""A lease as Slurm knows it: an account with limits, and a reservation of its hosts that only it may use.

Slurm reserves hosts or cores, not accelerators: a lease of a whole host reserves the host, one of a part
reserves the cores that go with its devices. That needs `scontrol` and `sacctmgr` on our host and an operator's
rights. What was made is written down beside the attempts, so that it is known to be ours, and how Slurm showed it then.
"""

import contextlib
import time
from collections.abc import Generator, Mapping, Sequence
from datetime import datetime

import msgspec

from penstock.app.ports import Kept
from penstock.base.refusal import Fault
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.slurm import reservations
from penstock.engines.slurm.model import SlurmNode, expand
from penstock.engines.slurm.reservations import HELD, PREFIX, local, name_of
from penstock.engines.slurm.settings import SlurmSettings

_LOOKS = 12
"""So many looks at the cluster go by until what was made is compared with its leases again."""


class Made(msgspec.Struct, frozen=True):
    """A reservation that we made: for which lease, and how Slurm showed it; nothing before that is known."""

    asked: Kept
    shown: dict[str, str] = {}


class Keeping:
    """Makes what Slurm keeps the same as what is leased. Used by one thread, beside `has`."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._root = settings.shared.resolve() / "leases"
        self._kept: tuple[Kept, ...] | None = None
        self._compare_s = 0.0
        self._reserved: frozenset[str] = frozenset()
        self.remarks: list[str] = []
        """What could not be made as it is leased yet."""

    def keep(self, leases: Sequence[Kept], nodes: Mapping[str, SlurmNode]) -> None:
        """Reserve for these leases, end what was made for others; compared again now and then, also by hand."""
        wanted = tuple(sorted(leases, key=lambda one: one.lease))
        if wanted == self._kept and time.monotonic() < self._compare_s:
            return
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        there, known = reservations.reservations(), reservations.accounts()
        named = {name_of(one.lease): one for one in wanted}
        self._reserved &= frozenset(named)
        problems: list[str] = []
        self.remarks, all_ended = [], True
        for name in sorted({path.name for path in self._root.glob(f"{PREFIX}*")} - set(named)):
            with _noted(problems):
                all_ended = self._end(name, name in there) and all_ended
        for name, one in named.items():
            with _noted(problems):
                if known.get(name) != reservations.limits(one):
                    user = self._settings.user or "root"
                    reservations.open_account(one, user, self._settings.account)
                self._keep(name, one, nodes, there.get(name))
        self._kept = wanted if all_ended and not problems and not self.remarks else None
        self._compare_s = time.monotonic() + _LOOKS * self._settings.look_every_s
        if problems:
            raise Fault("; ".join(problems))

    def has(self, lease: str) -> bool:
        """Whether the lease has its reservation."""
        return name_of(lease) in self._reserved

    def _keep(
        self, name: str, one: Kept, nodes: Mapping[str, SlurmNode], shown: dict[str, str] | None
    ) -> None:
        made, now = self._made(name), datetime.now(one.start.tzinfo)
        if shown is None:
            if one.end > now:
                self._make(name, one, nodes)
        else:
            self._reserved |= {name}
            if made is None or made.shown != shown or _changed(made.asked, one, now):
                self._mend(name, one, nodes, made, shown)

    def _make(self, name: str, one: Kept, nodes: Mapping[str, SlurmNode]) -> None:
        self._note(name, Made(one))
        reservations.reserve(one, nodes)
        self._reserved |= {name}
        self._note(name, Made(one, reservations.reservations().get(name, {})))

    def _mend(
        self, name: str, one: Kept, nodes: Mapping[str, SlurmNode], made: Made | None, shown: dict[str, str]
    ) -> None:
        """Its lease has changed, or somebody has changed the reservation by hand."""
        if made is None or not made.shown:  # we died when it was made
            moved = set(expand(shown["Nodes"])) != set(one.devices)
        else:
            moved = made.asked.devices != one.devices or any(made.shown[key] != shown[key] for key in HELD)
        if not moved:
            now = datetime.now(one.start.tzinfo)
            reservations.retime(one, begins=max(shown["StartTime"], local(one.start)) > local(now))
            self._note(name, Made(one, reservations.reservations().get(name, {})))
        elif reservations.free(name):
            self._make(name, one, nodes)
        else:
            said = f"reservation {name} is not what is leased; it is made anew once its jobs have ended"
            self.remarks.append(said)

    def _end(self, name: str, is_reserved: bool) -> bool:
        """Whether the lease has nothing any more: no reservation, no job, and no right to submit one."""
        if is_reserved and not reservations.free(name):
            return False
        if not reservations.close_account(name):
            return False
        (self._root / name).unlink(missing_ok=True)
        return True

    def _made(self, name: str) -> Made | None:
        with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
            return msgspec.json.decode((self._root / name).read_bytes(), type=Made)
        return None

    def _note(self, name: str, made: Made) -> None:
        replace_file(self._root / name, msgspec.json.encode(made), durable=True)


def _changed(asked: Kept, one: Kept, now: datetime) -> bool:
    """Whether the lease is another than the reservation was made for; that it has begun by now changes nothing."""
    begun = max(asked.start, one.start) <= now
    return (asked.end, asked.devices) != (one.end, one.devices) or (asked.start != one.start and not begun)


@contextlib.contextmanager
def _noted(problems: list[str]) -> Generator[None]:
    """One lease's fault keeps no other from being reserved."""
    try:
        yield
    except Fault as error:
        problems.append(str(error))
