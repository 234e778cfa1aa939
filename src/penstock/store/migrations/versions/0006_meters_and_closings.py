"""declared meters, their events and readings, closed periods, budgets."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply."""

    op.create_table(
        "meters",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("aggregation", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("event_type", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("dimensions", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("decimals", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("negative", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("late_window", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "metered_events",
        sa.Column("source", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("type", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("source", "id"),
    )
    op.create_index("ix_metered_events_tenant_time", "metered_events", ["tenant", "time"])
    op.create_table(
        "meter_series",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("dimensions", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["meter"], ["meters.id"]),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("meter", "tenant", "dimensions", "value"),
    )
    op.create_table(
        "meter_readings",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("levels", sa.Boolean(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_meter_readings_last", "meter_readings", ["last"])
    op.create_table(
        "closings",
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("closed_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("known_until", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantities", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantities_hash", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("transfers", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfers_hash", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("start", "number"),
    )
    op.create_table(
        "budgets",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("percents", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "alerts",
        sa.Column("budget", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("percent", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("spent_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["budget"], ["budgets.id"]),
        sa.PrimaryKeyConstraint("budget", "start", "percent"),
    )
