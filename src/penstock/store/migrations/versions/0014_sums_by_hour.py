"""Charges summed by the hour in which their lines end; samples of devices; contract lines by when they are due."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

HOUR_US = 3_600_000_000


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "charge_hours",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("meter", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "start", "meter", "model", "currency"),
    )
    op.create_index("ix_charge_hours_start", "charge_hours", ["start"], unique=False)
    op.execute(
        "INSERT INTO charge_hours (tenant, start, meter, model, currency, lines, quantity, amount_micros) "
        f'SELECT tenant, ("end" - 1) / {HOUR_US} * {HOUR_US}, meter, model, currency, COUNT(*), SUM(quantity), '
        "SUM(amount_micros) FROM charge_lines "
        f'GROUP BY tenant, ("end" - 1) / {HOUR_US}, meter, model, currency'
    )
    op.create_table(
        "samples",
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), nullable=False),
        sa.Column("devices", sa.Text(), nullable=False),
        sa.Column("samples", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("node", "start"),
    )
    op.create_index("ix_contract_lines_due", "contract_lines", ["due"], unique=False)
