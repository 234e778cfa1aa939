"""The web application: API, documents and the console, over one centre."""

import sys
from collections.abc import Callable
from typing import Any

from litestar import Litestar, Request, Response, Router, get
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin

from penstock.app.context import App
from penstock.app.intake import Intake
from penstock.app.ports import Probe
from penstock.base.refusal import Fault, Refused
from penstock.web import edge, metrics
from penstock.web.api import (
    centre,
    compute,
    economics,
    exports,
    fleet,
    identity,
    jobs,
    ladder,
    metering,
    money,
    port,
    selling,
)
from penstock.web.api.pricing import ROUTER as PRICING
from penstock.web.console import routes
from penstock.web.console.routes import CONSOLE, FILES, palette
from penstock.web.gathering import Gathering
from penstock.web.single_events import SingleEvents

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


@get("/healthz", sync_to_thread=False)
def health() -> dict[str, str]:
    """Alive."""
    return {"status": "ok"}


def _on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """No such path and the like, as a page or as the API says it."""
    answer = routes.on_http if routes.is_for_people(request) else edge.on_http
    return answer(request, error)


_SWITCH_S = 0.0005
"""So long a request waits for threads that compute, each time it comes back from the database; Python's own 5 ms add up
to hundreds for one page.
"""


def application(app: App, probe: Probe, hosts: frozenset[str] = frozenset(), debug: bool = False) -> Litestar:
    """All of it. `hosts` are further names that the centre answers to."""
    sys.setswitchinterval(_SWITCH_S)
    api = Router(
        "/api/v1",
        route_handlers=[
            PRICING,
            centre.ROUTER,
            ladder.ROUTER,
            fleet.ROUTER,
            compute.ROUTER,
            identity.ROUTER,
            selling.ROUTER,
            jobs.ROUTER,
            money.ROUTER,
            economics.ROUTER,
            port.ROUTER,
            metering.ROUTER,
            exports.ROUTER,
        ],
    )

    intake = Intake(app)

    def provide[T](value: T) -> Callable[[], T]:
        return lambda: value

    web = Litestar(
        route_handlers=[api, CONSOLE, FILES, palette, health, metrics.endpoint()],
        dependencies={
            "centre": Provide(provide(app), sync_to_thread=False),
            "intake": Provide(provide(intake), sync_to_thread=False),
            "probe": Provide(provide(probe), sync_to_thread=False),
            "principal": Provide(edge.principal_of, sync_to_thread=True),
        },
        request_class=edge.TypedRequest,
        exception_handlers={
            Refused: edge.on_refused,
            Fault: edge.on_fault,
            ValidationException: edge.on_malformed,
            UnicodeDecodeError: edge.on_not_utf8,
            HTTPException: _on_http,
            Exception: edge.on_broken,
        },
        openapi_config=OpenAPIConfig(title="Penstock", version="1", render_plugins=[JsonRenderPlugin()]),
        state=State({"centre": app}),
        debug=debug,
    )
    # Around everything: what middleware gets never hears of a path that does not exist.
    inner = SingleEvents(web.asgi_handler, Gathering(app, intake))
    web.asgi_handler = edge.TrustedEdge(inner, LOOPBACK_HOSTS | hosts)
    return web
