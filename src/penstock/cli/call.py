"""The options that every command has, and what a command does with an answer."""

import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from cyclopts import Parameter

from penstock.cli import formats
from penstock.cli.credentials import resolve
from penstock.cli.output import print_json
from penstock.sdk.errors import SdkUnreachable

if TYPE_CHECKING:
    from penstock.sdk.client import Client

COMMON = "Common options"


@Parameter(name="*")
@dataclass(frozen=True)
class Call:
    """Which centre to ask, as whom, and how to show the answer."""

    url: Annotated[str | None, Parameter(help="Address of the centre.", group=COMMON)] = None
    token: Annotated[str | None, Parameter(help="Token to ask with.", group=COMMON)] = None
    json: Annotated[
        bool, Parameter(help="Print the answer of the API as JSON.", negative="", group=COMMON)
    ] = False
    utc: Annotated[
        bool, Parameter(help="Read and show times in UTC, not in the local zone.", negative="", group=COMMON)
    ] = False

    def client(self) -> "Client":
        """A client for the centre; close it after use."""
        from penstock.sdk.client import Client

        return Client(*resolve(self.url, self.token))

    def time(self, at: datetime | None) -> str:
        """A time as this call shows it."""
        return formats.instant(at, utc=self.utc)

    def show[T](self, answer: Any, kind: type[T], render: Callable[[T], None]) -> None:
        """Print an answer: as it is, or rendered from its type."""
        if self.json:
            print_json(answer)
        else:
            render(understood(answer, kind))

    def show_list[T](self, items: Iterable[Any], kind: type[T], render: Callable[[list[T]], None]) -> None:
        """Print a list, all pages of it."""
        if self.json:
            print_json({"items": list(items), "next": None})
        else:
            render([understood(item, kind) for item in items])


CALL = Call()


def understood[T](answer: Any, kind: type[T]) -> T:
    """The answer as a value of its type."""
    try:
        return msgspec.convert(answer, kind)
    except msgspec.ValidationError as error:
        raise SdkUnreachable("API", f"{error}; the centre may be of another version") from error


def new_id(given: str | None, noun: str) -> str:
    """The id that was given, or a new one that nobody else has."""
    return given or f"{noun}-{secrets.token_hex(6)}"
