"""Lists are read a page at a time: jobs and transfers by time, calibrations by device, charges by their end."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Apply."""

    for table in ("jobs", "transfers"):
        for column in {"jobs": ("state", "tenant"), "transfers": ("debit", "credit")}[table]:
            op.drop_index(f"ix_{table}_{column}", table)
    op.create_index("ix_jobs_state_created_at", "jobs", ["state", "created_at", "id"], unique=False)
    op.create_index(
        "ix_jobs_tenant_state_created_at", "jobs", ["tenant", "state", "created_at", "id"], unique=False
    )
    op.create_index("ix_transfers_debit_at", "transfers", ["debit", "at", "id"], unique=False)
    op.create_index("ix_transfers_credit_at", "transfers", ["credit", "at", "id"], unique=False)
    op.create_index("ix_charge_lines_end", "charge_lines", ["end"], unique=False)
    op.create_index("ix_calibrations_device", "calibrations", ["device"], unique=False)
