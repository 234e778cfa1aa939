"""The audit log: append-only, each entry chained to the one before by SHA-256."""

import hashlib
from datetime import datetime

import msgspec
from sqlalchemy import Connection, func, select

from penstock.store import rows
from penstock.store.prepared import Prepared
from penstock.store.tables import AUDIT, AuditEntry

_LAST = Prepared(select(AUDIT).order_by(AUDIT.c.sequence.desc()).limit(1))


def record(tx: Connection, at: datetime, token: str, verb: str, name: str, detail: str = "") -> None:
    """Add one act to the chain. `detail` never holds a secret."""
    last = rows.first(tx, _LAST, AuditEntry)
    entry = AuditEntry(
        sequence=1 if last is None else last.sequence + 1,
        at=at,
        token=token,
        verb=verb,
        object=name,
        detail=detail,
        previous_hash="" if last is None else last.hash,
        hash="",
    )
    rows.add(tx, AUDIT, [msgspec.structs.replace(entry, hash=_hash(entry))])


def entries(tx: Connection, after: int = 0, limit: int = 200) -> tuple[AuditEntry, ...]:
    """Entries in order, from the one after a sequence number."""
    return rows.many(tx, AUDIT, AUDIT.c.sequence > after, order=[AUDIT.c.sequence], limit=limit)


def latest(tx: Connection, before: int, limit: int) -> tuple[AuditEntry, ...]:
    """Entries, newest first, from the one before a sequence number; from the last with 0."""
    where = [AUDIT.c.sequence < before] if before else []
    return rows.many(tx, AUDIT, *where, order=[AUDIT.c.sequence.desc()], limit=limit)


def check(tx: Connection) -> list[str]:
    """Where the chain is broken; empty when it holds."""
    findings: list[str] = []
    sequence, chained = 0, ""
    for entry in rows.many(tx, AUDIT, order=[AUDIT.c.sequence]):
        blank = msgspec.structs.replace(entry, hash="")
        if (entry.sequence, entry.previous_hash) != (sequence + 1, chained):
            findings.append(f"audit entry {entry.sequence} does not follow {sequence}")
        if entry.hash != _hash(blank):
            findings.append(f"audit entry {entry.sequence} was changed")
        sequence, chained = entry.sequence, entry.hash
    return findings


def _hash(entry: AuditEntry) -> str:
    return hashlib.sha256(msgspec.json.encode(entry, order="deterministic")).hexdigest()


def count(tx: Connection) -> int:
    """How many acts are recorded."""
    return tx.execute(select(func.coalesce(func.max(AUDIT.c.sequence), 0))).scalar_one()
