"""Endpoints that give tables to other programs, as CSV or Parquet."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from litestar import Response, Router, get
from litestar.params import FromQuery

from penstock.app import exports
from penstock.billing.export import Tabular
from penstock.web.documents.tables import render_csv, render_parquet
from penstock.web.given import GivenApp, GivenPrincipal

type Format = Literal["csv", "parquet"]


def _file(table: Tabular, name: str, form: Format) -> Response[bytes]:
    render: Callable[[Tabular], bytes] = render_parquet if form == "parquet" else render_csv
    media = "application/vnd.apache.parquet" if form == "parquet" else "text/csv; charset=utf-8"
    headers = {"content-disposition": f'attachment; filename="{name}.{form}"'}
    return Response(render(table), media_type=media, headers=headers)


@get("/exports/charges", sync_to_thread=True)
def charges(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    form: FromQuery[Format] = "csv",
) -> Response[bytes]:
    """Charge lines."""
    return _file(exports.export_charges(centre, principal, tenant, start, end), "charges", form)


@get("/exports/focus", sync_to_thread=True)
def focus(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    form: FromQuery[Format] = "csv",
) -> Response[bytes]:
    """Charges in FOCUS 1.2."""
    return _file(exports.export_focus(centre, principal, tenant, start, end), "focus", form)


@get("/exports/transfers", sync_to_thread=True)
def transfers(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    form: FromQuery[Format] = "csv",
) -> Response[bytes]:
    """Ledger transfers."""
    return _file(exports.export_transfers(centre, principal, tenant, start, end), "transfers", form)


@get("/exports/quantities", sync_to_thread=True)
def quantities(
    centre: GivenApp,
    principal: GivenPrincipal,
    tenant: FromQuery[str | None] = None,
    start: FromQuery[datetime | None] = None,
    end: FromQuery[datetime | None] = None,
    form: FromQuery[Format] = "csv",
) -> Response[bytes]:
    """What declared meters measured."""
    return _file(exports.export_quantities(centre, principal, tenant, start, end), "quantities", form)


ROUTER = Router("/", route_handlers=[charges, focus, transfers, quantities])
