"""`penstock export`: tables for other programs."""

from typing import Annotated, Literal

from cyclopts import Parameter

from penstock.cli.call import CALL, Call
from penstock.cli.options import ALWAYS, Output, Span, Tenant
from penstock.cli.output import write_bytes


def export(
    what: Annotated[
        Literal[
            "focus",
            "focus-invoice-detail",
            "focus-billing-period",
            "focus-contract-commitment",
            "charges",
            "transfers",
            "quantities",
        ],
        Parameter(help="Datasets of FOCUS 1.4, charge lines, ledger transfers, metered quantities."),
    ],
    /,
    *,
    form: Annotated[Literal["csv", "parquet"], Parameter(name="--format", help="Kind of file.")] = "csv",
    tenant: Tenant = None,
    span: Span = ALWAYS,
    output: Output = None,
    call: Call = CALL,
) -> None:
    """Write a table of the books as CSV or Parquet."""
    start, end = span.ends(utc=call.utc)
    with call.client() as client:
        content = client.download("exports", what, tenant=tenant, start=start, end=end, form=form)
    write_bytes(content, output)
