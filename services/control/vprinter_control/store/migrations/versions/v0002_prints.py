"""Prints: what the reader finds in a sliced file."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Columns are added one by one: SQLite would rebuild a table, and with it drop what refers to its rows."""
    for table in ("archive_items", "pending_uploads"):
        for column in _columns():
            op.add_column(table, column)
        # What the printers are by now is the best guess at what they were.
        op.execute(
            f"UPDATE {table} SET printer_model = "  # noqa: S608 - both names stand above
            f"(SELECT model FROM virtual_printers WHERE virtual_printers.id = {table}.virtual_printer_id)"
        )
    op.create_index("ix_archive_items_project_key", "archive_items", ["project_key", "design_id"])
    op.create_index("ix_archive_items_design_id", "archive_items", ["design_id", "project_key"])


def _columns() -> tuple[sa.Column[object], ...]:
    return (
        sa.Column("reader", _INT, nullable=False, server_default="0"),
        sa.Column("title", sa.String(length=255)),
        sa.Column("designer", sa.String(length=255)),
        sa.Column("slicer_name", sa.String(length=64)),
        sa.Column("slicer_version", sa.String(length=64)),
        sa.Column("sliced_for", sa.String(length=16)),
        sa.Column("sliced_for_name", sa.String(length=100)),
        sa.Column("printer_model", sa.String(length=16)),
        sa.Column("makerworld_url", sa.String(length=255)),
        sa.Column("design_id", sa.String(length=64)),
        sa.Column("project_key", sa.String(length=64)),
        sa.Column("seconds", _INT),
        sa.Column("grams", sa.Double()),
        sa.Column("warnings", sa.JSON(), nullable=False, server_default="[]"),
    )
