"""What is read often and changes seldom: read again only after a setting that counts its changes has moved."""

from collections.abc import Callable
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine

from penstock.store import settings


class Remembered[T]:
    """The answer of a read, as the transaction sees it.

    What a transaction that writes has read is not remembered: it may yet be taken back.
    """

    def __init__(self, counter: str, read: Callable[[Connection], T]) -> None:
        self._counter, self._read = counter, read
        self._known: WeakKeyDictionary[Engine, tuple[str, T]] = WeakKeyDictionary()

    def __call__(self, tx: Connection) -> T:
        """The remembered answer, or a new one."""
        count = settings.get(tx, self._counter)
        known = self._known.get(tx.engine)
        if known is not None and known[0] == count:
            return known[1]
        found = self._read(tx)
        if not tx.get_execution_options().get("penstock_write"):
            self._known[tx.engine] = (count, found)
        return found
