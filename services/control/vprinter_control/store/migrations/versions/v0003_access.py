"""Access: sessions of the page, scopes and last use of tokens, owners of codes."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name, kind in (("printer_id", sa.String(length=64)), ("expires_at", _TIME), ("last_used_at", _TIME)):
        op.add_column("tokens", sa.Column(name, kind, nullable=True))
    for table in ("uploads", "jobs"):
        op.add_column(table, sa.Column("access_code", sa.String(length=64), nullable=True))
    op.create_table(
        "page_sessions",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("token_id", sa.String(length=64), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name="fk_page_sessions_token_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("seq", name="pk_page_sessions"),
        sa.UniqueConstraint("hash", name="uq_page_sessions_hash"),
        sa.UniqueConstraint("id", name="uq_page_sessions_id"),
    )
    op.create_index("ix_page_sessions_token_id", "page_sessions", ["token_id"], unique=False)
    _order_codes()


def _order_codes() -> None:
    """Codes get an order, which SQLite can give to a new table only."""
    columns = ("id", "printer_id", "owner", "code")
    old = sa.table("access_codes", *(sa.column(name) for name in columns))
    rows = [dict(row) for row in op.get_bind().execute(sa.select(old)).mappings()]
    op.drop_table("access_codes")
    new = op.create_table(
        "access_codes",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=True),
        sa.ForeignKeyConstraint(
            ["printer_id"], ["virtual_printers.id"], name="fk_access_codes_printer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_access_codes"),
        sa.UniqueConstraint("id", name="uq_access_codes_id"),
        sa.UniqueConstraint("printer_id", "code", name="uq_access_codes_printer_id_code"),
    )
    op.create_index("ix_access_codes_printer_id", "access_codes", ["printer_id"], unique=False)
    now = datetime.now(UTC)
    op.bulk_insert(new, [{**row, "created_at": now} for row in rows])
