"""Single events of many requests: those that wait while others are kept are given to the intake together.

A thread and a commit for each request would cost more than the events themselves.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

import anyio

from penstock.app.context import App
from penstock.app.intake import Intake, Outcome
from penstock.app.tokens import authenticate
from penstock.billing.metering.cloudevents import Reading
from penstock.lease.tenant import Principal


class _Waiting(NamedTuple):
    secret: str
    read: Callable[[], Reading]
    answer: asyncio.Future[Outcome]


class Gathering:
    """Used from one event loop."""

    def __init__(self, app: App, intake: Intake) -> None:
        self._app, self._intake = app, intake
        self._waiting: list[_Waiting] = []
        self._sender: asyncio.Task[None] | None = None

    async def send(self, secret: str, read: Callable[[], Reading]) -> Outcome:
        """Keep the event that `read` gives, for the holder of the secret; durable when it returns."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(secret, read, answer))
        if self._sender is None:
            self._sender = asyncio.create_task(self._send_all())
        return await answer

    async def _send_all(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting, []
            outcomes = await anyio.to_thread.run_sync(self._outcomes, taken)
            for one, outcome in zip(taken, outcomes, strict=True):
                if one.answer.done():  # whoever asked is gone
                    continue
                if isinstance(outcome, BaseException):
                    one.answer.set_exception(outcome)
                else:
                    one.answer.set_result(outcome)
        self._sender = None

    def _outcomes(self, taken: Sequence[_Waiting]) -> list[Outcome | BaseException]:
        """One outcome for each, in order; each holder of a token is looked up once."""
        found: dict[int, Outcome | BaseException] = {}
        for secret in dict.fromkeys(one.secret for one in taken):
            mine = [number for number, one in enumerate(taken) if one.secret == secret]
            try:
                holder = authenticate(self._app, secret)
                found |= zip(mine, self._of_one(holder, [taken[number].read for number in mine]), strict=True)
            except Exception as error:  # noqa: BLE001 - each of them hears of it
                found |= dict.fromkeys(mine, error)
        return [found[number] for number in range(len(taken))]

    def _of_one(self, holder: Principal, reads: Sequence[Callable[[], Reading]]) -> list[Outcome]:
        return self._intake.outcomes(holder, [read() for read in reads])
