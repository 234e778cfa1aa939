"""The local engine: attempts as process groups of this host, each under a supervisor that outlives us.

Nothing that matters is kept in memory: any process that opens the same directory sees the same attempts.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import msgspec

from penstock.app.ports import Capacity, Kept, Start
from penstock.base.ids import check_id
from penstock.base.refusal import Fault, ensure
from penstock.engines.local import folder
from penstock.engines.local.burial import bury_strays
from penstock.engines.local.endings import conclude, lost, stopped
from penstock.engines.local.filetree import refuse_exposed
from penstock.engines.local.host import IMAGE_LEVELS, LEVELS, Isolation, engine_name, read_host
from penstock.engines.local.images.seccomp import find_filter
from penstock.engines.local.images.store import known
from penstock.engines.local.news import News
from penstock.engines.local.outside import fault, observe_each
from penstock.engines.local.planning import Settings, attempt_files
from penstock.engines.local.sight import seen
from penstock.engines.local.spawner import Spawner
from penstock.engines.local.supervisor.bases import NO_GROUPS, remove_bases
from penstock.engines.local.supervisor.directory import ask_to_stop, make, remove, supervisor_of
from penstock.engines.local.supervisor.format import STATUS, blank_status
from penstock.engines.local.supervisor.shapes import Status
from penstock.engines.local.supervisor.shown import system_mounts
from penstock.engines.local.trial import strongest
from penstock.lease.seen import Seen

_SPAWN_AGAIN_S = 2.0


class LocalEngine:
    """Runs attempts on this host, each exactly once by its id.

    `expose` are directories that jobs may read and whose `bin` is on their PATH, e.g. a Python
    environment. Without `isolation` the strongest one that works here is used; `passed_over` says why a
    stronger one was not. `images` is where images of this host are; `without_images` says why none is run in spite
    of it. `on_end` is called from another thread when an attempt has ended. Raises Refused where `root` would
    be visible to jobs, Fault where nothing runs.
    """

    name = "local"
    starts_at_once = 1

    def __init__(
        self,
        root: Path,
        *,
        expose: Sequence[Path] = (),
        isolation: Isolation | None = None,
        control_groups: bool = True,
        network: bool = True,
        devices_given: bool = False,
        images: Path | None = None,
        stall_after: timedelta = timedelta(minutes=5),
        stall_share: float = 0.02,
        on_end: Callable[[], object] | None = None,
    ) -> None:
        self._root = root.resolve()
        exposed = tuple(dict.fromkeys(path.absolute() for path in expose))
        refuse_exposed(self._root, exposed)
        with fault(f"opening {self._root}"):
            self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._settings = Settings(
            expose=exposed,
            network=network,
            devices_given=devices_given,
            stall_after_s=stall_after.total_seconds(),
            stall_share=stall_share,
            images=images.resolve() if images else None,
        )
        self._system = system_mounts(exposed)
        self._spawner = Spawner()
        self._spawned_s: dict[str, float] = {}
        self.passed_over: dict[str, str] = {}
        self.without_images = ""
        self._news: News | None = None
        try:
            self._look_around(isolation, control_groups)
            if on_end is not None:
                with fault(f"opening {self._root}"):
                    self._news = News(self._root, on_end)
        except BaseException:
            self._spawner.close()
            raise

    def capacity(self) -> Capacity:
        """No hosts: a probe looks at this one. Its images are looked for anew each time."""
        images = self._settings.images
        found = tuple(one.name for one in known(images)) if images else None
        return Capacity(shares_devices=True, images=found)

    @property
    def image_runner(self) -> tuple[str, str]:
        """What runs jobs in images, and the profile that filters their system calls; '' for none."""
        return self._settings.image_isolation.value, self._settings.seccomp_profile

    def keep(self, leases: Sequence[Kept]) -> None:
        """Nothing to do: nobody but us uses its devices."""

    def start(self, plan: Start) -> None:
        """Begin; a second call with the same attempt id changes nothing. All tasks start or none."""
        directory = self._directory(plan.attempt)
        with fault(f"starting attempt {plan.attempt}"):
            if not directory.is_dir():
                files = attempt_files(plan, directory, self.host, self._settings, self._system)
                if make(directory, files):
                    self._take_up(directory)
                    return
            if not supervisor_of(directory):
                self._settle(directory)

    def observe(self, attempts: Iterable[str]) -> Sequence[Seen]:
        """What is known of each; an attempt that never began here is left out."""
        return observe_each(attempts, self._see)

    def stop(self, attempt: str, grace_s: float) -> None:
        """Ask all tasks to end, kill their process trees after the grace; final, returns at once.

        Also valid before `start` arrives: such an attempt then never begins and is seen as stopped.
        """
        directory = self._directory(attempt)
        with fault(f"stopping attempt {attempt}"):
            never = {STATUS: msgspec.json.encode(stopped(blank_status({})))}
            if directory.is_dir() or not make(directory, never):
                ask_to_stop(directory, grace_s)

    def logs(self, attempt: str, rank: int, offset: int, limit_bytes: int) -> bytes:
        """Standard output and error of one task, in order, from a byte offset."""
        return folder.read_log(self._directory(attempt) / f"task-{rank}.log", offset, limit_bytes)

    def forget(self, attempt: str) -> None:
        """Drop what is kept of a finished attempt; its logs go too. One that is not finished stays."""
        directory = self._directory(attempt)
        with fault(f"forgetting attempt {attempt}"):
            if folder.is_final(folder.read_status(directory)):
                remove(directory)
                self._spawned_s.pop(attempt, None)

    def known(self) -> tuple[str, ...]:
        """The attempts that are here, finished or not: what nobody else knows of is a stray."""
        return tuple(sorted(path.name for path in self._root.iterdir() if not path.name.startswith(".")))

    def sweep(self) -> tuple[str, ...]:
        """Clear away half-made directories, and processes without a directory; then `known`."""
        with fault("sweeping"):
            folder.remove_leftovers(self._root)
            bury_strays(self.host.groups, self.known())
        return self.known()

    def close(self) -> None:
        """Let go of the engine; attempts go on running."""
        if self._news is not None:
            self._news.close()
        self._spawner.close()
        remove_bases(self.host.groups)

    def _look_around(self, isolation: Isolation | None, control_groups: bool) -> None:
        groups = self._spawner.groups(engine_name(self._root)) if control_groups else NO_GROUPS
        self.host = read_host(isolation or Isolation.PROCESS_GROUPS, groups)
        best = self._strongest(LEVELS if isolation is None else (isolation,))
        if best is None:
            raise Fault(f"no process can be started under {self._root}: {self.passed_over}")
        self.host = msgspec.structs.replace(self.host, isolation=best)
        if self._settings.images is not None:
            self._look_whether_images_run(isolation)

    def _look_whether_images_run(self, asked: Isolation | None) -> None:
        by = asked if asked in IMAGE_LEVELS else None
        if self.host.isolation is Isolation.PROCESS_GROUPS:
            self.without_images = "this host gives us no mount namespaces"
        elif by is None and (by := self._strongest(IMAGE_LEVELS)) is None:
            self.without_images = self.passed_over[Isolation.NAMESPACES]
        if by is None:
            self._settings = msgspec.structs.replace(self._settings, images=None)
            return
        program, profile = find_filter()
        self._settings = msgspec.structs.replace(
            self._settings, image_isolation=by, seccomp=program, seccomp_profile=profile
        )

    def _strongest(self, levels: Sequence[Isolation]) -> Isolation | None:
        given = self._root, self.host, self._settings, self._system, self._spawner
        best, passed_over = strongest(levels, *given)
        self.passed_over |= passed_over
        return best

    def _directory(self, attempt: str) -> Path:
        return self._root / ensure(check_id(attempt, "attempt"))

    def _see(self, attempt: str) -> Seen | None:
        directory = self._directory(attempt)
        status = folder.read_status(directory)
        if not folder.is_final(status):
            if not directory.is_dir():
                return None
            if not supervisor_of(directory):
                status = self._settle(directory)
        return seen(attempt, status or blank_status({}))

    def _settle(self, directory: Path) -> Status | None:
        """Of an attempt that no supervisor holds: read its end, make it one, or have it taken up."""
        status = folder.read_status(directory)
        if folder.is_final(status):
            return status
        plan = folder.read_plan(directory)
        before = status or blank_status(plan["limits"] if plan else {})
        if plan is None or plan["boot"] != self.host.boot:
            return conclude(directory, lost(before, directory, "host_restart"))
        if folder.has_begun(directory):
            return conclude(directory, lost(before, directory, "supervisor_lost"))
        if folder.wants_stop(directory):
            return conclude(directory, stopped(before))
        self._take_up(directory)
        return before

    def _take_up(self, directory: Path) -> None:
        """Have a supervisor take the attempt up, unless one was just sent; a second one steps back."""
        now_s = time.monotonic()
        if now_s - self._spawned_s.get(directory.name, -_SPAWN_AGAIN_S) >= _SPAWN_AGAIN_S:
            self._spawned_s[directory.name] = now_s
            self._spawner.spawn(directory)
