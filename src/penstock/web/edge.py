"""The edge: who is asking, from where, and how a refusal looks on the wire."""

import difflib
import re
from functools import lru_cache
from typing import Any

import msgspec
import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from penstock.app.tokens import authenticate
from penstock.base.refusal import Fault, Refusal, Refused, invalid
from penstock.lease.tenant import Principal
from penstock.web.given import GivenApp

_LOG = structlog.get_logger()
_SECURITY_HEADERS = (
    (
        b"content-security-policy",
        b"default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)
_NOT_KEPT = (b"cache-control", b"no-store")
_FIELD = re.compile(r"Object (contains unknown|missing required) field `(.*)`")
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class Page[T](msgspec.Struct, frozen=True):
    """Some of a list; ask again with `?after=next` for what follows."""

    items: tuple[T, ...]
    next: str | int | None = None


class TypedRequest(Request[Any, Any, Any]):
    """Reads a body straight into its endpoint's type: a text that looks like a number is none."""

    async def json(self) -> Any:
        """The body as the endpoint's `data`; refused with the path of what is wrong."""
        body = await self.body()
        field = self.route_handler.parsed_data_field
        kind = Any if field is None else field.annotation
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise Refused(_malformed(str(error), kind)) from error


def _malformed(said: str, kind: Any) -> Refusal:
    """What is wrong with a body, by msgspec's sentence; of an unknown field also the nearest known one."""
    message, _, path = said.partition(" - at `$")
    place = path.strip(".`")
    named = _FIELD.fullmatch(message)
    close: list[str] = []
    if named is not None:
        place = f"{place}.{named[2]}".lstrip(".")
        if named[1] == "contains unknown":
            close = difflib.get_close_matches(named[2][:40], _field_names(kind), n=1)
    remedy = f"did you mean {close[0]!r}?" if close else "see /schema"
    return invalid("malformed", message, remedy, place or "body")


@lru_cache
def _field_names(kind: Any) -> tuple[str, ...]:
    """The fields of a type and of all that it holds."""
    _, components = msgspec.json.schema_components((kind,))
    return tuple(name for one in components.values() for name in one.get("properties", ()))


def principal_of(request: Request[Any, Any, Any], centre: GivenApp) -> Principal:
    """The holder of the request's bearer token; refused without one."""
    return authenticate(centre, secret_of(request))


def secret_of(request: Request[Any, Any, Any]) -> str:
    """The request's bearer token; refused without one."""
    return bearer(request.headers.get("authorization", ""))


def bearer(authorization: str) -> str:
    """The token of an authorization header; refused without one."""
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret:
        raise Refused(
            Refusal(
                "token_missing",
                "the request carries no token",
                "send Authorization: Bearer pst_…",
                "authorization",
                401,
            )
        )
    return secret.strip()


def text_of(body: bytes, filename: str) -> str:
    """A body that is a file's text; refused where it is not UTF-8."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            invalid("not_utf8", f"byte {error.start} is not UTF-8", "save the file as UTF-8", filename)
        ) from error


def refusals(status: int, *found: Refusal) -> Response[dict[str, tuple[Refusal, ...]]]:
    """A refusal's answer."""
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    return Response({"refusals": found}, status_code=status, media_type=MediaType.JSON, headers=headers)


def on_refused(_request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """Declined by a verb."""
    return refusals(error.refusals[0].status, *error.refusals)


def on_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A refusal, a fault, or what is told to the log alone."""
    if isinstance(error, Fault):
        return on_fault(request, error)
    return on_refused(request, error) if isinstance(error, Refused) else on_broken(request, error)


def on_malformed(_request: Request[Any, Any, Any], error: ValidationException) -> Response[Any]:
    """The request is not of the endpoint's form."""
    extra = error.extra if isinstance(error.extra, list) else []
    found = [
        invalid("malformed", str(item.get("message", item)), "see /schema", str(item.get("key", "")))
        for item in extra
        if isinstance(item, dict)
    ]
    return refusals(422, *(found or [invalid("malformed", error.detail, "see /schema", "query")]))


def on_not_utf8(_request: Request[Any, Any, Any], error: UnicodeDecodeError) -> Response[Any]:
    """The body is not text that JSON may be written in."""
    return refusals(422, invalid("not_utf8", f"byte {error.start} is not UTF-8", "send UTF-8", "body"))


BUSY = Refusal(
    "temporarily_unavailable",
    "the centre cannot reach its database or another part it needs",
    "try again in a moment; the log says why",
    status=503,
)
RETRY_AFTER_S = 2


def on_fault(request: Request[Any, Any, Any], error: Fault) -> Response[Any]:
    """The outside failed us for now: whoever asked may ask again."""
    _LOG.warning("request failed for now", path=request.url.path, error=str(error))
    answer = refusals(BUSY.status, BUSY)
    answer.headers["retry-after"] = str(RETRY_AFTER_S)
    return answer


def on_broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A broken invariant: told to the log, not to the caller."""
    _LOG.error("request failed", path=request.url.path, exc_info=error)
    refusal = Refusal(
        "internal_error", "the centre could not answer", "try again; the log says why", status=500
    )
    return refusals(500, refusal)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """No such path, a method that is not offered, a body past the limit."""
    code = {404: "path_not_found", 405: "method_not_allowed", 413: "too_large", 429: "too_many_requests"}
    status = error.status_code
    if status >= 500:
        return on_broken(request, error)
    return refusals(
        status, Refusal(code.get(status, "malformed"), error.detail, "see /schema", status=status)
    )


class TrustedEdge:
    """Answers only to the names the centre is known by, so that a page elsewhere cannot rebind to it.

    Every answer carries the headers that keep a browser from doing what was not meant.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what names us, refuse the rest."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                kept = any(name.lower() == b"cache-control" for name, _ in given)
                message["headers"] = [*given, *_SECURITY_HEADERS, *(() if kept else (_NOT_KEPT,))]
            await send(message)

        if scope["type"] == "http":
            refusal = self._refusal(scope)
            if refusal is not None:
                response = refusals(403, refusal).to_asgi_response(None, Request(scope))
                await response(scope, receive, guarded)
                return
        await self.app(scope, receive, guarded)

    def _refusal(self, scope: Any) -> Refusal | None:
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if _name(host) not in self.hosts:
            return Refusal(
                "host_not_allowed", f"this centre is not {host[:80]!r}", "start it with --host", status=403
            )
        origin = headers.get(b"origin")
        foreign = origin is not None and _name(origin.decode("latin-1").partition("://")[2]) not in self.hosts
        if foreign and scope["method"] not in _SAFE_METHODS:
            return Refusal(
                "origin_not_allowed", "the request comes from another site", "use this site", status=403
            )
        return None


def _name(host: str) -> str:
    """The host without its port; what is no host and port is no name of ours."""
    name, _, port = host.rpartition(":")
    return name if port.isdecimal() and port.isascii() else host
