"""What is read often and changes seldom: read again only after a setting that counts its changes has moved."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from penstock.store import settings


class Remembered[T]:
    """The answer of a read, as the transaction sees it.

    What a transaction has read that has changed something itself is remembered for that transaction alone, until
    it changes more: it may yet be taken back.
    """

    def __init__(self, counter: str, read: Callable[[Connection], T]) -> None:
        self._counter, self._read = counter, read
        self._known: WeakKeyDictionary[Engine, tuple[str, T]] = WeakKeyDictionary()
        self._own: WeakKeyDictionary[Connection, tuple[int, T]] = WeakKeyDictionary()

    def __call__(self, tx: Connection) -> T:
        """The remembered answer, or a new one."""
        if bumps := settings.bumps(tx, self._counter):
            own = self._own.get(tx)
            if own is None or own[0] != bumps:
                own = self._own[tx] = bumps, self._read(tx)
            return own[1]
        count = settings.get(tx, self._counter)
        known = self._known.get(tx.engine)
        if known is None or known[0] != count:
            known = self._known[tx.engine] = count, self._read(tx)
        return known[1]

    def keep(self, tx: Connection, found: T) -> None:
        """What this transaction would read now is this: whoever wrote knows it."""
        self._own[tx] = settings.bumps(tx, self._counter), found

    def committed(self, tx: Connection, count: str, found: T) -> None:
        """What it would have read at its end was committed with this count."""
        self._known[tx.engine] = count, found
