"""prices by hour of day."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Apply."""

    op.add_column("offers", sa.Column("bands", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("offers", sa.Column("zone", sa.Text(), nullable=False, server_default="Asia/Shanghai"))
