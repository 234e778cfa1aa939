"""Single usage events, answered ahead of the framework.

A gateway may send thousands a second: the framework's routing, injection and encoding for each would take most of
the time. Batches, and all that is no event, go on to the framework.
"""

from functools import partial

import msgspec
from litestar import Request
from litestar.types import ASGIApp, Receive, Scope, Send

from penstock.app.intake import Receipt
from penstock.base.refusal import Refusal, Refused
from penstock.billing.metering.cloudevents import BATCH, STRUCTURED, media_type, read_binary, read_one
from penstock.web import edge
from penstock.web.gathering import Gathering

PATH = "/api/v1/usage/events"
BODY_BYTES_MAX = 1_000_000
_NEW, _KNOWN = (
    msgspec.json.encode(Receipt(accepted=accepted, duplicates=1 - accepted, refused=()))
    for accepted in (1, 0)
)


class SingleEvents:
    """Answers a POST of one event in structured or binary mode."""

    def __init__(self, app: ASGIApp, gathering: Gathering) -> None:
        self._app, self._gathering = app, gathering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Keep the event and say so, or pass the request on."""
        if scope["type"] != "http" or scope["path"] != PATH or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        kind = media_type(headers.get("content-type", ""))
        if kind == BATCH or (kind != STRUCTURED and "ce-specversion" not in headers):
            await self._app(scope, receive, send)
            return
        try:
            answer = await self._answer(kind, headers, receive)
        except _GoneError:
            return
        except Exception as error:  # noqa: BLE001 - a refusal is told to the caller, all else to the log
            said = edge.on_error(edge.TypedRequest(scope), error)
            await said.to_asgi_response(None, Request(scope))(scope, receive, send)
            return
        size = str(len(answer)).encode()
        head = [(b"content-type", b"application/json"), (b"content-length", size)]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": answer, "more_body": False})

    async def _answer(self, kind: str, headers: dict[str, str], receive: Receive) -> bytes:
        secret = edge.bearer(headers.get("authorization", ""))
        body = await _body(receive)
        read = partial(read_one, body) if kind == STRUCTURED else partial(read_binary, headers, body)
        outcome = await self._gathering.send(secret, read)
        if isinstance(outcome, Refusal):
            raise Refused(outcome)
        return _NEW if outcome == "new" else _KNOWN


class _GoneError(Exception):
    """Whoever asked hung up."""


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise _GoneError
        body, more = body + message.get("body", b""), message.get("more_body", False)
        if len(body) > BODY_BYTES_MAX:
            said = f"one event is at most {BODY_BYTES_MAX:,} bytes"
            raise Refused(Refusal("too_large", said, f"send several as {BATCH}", "body", 413))
    return body
