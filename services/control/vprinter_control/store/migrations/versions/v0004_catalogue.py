"""Catalogue: full-text search, sorting, the audit trail, idempotency keys, discarded uploads, ranks in the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _files()
    _queue()
    _audit()
    _idempotency()
    for index in ("archive_search", "pending_search"):
        _search(index)


def _files() -> None:
    for table in ("archive_items", "pending_uploads"):
        op.add_column(table, sa.Column("sort_name", sa.String(length=255), nullable=False, server_default=""))
        op.execute(f"UPDATE {table} SET sort_name = lower(name)")  # noqa: S608 - the names stand above
        # Read again, a file gets into the search too.
        op.execute(f"UPDATE {table} SET reader = 0")  # noqa: S608 - the names stand above
    op.add_column("pending_uploads", sa.Column("discarded_at", _TIME, nullable=True))
    op.create_index("ix_pending_uploads_discarded_at", "pending_uploads", ["discarded_at"])
    for column in ("received_at", "sort_name", "size", "seconds", "grams"):
        op.create_index(f"ix_archive_items_{column}", "archive_items", [column, "seq"])
    for column in ("virtual_printer_id", "project_id", "owner", "sliced_for"):
        op.create_index(f"ix_archive_items_{column}_received_at", "archive_items", [column, "received_at", "seq"])


def _queue() -> None:
    """Ranks have gaps; the positions so far are ranks without."""
    op.drop_index("ix_queue_items_position", "queue_items")
    op.execute("ALTER TABLE queue_items RENAME COLUMN position TO rank")
    op.create_index("ix_queue_items_rank", "queue_items", ["rank", "seq"])


def _audit() -> None:
    op.create_table(
        "audit_entries",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_name", sa.String(length=100), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=True),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_kind", sa.String(length=40), nullable=False),
        sa.Column("object_id", sa.String(length=64), nullable=False),
        sa.Column("object_name", sa.String(length=255), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_audit_entries"),
        sa.UniqueConstraint("id", name="uq_audit_entries_id"),
    )
    op.create_index("ix_audit_entries_at", "audit_entries", ["at"])
    op.create_index("ix_audit_entries_object_id", "audit_entries", ["object_id", "seq"])
    op.create_index("ix_audit_entries_actor_name", "audit_entries", ["actor_name", "seq"])


def _idempotency() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("status", _INT, nullable=True),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_at", "idempotency_keys", ["at"])


def _search(index: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE TABLE {index} (seq BIGINT PRIMARY KEY, words TSVECTOR NOT NULL)")
        op.execute(f"CREATE INDEX ix_{index}_words ON {index} USING gin (words)")
        return
    op.execute(f"CREATE VIRTUAL TABLE {index} USING fts5(words, tokenize='ascii', prefix='2 3')")
