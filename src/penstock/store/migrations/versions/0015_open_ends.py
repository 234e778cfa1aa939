"""Attempts whose usage is not recorded and jobs with money set aside are found without reading all others."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Apply."""
    unmetered = sa.column("metered").is_(False)
    holding = sa.column("hold") != sa.literal_column("''")
    op.create_index(
        "ix_attempts_unmetered", "attempts", ["id"], sqlite_where=unmetered, postgresql_where=unmetered
    )
    op.create_index("ix_jobs_holding", "jobs", ["id"], sqlite_where=holding, postgresql_where=holding)
