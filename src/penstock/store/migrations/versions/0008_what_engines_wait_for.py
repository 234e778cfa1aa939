"""What keeps an engine from beginning an attempt is kept."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.add_column("attempts", sa.Column("waiting", sa.Text(), nullable=False, server_default=""))
