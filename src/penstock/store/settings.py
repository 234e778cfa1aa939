"""Values of the centre as a whole: its revision, gapless number series, and what was asked under which id."""

from collections import Counter
from weakref import WeakKeyDictionary

import msgspec
from sqlalchemy import BigInteger, Connection, Text, bindparam, cast, or_, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from penstock.base.ids import digest, id_conflict
from penstock.base.refusal import Refused
from penstock.store import rows
from penstock.store.prepared import Prepared
from penstock.store.tables import REQUESTS, SETTINGS, Request, Setting

REVISION, FLEET, SELDOM = "revision", "fleet_revision", "seldom_revision"
"""Count changes: of all that placement decides by; of nodes and devices; of leases, offers, tenants and the like."""
PLACEMENT, SETTLED, FENCE = "placement", "ladder/settled", "loop_fence"
_OFTEN = (REVISION, FLEET, SELDOM, PLACEMENT, SETTLED, FENCE)
"""What nearly every transaction of the loop asks for is read together, once in a transaction."""
_READ_OFTEN = Prepared(
    select(SETTINGS.c.key, SETTINGS.c.value).where(or_(*(SETTINGS.c.key == key for key in _OFTEN)))
)
_SEEN: WeakKeyDictionary[Connection, dict[str, str | None]] = WeakKeyDictionary()
"""Transaction -> what it knows of settings; nobody else changes them meanwhile."""
_BUMPED: WeakKeyDictionary[Connection, Counter[str]] = WeakKeyDictionary()
_COUNT_UP = Prepared(
    *(
        insert(SETTINGS)
        .values(key=bindparam("name"), value="1")
        .on_conflict_do_update(
            index_elements=["key"], set_={"value": cast(cast(SETTINGS.c.value, BigInteger) + 1, Text)}
        )
        for insert in (sqlite_insert, postgresql_insert)
    )
)

_ASK = Prepared(*(insert(REQUESTS).on_conflict_do_nothing() for insert in (sqlite_insert, postgresql_insert)))


def get(tx: Connection, key: str, default: str = "") -> str:
    """A setting's value."""
    seen = _SEEN.setdefault(tx, {})
    if key not in seen:
        _read(tx, key, seen)
    value = seen[key]
    return default if value is None else value


def _read(tx: Connection, key: str, seen: dict[str, str | None]) -> None:
    if key in _OFTEN:
        found = {row[0]: row[1] for row in _READ_OFTEN.all(tx)}
        seen.update({name: found.get(name) for name in _OFTEN})
    else:
        setting = rows.get(tx, SETTINGS, key=key)
        seen[key] = None if setting is None else setting.value


def put(tx: Connection, key: str, value: str) -> None:
    """Set a value."""
    rows.save(tx, SETTINGS, Setting(key, value))
    _SEEN.setdefault(tx, {})[key] = value


def revision(tx: Connection) -> int:
    """Counts every change that a placement decision depends on."""
    return int(get(tx, REVISION, "0"))


def bump(tx: Connection, key: str = REVISION) -> None:
    """Say that decisions made on an earlier revision no longer hold; it is counted once in a transaction."""
    bumped = _BUMPED.setdefault(tx, Counter())
    bumped[key] += 1
    if bumped[key] == 1:
        _COUNT_UP.change(tx, [{"name": key}])
        seen = _SEEN.get(tx, {})
        if key in seen:
            seen[key] = str(int(seen[key] or "0") + 1)


def bumps(tx: Connection, key: str) -> int:
    """How often this transaction has said so."""
    return _BUMPED[tx][key] if tx in _BUMPED else 0


def bumped(tx: Connection) -> bool:
    """Whether a transaction has said so, of its decisions or anything else's."""
    return tx in _BUMPED


def next_number(tx: Connection, series: str) -> int:
    """The next number of a series, without gaps: it is taken back when the transaction fails."""
    number = int(get(tx, f"number/{series}", "0")) + 1
    put(tx, f"number/{series}", str(number))
    return number


def first_time(tx: Connection, noun: str, name: str, request: msgspec.Struct | dict[str, object]) -> bool:
    """Whether this id is new; False for a retry; refused where it was used for something else."""
    asked = Request(noun, name, digest(request))
    if _ASK.change(tx, [rows.values(asked)]):
        return True
    known = rows.get(tx, REQUESTS, noun=noun, id=name)
    if known.digest != asked.digest:
        raise Refused(id_conflict(noun, name))
    return False
