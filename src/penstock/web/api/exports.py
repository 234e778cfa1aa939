"""Endpoints that give tables to other programs, as CSV or Parquet."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from litestar import Response, Router, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromQuery

from penstock.app import exports, focus
from penstock.app.context import App
from penstock.billing.export import Tabular
from penstock.lease.tenant import Principal
from penstock.web.documents.tables import render_csv, render_parquet
from penstock.web.given import GivenApp, GivenPrincipal

type Format = Literal["csv", "parquet"]
type Export = Callable[[App, Principal, str | None, datetime | None, datetime | None], Tabular]

EXPORTS: dict[str, tuple[Export, str]] = {
    "charges": (exports.export_charges, "Charge lines."),
    "focus": (focus.export_focus, "Charges: Cost and Usage of FOCUS 1.4."),
    "focus-invoice-detail": (focus.export_invoice_detail, "Lines of invoices: Invoice Detail of FOCUS 1.4."),
    "focus-billing-period": (focus.export_billing_periods, "Billing Period of FOCUS 1.4."),
    "focus-contract-commitment": (
        focus.export_commitments,
        "Promised spend: Contract Commitment of FOCUS 1.4.",
    ),
    "transfers": (exports.export_transfers, "Ledger transfers."),
    "quantities": (exports.export_quantities, "What declared meters measured."),
}


def _endpoint(name: str, export: Export, said: str) -> HTTPRouteHandler:
    def table(
        centre: GivenApp,
        principal: GivenPrincipal,
        tenant: FromQuery[str | None] = None,
        start: FromQuery[datetime | None] = None,
        end: FromQuery[datetime | None] = None,
        form: FromQuery[Format] = "csv",
    ) -> Response[bytes]:
        found = export(centre, principal, tenant, start, end)
        render: Callable[[Tabular], bytes] = render_parquet if form == "parquet" else render_csv
        media = "application/vnd.apache.parquet" if form == "parquet" else "text/csv; charset=utf-8"
        headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
        return Response(render(found), media_type=media, headers=headers)

    table.__name__, table.__doc__ = name.replace("-", "_"), said
    return get(f"/exports/{name}", sync_to_thread=True)(table)


ROUTER = Router(
    "/", route_handlers=[_endpoint(name, export, said) for name, (export, said) in EXPORTS.items()]
)
