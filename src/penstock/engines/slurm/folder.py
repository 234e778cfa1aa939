"""The directory of one attempt on the shared file system: what was asked, what was submitted, how it ended."""

import contextlib
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

from penstock.engines.agent.format import CLAIM
from penstock.engines.local.folder import read_log as read_output
from penstock.engines.local.supervisor.directory import make as make_whole
from penstock.engines.local.supervisor.record import replace_file
from penstock.engines.node import part_of, read_order
from penstock.lease.seen import Seen

JOB, FINAL, CONFIRMED, OUTPUT = "job.json", "final.json", "confirmed.json", "batch.log"
DONE = "done"
"""Made by a job of one host whose programs have succeeded, once nothing of it is left but its shell."""

_SEEN = msgspec.json.Decoder(Seen)


def make(directory: Path, files: Mapping[str, bytes]) -> bool:
    """Make a directory with these files in one step; False where it is there already."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    return make_whole(directory, files)


def job_number(directory: Path) -> int:
    """The job that runs the attempt: the one that has claimed it, else the one submitted last; 0 for none."""
    if number := claimed_by(directory):
        return number
    with contextlib.suppress(FileNotFoundError, msgspec.DecodeError):
        return msgspec.json.decode((directory / JOB).read_bytes(), type=int)
    return 0


def claimed_by(directory: Path) -> int:
    """The job that has claimed it; 0 for none yet."""
    with contextlib.suppress(FileNotFoundError, ValueError):
        return int((directory / CLAIM).read_text())
    return 0


def is_claimed(directory: Path) -> bool:
    """Whether a job has begun to run it."""
    return (directory / CLAIM).exists()


def is_done(directory: Path) -> bool:
    """Whether its job has succeeded by itself, whatever is done to what is left of it."""
    return (directory / DONE).exists()


def write_job(directory: Path, number: int) -> None:
    """Remember what was submitted; after a crash that takes it along, the job is found by its name."""
    replace_file(directory / JOB, msgspec.json.encode(number), durable=False)


def read_final(directory: Path) -> Seen | None:
    """How it ended, once that is settled; by accounting where that was awaited and has come."""
    final = _read_seen(directory / FINAL)
    if final is not None and final.awaits_accounting:
        return _read_seen(directory / CONFIRMED) or final
    return final


def _read_seen(path: Path) -> Seen | None:
    try:
        return _SEEN.decode(path.read_bytes())
    except FileNotFoundError:
        return None


def read_log(directory: Path, rank: int, offset: int, limit_bytes: int) -> bytes:
    """What one task has printed, or why it was never begun, from a byte offset."""
    order = read_order(directory)
    node = next((task.node for task in order.plan.tasks if task.rank == rank), None) if order else None
    if node is None:
        return b""
    refused = directory / f"refused-{rank}.log"
    path = refused if refused.exists() else part_of(directory, node) / directory.name / f"task-{rank}.log"
    return read_output(path, offset, limit_bytes)


def write_final(directory: Path, seen: Seen, name: str = FINAL) -> Seen:
    """Settle how it ended; who comes second takes what the first has written."""
    draft = directory / f"{name}.{secrets.token_hex(4)}"
    draft.write_bytes(msgspec.json.encode(seen))
    with contextlib.suppress(FileExistsError):
        os.link(draft, directory / name)
    draft.unlink()
    return read_final(directory) or seen
