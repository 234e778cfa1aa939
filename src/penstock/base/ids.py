"""Ids are made by callers: the same id with the same content is the same thing, so a retry is safe."""

import hashlib
import re

import msgspec

from penstock.base.refusal import Refusal, invalid

_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?")


def check_id(text: str, where: str = "id") -> str | Refusal:
    """1 to 64 of a-z, 0-9, dot, dash and underscore, starting and ending with a letter or digit."""
    if _ID.fullmatch(text):
        return text
    return invalid(
        "id_malformed", f"{text[:80]!r} is no id", "use a-z, 0-9, '.', '-' and '_', at most 64", where
    )


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON, in hex: tells a retry from another request under the same id."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def derived_id(*parts: object) -> str:
    """A stable 32-digit id of its parts, for rows that the platform itself makes more than once."""
    return hashlib.sha256("\x1f".join(map(str, parts)).encode()).hexdigest()[:32]


def id_conflict(noun: str, name: str) -> Refusal:
    """The id exists with other content."""
    return Refusal(
        "id_conflict",
        f"{noun} {name!r} exists with other content",
        "use a new id, or send the same content again",
        "id",
    )
