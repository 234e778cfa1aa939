"""The ladder of hours and days that are over, summed once."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "ladder_cells",
        sa.Column("axis", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("hours", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cells", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("stale", sa.Boolean(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("axis", "hours", "start"),
    )
