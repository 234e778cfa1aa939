"""`penstock economics`: what the centre earned and cost, from its own books."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.cli.app import tree
from penstock.cli.call import CALL, Call
from penstock.cli.options import ALWAYS, Span
from penstock.cli.plan_economics import content_of, print_sections, spoken
from penstock.insight.earned import LiveAccounts

app = tree("economics")


@app.command
def show(
    *,
    span: Span = ALWAYS,
    by: Annotated[
        Literal["model", "node", "tenant", "tranche"] | None, Parameter(help="Accounts for each of these.")
    ] = None,
    call: Call = CALL,
) -> None:
    """Show profit and loss of a time, per card-hour too, beside what moved on the ledger.

    Without a time it is the last seven days.
    """
    from penstock.web.documents.economics_live import sections

    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        answer = client.get("economics", start=start, end=end, by=by)
    call.show(answer, dict[str, LiveAccounts], lambda found: print_sections(sections(found, spoken())))


@app.command
def costs(
    file: Annotated[
        Path | None,
        Parameter(name="FILE", help="YAML with costs, loans and power; without it they are shown."),
    ] = None,
    /,
    *,
    call: Call = CALL,
) -> None:
    """Enter what the centre costs beside its devices, or show what was entered."""
    with call.client() as client:
        if file is None:
            answer = client.get("economics", "costs")
        else:
            answer = client.post("economics", "costs", content=content_of(file), filename=file.name)
    call.show(answer, dict[str, str], lambda found: print(found["costs"], end=""))
