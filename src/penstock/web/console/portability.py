"""Portability: what stops a pasted program or an uploaded archive from running on other chips."""

from typing import Any

import anyio
from litestar import Request, Response, Router, get, post
from litestar.datastructures import UploadFile

from penstock.app import jobs
from penstock.app.catalogue import known_accelerators
from penstock.base.refusal import Refusal, Refused, ensure, invalid
from penstock.fleet.accelerators import Catalogue
from penstock.portability.check import is_wanted
from penstock.portability.model import Options, Report
from penstock.portability.rules import rules
from penstock.portability.targets import targets
from penstock.probes.source_archive import read_archive
from penstock.probes.source_tree import Source
from penstock.web.api.port import ARCHIVE_LIMIT_BYTES, LIMITS, checked
from penstock.web.console.pages import page
from penstock.web.console.visitor import GivenForm, GivenVisitor, Visitor
from penstock.web.documents import port_words
from penstock.web.documents.port_html import groups
from penstock.web.documents.port_words import WORDS
from penstock.web.given import GivenApp

PASTED_FILE = "pasted.py"
PASTED_BYTES_MAX = 512 * 1024
OURS = frozenset({"cuda", "cpu"})
"""What programs are ported from, or need no port for."""


def offered(known: Catalogue) -> dict[str, str]:
    """Software stack -> its makers, for the form."""
    found: dict[str, dict[str, None]] = {}
    for chip in known.values():
        if chip.stack not in OURS:
            found.setdefault(chip.stack, {})[chip.vendor] = None
    return {stack: ", ".join(makers) for stack, makers in found.items()}


@get("/portability", sync_to_thread=True)
def show(centre: GivenApp, visitor: GivenVisitor) -> Response[Any]:
    """Where code is pasted or an archive is chosen."""
    return _page(visitor, offered(known_accelerators(centre)), "", ["cann"], None, ())


def _page(
    visitor: Visitor,
    stacks: dict[str, str],
    text: str,
    chosen: list[str],
    report: Report | None,
    refused: tuple[Refusal, ...],
) -> Response[Any]:
    jobs.require_upload(visitor.principal)
    return page(
        "portability",
        visitor,
        status=refused[0].status if refused else 200,
        text=text,
        chosen=chosen,
        offered=stacks,
        report=report,
        words=WORDS,
        why=lambda rule: port_words.why(rules()[rule], visitor.taste.language),
        hazard=lambda effect: port_words.hazard(effect.finding.rule, effect.hazard, visitor.taste.language),
        groups=groups,
        refused=refused,
    )


@post("/portability", status_code=200, request_max_body_size=ARCHIVE_LIMIT_BYTES)
async def check(
    centre: GivenApp, visitor: GivenVisitor, form: GivenForm, request: Request[Any, Any, Any]
) -> Response[Any]:
    """Findings for each target; nothing of the program is run or kept."""
    jobs.require_upload(visitor.principal)
    known = await anyio.to_thread.run_sync(lambda: known_accelerators(centre))
    stacks = offered(known)
    chosen = [name for name in stacks if form.get(f"to.{name}")]
    upload = (await request.form()).get("archive")
    archive = await upload.read() if isinstance(upload, UploadFile) else b""
    text = form.get("text", "")
    try:
        wanted = ensure(targets(tuple(chosen), known)) if chosen else None
        if wanted is None:
            raise Refused(invalid("target_missing", "no chip is chosen", "choose where it shall run", "to"))
        report = await checked(lambda: _source(archive, text), wanted)
    except Refused as refused:
        found = refused.refusals
        return await anyio.to_thread.run_sync(lambda: _page(visitor, stacks, text, chosen, None, found))
    return await anyio.to_thread.run_sync(lambda: _page(visitor, stacks, text, chosen, report, ()))


def _source(archive: bytes, text: str) -> Source:
    if archive:
        return ensure(read_archive(archive, lambda path: is_wanted(path, Options()), LIMITS))
    if not text.strip():
        raise Refused(
            invalid("source_missing", "there is no code", "paste some, or choose an archive", "text")
        )
    content = text.encode()
    if len(content) > PASTED_BYTES_MAX:
        raise Refused(invalid("source_too_large", "more than 512 KiB are pasted", "send an archive", "text"))
    return Source({PASTED_FILE: content})


ROUTER = Router("/", route_handlers=[show, check], include_in_schema=False)
