"""lines of jobs that are alike, so that a turn need not look at all that wait."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Apply. A job from before is alone in its line."""
    op.add_column("jobs", sa.Column("line", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE jobs SET line = id")
    op.create_index("ix_jobs_state_line", "jobs", ["state", "line", "created_at", "id"], unique=False)
    promised = sa.text("promise IS NOT NULL")
    op.create_index(
        "ix_jobs_promised",
        "jobs",
        ["state", "id"],
        unique=False,
        sqlite_where=promised,
        postgresql_where=promised,
    )
