"""the spine."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""

    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("floor_micros", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("balance_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("held_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "audit",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("verb", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("object", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("detail", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("previous_hash", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "nodes",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("cpu_cores", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("engine", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("site", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("region", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("fabric", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("leaf", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "offers",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("price_micros_per_card_hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("granularity", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("minimum_time", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "requests",
        sa.Column("noun", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("noun", "id"),
    )
    op.create_table(
        "settings",
        sa.Column("key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "tenants",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("credit_limit_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("device_quota", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("notice_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("language", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("address", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tax_number", sa.Text(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("node", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("card", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("stack", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("nominal", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("commissioned_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("accepted_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("retired_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("cost_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tranche", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("life_years", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["node"],
            ["nodes.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("account", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("captured_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["account"],
            ["accounts.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_holds_account"), "holds", ["account"], unique=False)
    op.create_index(op.f("ix_holds_state"), "holds", ["state"], unique=False)
    op.create_table(
        "invoices",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant_name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("issued_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lines", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("total_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rounding_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("paid_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant_address", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant_tax_number", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("content_hash", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
        sa.UniqueConstraint("tenant", "start", "end"),
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("role", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id", "tenant"),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device_quota", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id", "tenant"),
    )
    op.create_table(
        "quotes",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("offer", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("price_micros_per_card_hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("total_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("available", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("available_from", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("from_acceptance", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("accepted_by", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["offer"],
            ["offers.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_quotes_tenant"), "quotes", ["tenant"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("secret_hash", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("scopes", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("member", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("expires_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_tokens_secret_hash"), "tokens", ["secret_hash"], unique=False)
    op.create_table(
        "usage_events",
        sa.Column("source", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("meter", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("subject_kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("began_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("rated", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("final", sa.Boolean(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("source", "id"),
        sa.UniqueConstraint("subject", "meter", "start"),
    )
    op.create_index(op.f("ix_usage_events_rated"), "usage_events", ["rated"], unique=False)
    op.create_index(op.f("ix_usage_events_tenant"), "usage_events", ["tenant"], unique=False)
    op.create_table(
        "volumes",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant", "name"),
    )
    op.create_table(
        "calibrations",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("device", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("measured", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("memory_bandwidth_bytes_per_s", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("spread", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("software", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("accepted", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("findings", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["device"],
            ["devices.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "credit_notes",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("invoice", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("issued_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["invoice"],
            ["invoices.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("number"),
    )
    op.create_table(
        "device_intervals",
        sa.Column("device", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("reason", sa.Text(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["device"],
            ["devices.id"],
        ),
        sa.PrimaryKeyConstraint("device", "start"),
    )
    op.create_table(
        "leases",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("quote", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("offer", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("price_micros_per_card_hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("hold", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("metered_until", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("metered", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["quote"],
            ["quotes.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("quote"),
    )
    op.create_index(op.f("ix_leases_state"), "leases", ["state"], unique=False)
    op.create_index(op.f("ix_leases_tenant"), "leases", ["tenant"], unique=False)
    op.create_table(
        "transfers",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("debit", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("credit", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("hold", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("reverses", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["credit"],
            ["accounts.id"],
        ),
        sa.ForeignKeyConstraint(
            ["debit"],
            ["accounts.id"],
        ),
        sa.ForeignKeyConstraint(
            ["hold"],
            ["holds.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_transfers_credit"), "transfers", ["credit"], unique=False)
    op.create_index(op.f("ix_transfers_debit"), "transfers", ["debit"], unique=False)
    op.create_index(op.f("ix_transfers_key"), "transfers", ["key"], unique=False)
    op.create_table(
        "charge_lines",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("project", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("subject_kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("job", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("meter", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("model", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("price_micros_per_card_hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("transfer", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("invoice", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.ForeignKeyConstraint(
            ["transfer"],
            ["transfers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("subject", "meter", "start"),
    )
    op.create_index(op.f("ix_charge_lines_invoice"), "charge_lines", ["invoice"], unique=False)
    op.create_index(op.f("ix_charge_lines_subject"), "charge_lines", ["subject"], unique=False)
    op.create_index("ix_charge_lines_tenant_end", "charge_lines", ["tenant", "end"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("spec", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("lease", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("offer", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("price_micros_per_card_hour", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("attempts", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("failures", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("losses", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("reasons", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("stop_reason", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("hold", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("started_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["lease"],
            ["leases.id"],
        ),
        sa.ForeignKeyConstraint(
            ["offer"],
            ["offers.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tenant"],
            ["tenants.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_jobs_lease"), "jobs", ["lease"], unique=False)
    op.create_index(op.f("ix_jobs_state"), "jobs", ["state"], unique=False)
    op.create_index(op.f("ix_jobs_tenant"), "jobs", ["tenant"], unique=False)
    op.create_table(
        "attempts",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("job", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("engine", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tasks", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("placed_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("lease", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("offer", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("state", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("began_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("running_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("stopping_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("ended_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("metered_until", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("metered", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("exits", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("cause", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("checkpoints", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("stalls", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("limits", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("cpu_seconds", sa.Float(), autoincrement=False, nullable=False),
        sa.Column("memory_peak_bytes", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["job"],
            ["jobs.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("job", "number"),
    )
    op.create_index(op.f("ix_attempts_ended_at"), "attempts", ["ended_at"], unique=False)
    op.create_index(op.f("ix_attempts_state"), "attempts", ["state"], unique=False)
    op.create_table(
        "waits",
        sa.Column("job", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("models", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("reason", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("devices", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("lease", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["job"],
            ["jobs.id"],
        ),
        sa.PrimaryKeyConstraint("job", "start"),
    )
    op.create_index(op.f("ix_waits_end"), "waits", ["end"], unique=False)
