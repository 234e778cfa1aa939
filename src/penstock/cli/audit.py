"""`penstock audit`: who did what."""

from datetime import datetime
from typing import Annotated

import msgspec
from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.output import print_table


class Entry(msgspec.Struct, frozen=True):
    """One act of the audit log."""

    sequence: int
    at: datetime
    token: str
    verb: str
    object: str
    detail: str


def audit(
    *, after: Annotated[int, Parameter(help="Only entries after this number.")] = 0, call: Call = CALL
) -> None:
    """List who did what, oldest first."""
    with call.client() as client:
        call.show_list(client.items("audit", after=after), Entry, lambda entries: _table(entries, call))


def _table(entries: list[Entry], call: Call) -> None:
    rows = [
        (str(entry.sequence), call.time(entry.at), entry.token, entry.verb, entry.object, entry.detail)
        for entry in entries
    ]
    print_table(("NUMBER", "AT", "TOKEN", "ACT", "OF", "DETAIL"), rows, right=(0,))
