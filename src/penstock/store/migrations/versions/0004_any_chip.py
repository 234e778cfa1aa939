"""software fit of jobs and waits, a site's own catalogue, measured links."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""

    op.add_column("jobs", sa.Column("barred", sa.Text(), nullable=False, server_default="{}"))
    op.add_column("waits", sa.Column("rules", sa.Text(), nullable=False, server_default="[]"))
    op.create_table(
        "catalogue",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "links",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("members", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("backend", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("message_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("bus_bytes_per_s", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("spread", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("software", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("findings", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
