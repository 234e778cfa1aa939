"""What the engine of a node says it can do there: share devices, run images."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Apply."""
    for name in ("shares_devices", "runs_images"):
        op.add_column("nodes", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.true()))
        op.execute(
            sa.text(f"UPDATE nodes SET {name} = :no WHERE engine NOT IN ('local', 'simulated')").bindparams(
                no=False
            )
        )
