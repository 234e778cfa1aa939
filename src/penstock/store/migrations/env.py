"""Runs migrations inside the transaction that `Database.migrate` opened."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator

from penstock.store.tables import METADATA


def _render(kind: str, item: Any, _autogenerate: Any) -> str | Literal[False]:
    """Write our own column types into a migration as the plain types beneath, which never change."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl_instance.__class__.__name__}()"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_item=_render,
    compare_type=False,
)
context.run_migrations()
