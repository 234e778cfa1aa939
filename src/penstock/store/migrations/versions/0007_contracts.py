"""price books, contracts and vouchers; all four modes on an invoice."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply."""

    op.create_table(
        "price_books",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("published_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "contracts",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("price_book", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("signed_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("changes", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("terminated_at", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("accrued_until", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(["price_book"], ["price_books.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
    )
    op.create_index("ix_contracts_tenant", "contracts", ["tenant"], unique=False)
    op.create_table(
        "contract_lines",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("contract", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("mode", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("item", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("unit", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("end", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("due", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("quantity", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("unit_price", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tier", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("transfer", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("invoice", sa.Text(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["transfer"], ["transfers.id"]),
        sa.UniqueConstraint("contract", "key", "sequence"),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["contract"], ["contracts.id"]),
    )
    op.create_index("ix_contract_lines_contract", "contract_lines", ["contract"], unique=False)
    op.create_index("ix_contract_lines_invoice", "contract_lines", ["invoice"], unique=False)
    op.create_index("ix_contract_lines_tenant_due", "contract_lines", ["tenant", "due"], unique=False)
    op.create_table(
        "voucher_programmes",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("issuer", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("published_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "vouchers",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("programme", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("tenant", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("contract", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("chip_class", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("granted_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("currency", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("used_micros", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["contract"], ["contracts.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["tenant"], ["tenants.id"]),
        sa.ForeignKeyConstraint(["programme"], ["voucher_programmes.id"]),
    )
    op.create_index("ix_vouchers_tenant", "vouchers", ["tenant"], unique=False)
    op.add_column("invoices", sa.Column("taxes", sa.Text(), nullable=False, server_default="[]"))
    op.add_column(
        "invoices", sa.Column("voucher_micros", sa.BigInteger(), nullable=False, server_default="0")
    )
