"""Two families of error, never mixed.

A **refusal** is an answer: the request was understood and declined, nothing was written. It is a value
(`Refusal`) in the core and is raised as `Refused` by a verb, so that its transaction is rolled back.
A **fault** is the outside failing (`Fault`): the loop tries again. Anything else is a broken invariant
(`AssertionError`): the process stops and restarts from its rows.
"""

import msgspec


class Refusal(msgspec.Struct, frozen=True, omit_defaults=True):
    """Why a request was declined, and how to mend it.

    `code` is stable and meant for programs; `where` is a path such as `resources.accelerators` or
    `job.yaml:3:5`; `status` is the HTTP status at the edge (422 is for malformed input only).
    """

    code: str
    message: str
    remedy: str
    where: str = ""
    status: int = 409


class Refused(Exception):
    """Carries one or more refusals out of a verb."""

    def __init__(self, *refusals: Refusal) -> None:
        assert refusals, "a refusal says why"
        self.refusals = refusals
        super().__init__("; ".join(f"{r.code}: {r.message}" for r in refusals))


class Fault(Exception):
    """The outside failed while we were doing something; the loop tries again."""


def invalid(code: str, message: str, remedy: str, where: str = "") -> Refusal:
    """Malformed input: HTTP 422."""
    return Refusal(code, message, remedy, where, 422)


_LISTED_BY = {
    "job": "ps",
    "device": "fleet list",
    "price_book": "price list",
    "account": "ledger accounts",
    "credit_note": "invoice show",
    "task": "show",
    "attempt": "show",
}
"""Nouns that are listed by another command than `penstock NOUN list`."""


def not_found(noun: str, name: str) -> Refusal:
    """No such thing, or none that the caller may know of: HTTP 404."""
    command = _LISTED_BY.get(noun, f"{noun} list")
    return Refusal(
        f"{noun}_not_found",
        f"there is no {noun.replace('_', ' ')} {name!r}",
        f"see what there is with `penstock {command}`",
        noun,
        404,
    )


def disk_full() -> Refusal:
    """The disk under the data directory takes no more: HTTP 507."""
    return Refusal(
        "disk_full", "the disk of the data directory is full; nothing was written", "free space", "data", 507
    )


def forbidden(message: str, remedy: str) -> Refusal:
    """The caller is known but may not do this: HTTP 403."""
    return Refusal("forbidden", message, remedy, status=403)


def ensure[T](outcome: T | Refusal) -> T:
    """The value, or raise its refusal."""
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return outcome
