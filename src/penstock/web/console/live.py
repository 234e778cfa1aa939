"""Streams for pages: that something changed, and the output of a task."""

from collections.abc import AsyncGenerator
from typing import Any

import anyio
import msgspec
from litestar import Router, get
from litestar.params import FromPath, FromQuery
from litestar.response import ServerSentEvent, ServerSentEventMessage

from penstock.app import jobs, sampling, tokens
from penstock.app.overview import window_named
from penstock.store import samples
from penstock.web.api import centre as centre_api
from penstock.web.api import jobs as jobs_api
from penstock.web.console.visitor import GivenVisitor
from penstock.web.given import GivenApp, GivenProbe

SAMPLE_EVERY_S = 1.0


@get("/live")
async def live(centre: GivenApp, visitor: GivenVisitor) -> ServerSentEvent:
    """Says within a second that something changed, until the session ends."""
    return ServerSentEvent(centre_api.changes(centre, visitor.principal))


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


@get("/jobs/{name:str}/devices")
async def watch(
    centre: GivenApp, visitor: GivenVisitor, probe: GivenProbe, name: FromPath[str], rank: FromQuery[int] = 0
) -> ServerSentEvent:
    """What the devices of one task do, each second, while it has them."""
    seen = await anyio.to_thread.run_sync(jobs.devices_of_task, centre, visitor.principal, name, rank)

    async def told() -> AsyncGenerator[ServerSentEventMessage]:
        devices = seen
        while devices and await anyio.to_thread.run_sync(tokens.still_valid, centre, visitor.principal):
            samples = await anyio.to_thread.run_sync(probe.sample, devices)
            shown = [
                {"device": device.id, **msgspec.to_builtins(samples[device.id])}
                for device in devices
                if device.id in samples
            ]
            data = msgspec.json.encode({"at": centre.now().timestamp(), "devices": shown}).decode()
            yield ServerSentEventMessage(event="sample", data=data)
            await anyio.sleep(SAMPLE_EVERY_S)
            devices = await anyio.to_thread.run_sync(
                jobs.devices_of_task, centre, visitor.principal, name, rank
            )
        yield ServerSentEventMessage(event="end", data="{}")

    return ServerSentEvent(told())


@get("/jobs/{name:str}/history", sync_to_thread=True)
def task_history(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], rank: FromQuery[int] = 0
) -> dict[str, Any]:
    """What the devices of one task did so far, minute by minute."""
    return _series(sampling.task_history(centre, visitor.principal, name, rank))


@get("/fleet/devices/{name:str}/history", sync_to_thread=True)
def device_history(
    centre: GivenApp, visitor: GivenVisitor, name: FromPath[str], window: FromQuery[str] = "24h"
) -> dict[str, Any]:
    """What one device did lately, minute by minute."""
    length = min(window_named(window), samples.KEPT)
    return _series(sampling.device_history(centre, visitor.principal, name, length))


def _series(seen: samples.Seen) -> dict[str, Any]:
    return {"times": [at.timestamp() for at in seen.times], "devices": seen.devices}


ROUTER = Router(
    "/", route_handlers=[live, follow, watch, task_history, device_history], include_in_schema=False
)
