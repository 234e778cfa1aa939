"""contracts say what they will soon come to, so that money that ends is noticed in time."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""

    op.add_column("contracts", sa.Column("ahead_micros", sa.BigInteger(), nullable=True))
