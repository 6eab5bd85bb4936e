"""Live: what a guided set-up remembers of slicers."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "setup_evidence",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("step", sa.String(length=16), nullable=False),
        sa.Column("service", sa.String(length=16), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_setup_evidence"),
        sa.UniqueConstraint("printer_id", "client", "step", "service", name="uq_setup_evidence"),
    )
    op.create_table(
        "setup_starts",
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("printer_id", name="pk_setup_starts"),
    )
    op.create_index("ix_archive_items_client", "archive_items", ["client", "received_at"])
