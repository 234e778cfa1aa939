"""`penstock logs`: what a job has written."""

import sys
from typing import Annotated

from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.call import CALL, Call
from penstock.cli.jobs import JobId
from penstock.cli.language import _
from penstock.cli.output import note
from penstock.sdk.client import Client
from penstock.sdk.logs import LogEnd, LogPiece, follow_logs, read_logs


def logs(
    job: JobId,
    /,
    *,
    follow: Annotated[
        bool, Parameter(name=["--follow", "-f"], help="Go on until the job ends.", negative="")
    ] = False,
    rank: Annotated[int, Parameter(help="Task of the gang.")] = 0,
    attempt: Annotated[
        int | None, Parameter(help="Attempt; by default the last (with --follow: all).")
    ] = None,
    call: Call = CALL,
) -> None:
    """Print what a task of a job has written to standard output and error."""
    with call.client() as client:
        if follow:
            follow_job(client, job, rank, attempt or 0, call)
            return
        for chunk in read_logs(client, job, rank, attempt):
            sys.stdout.buffer.write(chunk)
    sys.stdout.buffer.flush()


def follow_job(client: Client, job: str, rank: int, attempt: int, call: Call) -> str:
    """Print output as it comes until the job ends; the answer is its final state."""
    shown = None
    for seen in follow_logs(client, job, rank, attempt):
        match seen:
            case LogPiece():
                if seen.attempt != shown and not call.json:
                    note(_("--- attempt {number} ---").format(number=seen.attempt))
                shown = seen.attempt
                sys.stdout.write(_line(seen) if call.json else seen.text)
                sys.stdout.flush()
            case LogEnd(state):
                if call.json:
                    print(_line(seen), end="", flush=True)
                else:
                    note(_("--- {job} {state} ---").format(job=job, state=formats.word(state)))
                return state
    raise AssertionError("following ends with the job's end or an error")


def _line(seen: LogPiece | LogEnd) -> str:
    import msgspec

    return msgspec.json.encode(seen).decode() + "\n"
