"""All of the console: its pages, its files, and how it says what went wrong."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import structlog
from litestar import Request, Response, Router, get
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from litestar.static_files import create_static_files_router

from penstock.base.refusal import Fault, Refusal, Refused
from penstock.web.console import (
    admin,
    agreements,
    billing,
    economics,
    fleet,
    jobs,
    leases,
    live,
    losses,
    market,
    overview,
    planner,
    portability,
    settings,
    sign_in,
)
from penstock.web.console.pages import bare_page, page
from penstock.web.console.visitor import SignInNeeded, form_of, taste_of, visitor_of
from penstock.web.edge import BUSY, RETRY_AFTER_S

STATIC = Path(__file__).parent / "static"
PALETTE = Path(__file__).parent.parent / "documents/templates/palette.css"
FRESH_S = 300

_LOG = structlog.get_logger()


@get("/static/palette.css", sync_to_thread=False, include_in_schema=False)
def palette() -> Response[bytes]:
    """The colours that pages and reports share."""
    headers = {"cache-control": f"max-age={FRESH_S}"}
    return Response(PALETTE.read_bytes(), media_type="text/css", headers=headers)


def on_sign_in_needed(request: Request[Any, Any, Any], error: SignInNeeded) -> Response[Any]:
    """To the sign-in page, and back afterwards; the way back of a form is its page."""
    back = error.back if request.method == "GET" else "/overview"
    return Redirect(f"/sign-in?back={quote(back, safe='')}", status_code=303)


def on_refused(request: Request[Any, Any, Any], error: Refused) -> Response[Any]:
    """Declined by a verb: what was wrong, and how to mend it."""
    return _refused(request, error.refusals[0].status, *error.refusals)


def on_http(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """No such page, a method that is not offered, a form past the limit."""
    if error.status_code >= 500:
        return on_broken(request, error)
    refusal = Refusal("malformed", error.detail, "go back and try again", status=error.status_code)
    if error.status_code == 404:
        refusal = Refusal("page_not_found", "there is no such page", "begin at the overview", status=404)
    if error.status_code == 429:
        refusal = Refusal(
            "too_many_requests", "too many tries in one minute", "try again in a minute", status=429
        )
    return _refused(request, error.status_code, refusal)


def is_for_people(request: Request[Any, Any, Any]) -> bool:
    """Whether somebody at a browser asked for something that is none of the API's."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/api/")


def on_fault(request: Request[Any, Any, Any], error: Fault) -> Response[Any]:
    """The outside failed us for now; the page of a visitor needs the database, so this one has none."""
    _LOG.warning("page failed for now", path=request.url.path, error=str(error))
    answer = bare_page("refused", taste_of(request), status=BUSY.status, refused=(BUSY,))
    answer.headers["retry-after"] = str(RETRY_AFTER_S)
    return answer


def on_broken(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """A fault or a broken invariant: told to the log, not to the visitor."""
    _LOG.error("page failed", path=request.url.path, exc_info=error)
    refusal = Refusal("internal_error", "the centre could not answer", "try again; the log says why")
    return _refused(request, 500, refusal)


def _refused(request: Request[Any, Any, Any], status: int, *refusals: Refusal) -> Response[Any]:
    app = request.app.state["centre"]
    try:
        return page("refused", visitor_of(request, app), status=status, refused=refusals)
    except SignInNeeded:
        return bare_page("refused", taste_of(request), status=status, refused=refusals)


CONSOLE = Router(
    "/",
    route_handlers=[
        sign_in.ROUTER,
        overview.ROUTER,
        fleet.ROUTER,
        market.ROUTER,
        agreements.ROUTER,
        leases.ROUTER,
        jobs.ROUTER,
        billing.ROUTER,
        economics.ROUTER,
        planner.ROUTER,
        portability.ROUTER,
        losses.ROUTER,
        settings.ROUTER,
        admin.ROUTER,
        live.ROUTER,
    ],
    dependencies={
        "visitor": Provide(visitor_of, sync_to_thread=True),
        "form": Provide(form_of),
    },
    exception_handlers={
        SignInNeeded: on_sign_in_needed,
        Refused: on_refused,
        Fault: on_fault,
        HTTPException: on_http,
        Exception: on_broken,
    },
    include_in_schema=False,
)
FILES = create_static_files_router(
    path="/static/console",
    directories=[STATIC],
    cache_control=None,
    include_in_schema=False,
)
