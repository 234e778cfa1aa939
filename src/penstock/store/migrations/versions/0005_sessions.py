"""Sessions: a token may come from another."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.add_column("tokens", sa.Column("parent", sa.Text(), autoincrement=False, nullable=True))
