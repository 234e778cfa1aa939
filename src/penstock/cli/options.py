"""Arguments and options that several commands share."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from cyclopts import Parameter

from penstock.base.refusal import Refused, invalid
from penstock.cli.clock import now
from penstock.cli.parse import duration, instant

Id = Annotated[
    str | None, Parameter(name="--id", help="Id to use; a repeat under the same id changes nothing.")
]
Tenant = Annotated[str | None, Parameter(help="Tenant to act for; by default the token's own.")]
Output = Annotated[
    str | None, Parameter(name=["--output", "-o"], help="File to write; by default standard output.")
]


@Parameter(name="*")
@dataclass(frozen=True)
class Span:
    """A stretch of time, as an end and a length or as two ends."""

    last: Annotated[str | None, Parameter(help="The time up to now, such as 24h or 7d.")] = None
    start: Annotated[
        str | None, Parameter(name="--from", help="Beginning of the time, such as 2026-11-01.")
    ] = None
    end: Annotated[str | None, Parameter(name="--to", help="End of the time, which is not part of it.")] = (
        None
    )

    def ends(self, *, utc: bool) -> tuple[datetime | None, datetime | None]:
        """Start and end; None where nothing was said."""
        if self.last is None:
            return instant(self.start, "--from", utc=utc), instant(self.end, "--to", utc=utc)
        if self.start or self.end:
            raise Refused(
                invalid("window_twice", "--last and --from or --to are given", "leave one out", "--last")
            )
        end = now()
        return end - duration(self.last, "--last"), end


ALWAYS = Span()
