"""Usage events are found by time, then by tenant: a batch of an hour goes to one place of the index."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Apply."""
    op.drop_index("ix_metered_events_tenant_time", "metered_events")
    op.create_index("ix_metered_events_time_tenant", "metered_events", ["time", "tenant"], unique=False)
