"""Targets: real printers, which virtual ones relay to or mirror, and the commands that were relayed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "real_printers",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", _INT, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("changed_at", _TIME, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("host", sa.String(length=253), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("model", sa.String(length=16), nullable=False),
        sa.Column("access_code", sa.String(length=8), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_real_printers"),
        sa.UniqueConstraint("id", name="uq_real_printers_id"),
        sa.UniqueConstraint("serial", name="uq_real_printers_serial"),
    )
    # SQLite adds no constraint to a table that is there, but takes a column that comes with one.
    op.execute(
        "ALTER TABLE virtual_printers ADD COLUMN target_id VARCHAR(64)"
        " CONSTRAINT fk_virtual_printers_target_id REFERENCES real_printers (id)"
    )
    op.create_index("ix_virtual_printers_target_id", "virtual_printers", ["target_id"])
    op.add_column("virtual_printers", sa.Column("relay", sa.JSON(), nullable=False, server_default="{}"))
    for table in ("archive_items", "pending_uploads"):
        op.add_column(table, sa.Column("real_printer_id", sa.String(length=64), nullable=True))
    _commands()


def _commands() -> None:
    op.create_table(
        "relayed_commands",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("virtual_printer_id", sa.String(length=64), nullable=False),
        sa.Column("real_printer_id", sa.String(length=64), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("command", sa.String(length=100), nullable=False),
        sa.Column("detail", sa.String(length=255), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_relayed_commands"),
        sa.UniqueConstraint("session_id", "at", "command", name="uq_relayed_commands"),
    )
    op.create_index("ix_relayed_commands_at", "relayed_commands", ["at"])
    op.create_index("ix_relayed_commands_virtual_printer_id", "relayed_commands", ["virtual_printer_id", "seq"])
    op.create_index("ix_relayed_commands_real_printer_id", "relayed_commands", ["real_printer_id", "seq"])
