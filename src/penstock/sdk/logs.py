"""A job's output, whole or as it comes; following goes on where it was when a connection breaks."""

import time
from collections.abc import Callable, Iterator

import httpx
import msgspec

from penstock.sdk.client import Client
from penstock.sdk.errors import SdkUnreachable

IDLE_S = 60.0
PAUSES_S = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Before the connection is made again; after as many failures without any output it is given up."""


class LogPiece(msgspec.Struct, frozen=True):
    """Output of one attempt from a byte offset on."""

    attempt: int
    offset: int
    text: str


class LogEnd(msgspec.Struct, frozen=True):
    """The job ended in this state; nothing follows."""

    state: str


def read_logs(client: Client, job: str, rank: int = 0, attempt: int | None = None) -> Iterator[bytes]:
    """All output so far of one task of an attempt (by default the last one)."""
    offset = 0
    while chunk := client.download("jobs", job, "logs", rank=rank, attempt=attempt, offset=offset):
        yield chunk
        offset += len(chunk)


def follow_logs(
    client: Client,
    job: str,
    rank: int = 0,
    attempt: int = 0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[LogPiece | LogEnd]:
    """Output as it comes, attempt after attempt from number `attempt` on, until the job ends.

    A broken connection is made again from the last offset. Where output is no UTF-8 a few of its bytes
    may then come twice or be left out.
    """
    offset, failures = 0, 0
    while True:
        try:
            with client.stream(
                "jobs", job, "logs", "follow", idle_s=IDLE_S, rank=rank, attempt=attempt, offset=offset
            ) as response:
                for event, data in events(response.iter_lines()):
                    if event == "end":
                        yield msgspec.json.decode(data, type=LogEnd)
                        return
                    if event != "log":
                        continue
                    piece = msgspec.json.decode(data, type=LogPiece)
                    attempt, offset, failures = piece.attempt, piece.offset + len(piece.text.encode()), 0
                    yield piece
        except (httpx.TransportError, msgspec.DecodeError) as error:
            if not isinstance(error, httpx.ReadTimeout) and failures == len(PAUSES_S):
                raise SdkUnreachable(client.url, str(error) or type(error).__name__) from error
        sleep(PAUSES_S[min(failures, len(PAUSES_S) - 1)])
        failures += 1


def events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Server-sent events as (event, data); see https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    event, data = "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield event, "\n".join(data)
            event, data = "message", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "data":
            data.append(value)
