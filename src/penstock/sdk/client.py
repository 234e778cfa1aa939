"""A synchronous client of the REST API. Answers are decoded JSON; the caller gives them their types."""

import ipaddress
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote, urlsplit

import msgspec

from penstock.base.refusal import Refusal, invalid
from penstock.sdk.errors import SdkRefused, SdkUnreachable

# httpx's own command line costs more at start-up than all the rest of it.
sys.modules.setdefault("httpx._main", None)  # ty: ignore[no-matching-overload]
import httpx  # noqa: E402

PREFIX = "/api/v1"
PAUSES_S = (0.1, 0.4)
"""Between a failed try and the next; one more try than there are pauses."""
_BROKEN, _NO_ANSWER = 500, (502, 503, 504)

type Query = str | int | datetime | list[str] | None


class _Refusals(msgspec.Struct):
    refusals: tuple[Refusal, ...]


class Client:
    """One centre as the holder of one token sees it.

    A call whose connection fails is repeated with the same content, ids included, where that is safe.
    Raises `SdkRefused` or `SdkUnreachable`, nothing else.
    """

    def __init__(
        self,
        url: str,
        token: str = "",
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.url = url.rstrip("/")
        self._sleep = sleep
        if not (token.isascii() and token.isprintable()):
            raise SdkRefused(
                Refusal(
                    "token_malformed",
                    "the token has characters that no token has",
                    "copy it again",
                    status=401,
                )
            )
        plain = self.url.lower().startswith("http://")  # has no certificate; reading the roots takes 0.1 s
        try:
            self._http = httpx.Client(
                base_url=self.url + PREFIX,
                headers={"authorization": f"Bearer {token}"} if token else {},
                timeout=timeout_s,
                transport=transport,
                trust_env=not _is_loopback(self.url),
                verify=not plain,
            )
        except httpx.InvalidURL as error:
            raise SdkUnreachable(self.url, str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, *path: str, **query: Query) -> Any:
        """The answer of a GET; `path` is given in segments, which are quoted."""
        return self._json(self._send("GET", path, query))

    def post(
        self,
        *path: str,
        body: object = None,
        content: bytes | None = None,
        media_type: str = "application/octet-stream",
        repeatable: bool = True,
        timeout_s: float | None = None,
        **query: Query,
    ) -> Any:
        """The answer of a POST of `body` as JSON, or of raw `content` of a media type.

        Not `repeatable`: it is only tried again where the first try certainly never arrived.
        """
        kind = "application/json" if content is None else media_type
        sent: dict[str, Any] = {"headers": {"content-type": kind}} if (body, content) != (None, None) else {}
        sent["content"] = msgspec.json.encode(body) if content is None and body is not None else content
        if timeout_s is not None:
            sent["timeout"] = timeout_s
        return self._json(self._send("POST", path, query, repeatable=repeatable, **sent))

    def delete(self, *path: str) -> Any:
        """The answer of a DELETE."""
        return self._json(self._send("DELETE", path, {}))

    def download(self, *path: str, **query: Query) -> bytes:
        """The body of a GET as it is: a log, a PDF, a CSV."""
        return self._send("GET", path, query).content

    def items(self, *path: str, **query: Query) -> Iterator[Any]:
        """Every item of a list, page after page."""
        while True:
            page = self.get(*path, **query)
            yield from page["items"]
            if page.get("next") is None or not page["items"]:
                return
            query["after"] = page["next"]

    @contextmanager
    def stream(self, *path: str, idle_s: float, **query: Query) -> Generator[httpx.Response]:
        """An open response whose body is still to be read; httpx errors of reading it are the caller's."""
        timeout = httpx.Timeout(self._http.timeout.connect, read=idle_s)
        with self._http.stream("GET", _path(path), params=_params(query), timeout=timeout) as response:
            if response.is_error:
                response.read()
                self._check(response)
            yield response

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, Query],
        *,
        repeatable: bool = True,
        **sent: Any,
    ) -> httpx.Response:
        where, params = _path(path), _params(query)
        for pause_s in (*PAUSES_S, None):
            try:
                response = self._http.request(method, where, params=params, **sent)
            except httpx.TransportError as error:
                arrived = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
                if pause_s is None or (arrived and not repeatable):
                    raise SdkUnreachable(self.url, str(error) or type(error).__name__) from error
            except (httpx.InvalidURL, httpx.HTTPError) as error:
                raise SdkUnreachable(self.url, str(error)) from error
            else:
                if pause_s is None or not repeatable or response.status_code not in _NO_ANSWER:
                    return self._check(response)
            self._sleep(pause_s)
        raise AssertionError("the last try returns or raises")

    def _check(self, response: httpx.Response) -> httpx.Response:
        """The response, unless it is a refusal or the server failed."""
        if response.is_success:
            return response
        try:
            found = msgspec.json.decode(response.content, type=_Refusals).refusals
        except msgspec.MsgspecError:
            found = ()
        if found and response.status_code not in (_BROKEN, *_NO_ANSWER):
            raise SdkRefused(*found)
        said = f": {found[0].message}" if found else ""
        raise SdkUnreachable(self.url, f"HTTP {response.status_code}{said}")

    def _json(self, response: httpx.Response) -> Any:
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError as error:
            raise SdkUnreachable(self.url, "the answer is no JSON; is this a Penstock centre?") from error


def _path(segments: tuple[str, ...]) -> str:
    """The segments as a path; one that is empty or made of dots would mean another place."""
    for segment in segments:
        if not segment.strip("."):
            raise SdkRefused(invalid("id_malformed", f"{segment!r} is no id", "give an id that exists"))
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def _params(query: dict[str, Query]) -> dict[str, str | list[str]]:
    return {name: _text(value) for name, value in query.items() if value is not None}


def _text(value: Query) -> str | list[str]:
    if isinstance(value, list):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _is_loopback(url: str) -> bool:
    """No proxy of the environment stands between this host and itself."""
    try:
        host = urlsplit(url).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
