"""Checks a source that was read, in processes of its own: in time, and safe from what a parser cannot stand."""

import gc
import multiprocessing
import time
from collections.abc import Iterator, Sequence

import msgspec

from penstock.portability.analyse import FileFacts, analyse, kind_of
from penstock.portability.check import conclude, is_wanted
from penstock.portability.model import Options, Report
from penstock.portability.targets import Target
from penstock.probes.source_tree import Limits, Source

_FILES_AT_ONCE = 48
_FEW_FILES = 64
_MEMORY_BYTES = 4 * 2**30


def check_source(
    source: Source,
    targets: Sequence[Target],
    options: Options | None = None,
    *,
    limits: Limits | None = None,
    processes: int = 2,
    isolated: bool = False,
) -> Report:
    """The report of a source. Small ones are analysed here, unless `isolated` (for what strangers send).

    Files that are not done within `limits.seconds` are said to have been skipped.
    """
    chosen, bounds = options or Options(), limits or Limits()
    wanted = {path: data for path, data in source.files.items() if is_wanted(path, chosen)}
    if isolated or len(wanted) > _FEW_FILES:
        facts = list(_in_processes(wanted, processes, bounds.seconds))
    else:
        facts = [analyse(path, data) for path, data in wanted.items()]
    report = conclude(facts, targets, chosen)
    return msgspec.structs.replace(report, skipped=(*report.skipped, *source.skipped))


def _in_processes(files: dict[str, bytes], processes: int, seconds: float) -> Iterator[FileFacts]:
    deadline = time.monotonic() + seconds
    waiting = dict(files)
    context = multiprocessing.get_context("forkserver")
    by_size = sorted(files.items(), key=lambda item: -len(item[1]))
    batches = -(-len(by_size) // _FILES_AT_ONCE)
    with context.Pool(processes, initializer=_prepare, initargs=(_MEMORY_BYTES,)) as pool:
        results = pool.imap_unordered(_analyse_batch, (by_size[i::batches] for i in range(batches)))
        try:
            while waiting:
                for facts in results.next(timeout=max(0.0, deadline - time.monotonic())):
                    waiting.pop(facts.path, None)
                    yield facts
        except (multiprocessing.TimeoutError, StopIteration):
            pool.terminate()
    yield from (FileFacts(path, kind_of(path), error=f"not done within {seconds:g} s") for path in waiting)


def _prepare(memory_bytes: int) -> None:
    """Bound the memory of a worker; syntax trees have no cycles, so no garbage needs to be looked for."""
    import resource

    gc.disable()
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _analyse_batch(batch: list[tuple[str, bytes]]) -> list[FileFacts]:
    return [analyse(path, data) for path, data in batch]
