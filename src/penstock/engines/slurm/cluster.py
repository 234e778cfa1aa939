"""The cluster by REST or by commands, left alone for a while after it did not answer."""

import threading
from collections.abc import Iterable

from penstock.base.refusal import Fault, Refused
from penstock.engines.patience import Patience
from penstock.engines.slurm.commands import Commands
from penstock.engines.slurm.model import SlurmJob, SlurmNode, Submission
from penstock.engines.slurm.rest import Credentials, Rest
from penstock.engines.slurm.settings import SlurmSettings
from penstock.engines.targets import check_target


class Cluster:
    """One cluster."""

    def __init__(self, settings: SlurmSettings) -> None:
        self._settings = settings
        self._opened: Rest | Commands | None = None
        self._opening = threading.Lock()
        self._call = Patience().call

    def close(self) -> None:
        """Let go of the connection."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    @property
    def asks_singly(self) -> bool:
        """Whether one job is told of for less than all of them."""
        return bool(self._settings.url)

    def version(self) -> str:
        """What it speaks."""
        return self._call(self._way.version, refuses=True)

    def jobs(self) -> tuple[SlurmJob, ...]:
        """All jobs that the controller knows."""
        return self._call(self._way.jobs)

    def job(self, number: int) -> SlurmJob | None:
        """One job, or None where the controller knows it no more."""
        return self._call(lambda: self._way.job(number))

    def nodes(self) -> tuple[SlurmNode, ...]:
        """All hosts."""
        return self._call(self._way.nodes, refuses=True)

    def accounted(self, numbers: Iterable[int]) -> dict[int, SlurmJob]:
        """Accounting records; the accounting database may be away while the controller is there."""
        try:
            return self._way.accounted(numbers)
        except Refused as error:
            raise Fault(str(error)) from error

    def submit(self, wanted: Submission) -> int:
        """The number of the new job. Raises Rejected where it can never run."""
        return self._call(lambda: self._way.submit(wanted))

    def cancel(self, number: int) -> None:
        """Cancel a job; one that is over or unknown is let be."""
        self._call(lambda: self._way.cancel(number))

    @property
    def _way(self) -> Rest | Commands:
        """Opened when it is first needed, so that a cluster that is away keeps no centre from opening."""
        with self._opening:
            if self._opened is None:
                known = self._settings
                if known.url:
                    who = Credentials(
                        user=known.user, token_file=known.token_file, jwt_key_file=known.jwt_key_file
                    )
                    self._opened = Rest(check_target(known.url), who, known.ca_file)
                else:
                    self._opened = Commands()
            return self._opened
