"""First: every table of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_INT = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "blobs",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _INT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name="pk_blobs"),
    )
    op.create_table(
        "events",
        sa.Column("id", _INT, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(length=40), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "installation",
        sa.Column("id", _INT, nullable=False),
        sa.Column("number", sa.String(length=64), nullable=False),
        sa.Column("next_index", _INT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_printer_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
    )
    op.create_table(
        "projects",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_projects"),
        sa.UniqueConstraint("id", name="uq_projects_id"),
    )
    op.create_table(
        "tokens",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_tokens"),
        sa.UniqueConstraint("hash", name="uq_tokens_hash"),
        sa.UniqueConstraint("id", name="uq_tokens_id"),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_uploads"),
    )
    op.create_index("ix_uploads_join", "uploads", ["printer_id", "filename", "at"], unique=False)
    op.create_table(
        "virtual_printers",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("revision", _INT, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("model", sa.String(length=16), nullable=False),
        sa.Column("serial", sa.String(length=32), nullable=False),
        sa.Column("bind", sa.JSON(), nullable=False),
        sa.Column("advertise", sa.String(length=15), nullable=True),
        sa.Column("passive_low", _INT, nullable=False),
        sa.Column("passive_high", _INT, nullable=False),
        sa.Column("pasv_address", sa.String(length=15), nullable=True),
        sa.Column("announce_to", sa.JSON(), nullable=False),
        sa.Column("certificate_chain", sa.Text(), nullable=True),
        sa.Column("certificate_key", sa.Text(), nullable=True),
        sa.Column("certificate_serial", sa.String(length=32), nullable=True),
        sa.Column("certificate_addresses", sa.JSON(), nullable=False),
        sa.Column("certificate_not_after", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_virtual_printers"),
        sa.UniqueConstraint("id", name="uq_virtual_printers_id"),
        sa.UniqueConstraint("serial", name="uq_virtual_printers_serial"),
    )
    op.create_table(
        "access_codes",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(
            ["printer_id"], ["virtual_printers.id"], name="fk_access_codes_printer_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_access_codes"),
    )
    op.create_index("ix_access_codes_printer_id", "access_codes", ["printer_id"], unique=False)
    op.create_table(
        "archive_items",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _INT, nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("virtual_printer_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("plates", sa.JSON(), nullable=False),
        sa.Column("reader_error", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_archive_items_project_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name="fk_archive_items_sha256"),
        sa.PrimaryKeyConstraint("seq", name="pk_archive_items"),
        sa.UniqueConstraint("id", name="uq_archive_items_id"),
        sa.UniqueConstraint("upload_id", name="uq_archive_items_upload_id"),
    )
    op.create_index("ix_archive_items_project_id", "archive_items", ["project_id"], unique=False)
    op.create_index("ix_archive_items_sha256", "archive_items", ["sha256"], unique=False)
    op.create_index("ix_archive_items_virtual_printer_id", "archive_items", ["virtual_printer_id"], unique=False)
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("subtask_name", sa.String(length=255), nullable=False),
        sa.Column("plate", _INT, nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["upload_id"], ["uploads.id"], name="fk_jobs_upload_id", ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_upload_id", "jobs", ["upload_id"], unique=False)
    op.create_index("ix_jobs_join", "jobs", ["printer_id", "filename", "at"], unique=False)
    op.create_table(
        "pending_uploads",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("upload_id", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", _INT, nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("virtual_printer_id", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("owner", sa.String(length=100), nullable=False),
        sa.Column("mode", sa.String(length=16), nullable=False),
        sa.Column("plates", sa.JSON(), nullable=False),
        sa.Column("reader_error", sa.Text(), nullable=True),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("project_id", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_pending_uploads_project_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["sha256"], ["blobs.sha256"], name="fk_pending_uploads_sha256"),
        sa.PrimaryKeyConstraint("seq", name="pk_pending_uploads"),
        sa.UniqueConstraint("id", name="uq_pending_uploads_id"),
        sa.UniqueConstraint("upload_id", name="uq_pending_uploads_upload_id"),
    )
    op.create_index("ix_pending_uploads_project_id", "pending_uploads", ["project_id"], unique=False)
    op.create_index("ix_pending_uploads_sha256", "pending_uploads", ["sha256"], unique=False)
    op.create_index("ix_pending_uploads_virtual_printer_id", "pending_uploads", ["virtual_printer_id"], unique=False)
    op.create_table(
        "queue_items",
        sa.Column("seq", _INT, nullable=False),
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("archive_id", sa.String(length=64), nullable=False),
        sa.Column("plate", _INT, nullable=False),
        sa.Column("position", _INT, nullable=False),
        sa.Column("hold", sa.Boolean(), nullable=False),
        sa.Column("printer_id", sa.String(length=64), nullable=True),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("job_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["archive_id"], ["archive_items.id"], name="fk_queue_items_archive_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("seq", name="pk_queue_items"),
        sa.UniqueConstraint("id", name="uq_queue_items_id"),
    )
    op.create_index("ix_queue_items_archive_id", "queue_items", ["archive_id"], unique=False)
    op.create_index("ix_queue_items_position", "queue_items", ["position"], unique=False)
