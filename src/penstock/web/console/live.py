"""Streams for pages: that something changed, and the output of a task."""

from litestar import Router, get
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent

from penstock.web.api import centre as centre_api
from penstock.web.api import jobs as jobs_api
from penstock.web.console.visitor import GivenVisitor
from penstock.web.given import GivenApp


@get("/live")
async def live(centre: GivenApp, visitor: GivenVisitor) -> ServerSentEvent:  # noqa: ARG001
    """Says within a second that something changed."""
    return ServerSentEvent(centre_api.changes(centre))


@get("/jobs/{name:str}/follow")
async def follow(
    centre: GivenApp,
    visitor: GivenVisitor,
    name: FromPath[str],
    rank: FromQuery[int] = 0,
    attempt: FromQuery[int] = 0,
    offset: FromQuery[int] = 0,
) -> ServerSentEvent:
    """Output as it comes, until the job ends."""
    return await jobs_api.follow_task(centre, visitor.principal, name, rank, attempt, offset)


ROUTER = Router("/", route_handlers=[live, follow], include_in_schema=False)
