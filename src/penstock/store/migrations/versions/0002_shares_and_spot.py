"""shares of devices, spot work, promises."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Apply."""

    op.add_column("jobs", sa.Column("promise", sa.Text(), nullable=True))
    op.add_column("attempts", sa.Column("share", sa.BigInteger(), nullable=False, server_default="1000"))
    op.add_column("attempts", sa.Column("slots", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("attempts", sa.Column("spot", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("waits", sa.Column("share", sa.BigInteger(), nullable=False, server_default="1000"))
    op.add_column("usage_events", sa.Column("share", sa.BigInteger(), nullable=False, server_default="1000"))
    op.add_column("offers", sa.Column("spot_price_micros_per_card_hour", sa.BigInteger(), nullable=True))
    op.add_column("leases", sa.Column("lends_idle", sa.Boolean(), nullable=False, server_default=sa.false()))
