"""Endpoints of portability: check an uploaded archive, and what to port first."""

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import Any, Literal

import anyio
from litestar import Request, Response, Router, get, post
from litestar.params import FromQuery

from penstock.app import jobs, software
from penstock.app.catalogue import known_accelerators
from penstock.base.refusal import ensure
from penstock.insight.refused import RefusedDemand
from penstock.portability.check import is_wanted
from penstock.portability.model import Options, Report
from penstock.portability.targets import Target, targets
from penstock.probes.source_archive import read_archive
from penstock.probes.source_check import check_source
from penstock.probes.source_tree import Limits, Source
from penstock.web.documents import port_html, port_json, port_sarif
from penstock.web.documents.ladder_words import Language, language_of
from penstock.web.given import GivenApp, GivenPrincipal

ARCHIVE_LIMIT_BYTES = 64 * 2**20
LIMITS = Limits(
    files=20_000,
    total_bytes=256 * 2**20,
    unpacked_bytes=2**30,
    archive_bytes=ARCHIVE_LIMIT_BYTES,
    seconds=60.0,
)
_AT_ONCE = anyio.Semaphore(1)
"""Checks take the cores of a host that also runs jobs: one after the other."""

type Form = Literal["json", "sarif", "html"]


@post("/port/check", request_max_body_size=ARCHIVE_LIMIT_BYTES, status_code=200)
async def check(
    centre: GivenApp,
    principal: GivenPrincipal,
    request: Request[Any, Any, Any],
    to: FromQuery[str],
    form: FromQuery[Form] = "json",
    title: FromQuery[str] = "archive",
    language: FromQuery[str] = "en",
) -> Response[bytes]:
    """What stops the program in an archive (zip or tar) from running on other chips. Nothing of it is run or kept."""
    jobs.require_upload(principal)
    names = tuple(part.strip() for part in to.split(",") if part.strip())
    wanted = ensure(targets(names, known_accelerators(centre)))
    archive = await request.body()
    report = await checked(
        lambda: ensure(read_archive(archive, lambda path: is_wanted(path, Options()), LIMITS)), wanted
    )
    content, kind = rendered(report, form, title[:80], language_of(language))
    return Response(content, media_type=kind)


async def checked(source: Callable[[], Source], wanted: tuple[Target, ...]) -> Report:
    """The report of a source that is read and checked in a thread, when no other is."""

    def work() -> Report:
        return check_source(source(), wanted, limits=LIMITS, isolated=True)

    async with _AT_ONCE:
        return await anyio.to_thread.run_sync(work)


def rendered(report: Report, form: Form, title: str, language: Language) -> tuple[bytes, str]:
    """A report in a form, with its media type."""
    if form == "html":
        return port_html.document(report, title, language).encode(), "text/html; charset=utf-8"
    if form == "sarif":
        return port_sarif.document(report, version("penstock")), "application/sarif+json"
    return port_json.document(report), "application/json"


@get("/port/first", sync_to_thread=True)
def first(
    centre: GivenApp,
    principal: GivenPrincipal,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
) -> RefusedDemand:
    """Demand of a window that software kept out, by rule, in money: what to port first."""
    return software.port_first(centre, principal, start, end)


ROUTER = Router("/", route_handlers=[check, first])
