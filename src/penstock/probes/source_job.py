"""What keeps the program of a job off some chips: its working directory and its scripts, checked where they lie."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from penstock.base.refusal import ensure
from penstock.lease.job import JobSpec
from penstock.portability.check import is_wanted
from penstock.portability.model import Finding, Guard, Options
from penstock.portability.targets import targets
from penstock.probes.source_check import check_source
from penstock.probes.source_tree import Limits, Source, read_tree

_SCRIPT = "penstock-job.sh"
"""The job's own scripts as a file of the tree: what they start are its entry points."""
_LIMITS = Limits(files=20_000, total_bytes=256 * 2**20, seconds=60.0)


def job_findings(workdir: Path | None, spec: JobSpec) -> Sequence[Finding]:
    """The unguarded findings of a job's program, in processes of their own, within a minute. Nothing of it is run."""
    return _findings(workdir, f"{spec.setup}\n{spec.run}\n")


@lru_cache(maxsize=64)
def _findings(workdir: Path | None, scripts: str) -> tuple[Finding, ...]:
    """A working directory is known by its content, so the same one need not be read again."""
    source = Source({})
    if workdir is not None:
        source = ensure(read_tree(workdir, lambda path: is_wanted(path, Options()), _LIMITS))
    files = {**source.files, _SCRIPT: scripts.encode()}
    chips = ensure(targets(("cpu",)))  # any: findings are the same for all
    report = check_source(Source(files, source.skipped), chips, limits=_LIMITS, isolated=True)
    return tuple(finding for finding in report.findings if finding.guard is Guard.NONE)
