"""Tables as files: CSV, and Parquet with exact decimal columns."""

import csv
import io
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from penstock.billing.export import Cell, Kind, Tabular

_TYPES: dict[Kind, str] = {
    "text": "VARCHAR",
    "amount": "DECIMAL(28, 6)",
    "quantity": "DECIMAL(38, 12)",
    "instant": "TIMESTAMP",
    "number": "BIGINT",
}


def render_csv(table: Tabular) -> bytes:
    """UTF-8 with a header line; an empty field is no value, times are UTC."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_text(cell) for cell in row] for row in table.rows)
    return text.getvalue().encode()


def render_parquet(table: Tabular) -> bytes:
    """The same table with typed columns: amounts are decimals, never floats."""
    import duckdb

    columns = ", ".join(f"'{name}': '{_TYPES[kind]}'" for name, kind in table.columns.items())
    with tempfile.TemporaryDirectory(prefix="penstock-export-") as folder, duckdb.connect() as engine:
        source, target = Path(folder) / "table.csv", Path(folder) / "table.parquet"
        source.write_bytes(render_csv(table))
        engine.execute(
            f"COPY (FROM read_csv('{source}', header = true, nullstr = '', quote = '\"', columns = {{{columns}}}))"
            f" TO '{target}' (FORMAT parquet)"
        )
        return target.read_bytes()


def _text(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case datetime():
            return cell.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case str() | int():
            return str(cell)
        case _:
            return f"{cell:f}"
