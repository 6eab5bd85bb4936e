"""Every table. Times are UTC; lists and maps are JSON; ids are what the API shows, `seq` is what lists are ordered by."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, validates
from sqlalchemy.types import TypeDecorator

from vprinter_control.domain.search_text import fold

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """A time with its zone; SQLite keeps none, so UTC is what is kept everywhere."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """To the database."""
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """From the database."""
        return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


class Base(DeclarativeBase):
    """The declarative base."""

    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime(),
        dict[str, Any]: JSON,
        list[Any]: JSON,
        # SQLite counts up only an INTEGER primary key by itself.
        int: BigInteger().with_variant(Integer, "sqlite"),
        str: String(255),
    }


_ID = String(64)
_SHA256 = String(64)


class Installation(Base):
    """One row: what was decided once, at the first start."""

    __tablename__ = "installation"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(64))
    next_index: Mapped[int]
    """Index of the next serial number; never given back."""
    created_at: Mapped[datetime]
    first_printer_at: Mapped[datetime | None]
    """When the first printer was made; whatever becomes of it, no default printer is made again."""


class RealPrinter(Base):
    """A real printer that proxies relay to, others mirror, and queue items are assigned to."""

    __tablename__ = "real_printers"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    revision: Mapped[int]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(100))
    host: Mapped[str] = mapped_column(String(253))
    """IPv4 address or DNS name."""
    serial: Mapped[str] = mapped_column(String(32), unique=True)
    model: Mapped[str] = mapped_column(String(16))
    access_code: Mapped[str] = mapped_column(String(8))
    fingerprint: Mapped[str | None] = mapped_column(String(64))
    """SHA-256 of the certificate that is trusted; none until one was seen."""


class Printer(Base):
    """A virtual printer as it should be."""

    __tablename__ = "virtual_printers"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    revision: Mapped[int]
    created_at: Mapped[datetime]
    name: Mapped[str] = mapped_column(String(100))
    enabled: Mapped[bool]
    mode: Mapped[str] = mapped_column(String(16))
    model: Mapped[str] = mapped_column(String(16))
    """Its own, as the serial number is; while it is a proxy, it shows its target's."""
    serial: Mapped[str] = mapped_column(String(32), unique=True)
    target_id: Mapped[str | None] = mapped_column(ForeignKey("real_printers.id"), index=True)
    """The real printer that it relays to or mirrors."""
    relay: Mapped[dict[str, Any]]
    """What was decided about passing things on; the rest follows from the mode."""
    bind: Mapped[dict[str, Any]]
    advertise: Mapped[str | None] = mapped_column(String(15))
    passive_low: Mapped[int]
    passive_high: Mapped[int]
    pasv_address: Mapped[str | None] = mapped_column(String(15))
    announce_to: Mapped[list[Any]]
    certificate_chain: Mapped[str | None] = mapped_column(Text)
    """PEM; none until the printer is enabled for the first time."""
    certificate_key: Mapped[str | None] = mapped_column(Text)
    certificate_serial: Mapped[str | None] = mapped_column(String(32))
    certificate_addresses: Mapped[list[Any]]
    certificate_not_after: Mapped[datetime | None]


class Code(Base):
    """An access code of a printer; the oldest one is the printer's primary code."""

    __tablename__ = "access_codes"
    __table_args__ = (UniqueConstraint("printer_id", "code", name="uq_access_codes_printer_id_code"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    printer_id: Mapped[str] = mapped_column(ForeignKey("virtual_printers.id", ondelete="CASCADE"), index=True)
    owner: Mapped[str] = mapped_column(String(100))
    code: Mapped[str] = mapped_column(String(8))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]


class Blob(Base):
    """Content that was kept. It goes when no archive item and no pending upload refers to it."""

    __tablename__ = "blobs"

    sha256: Mapped[str] = mapped_column(_SHA256, primary_key=True)
    size: Mapped[int]


class Project(Base):
    """A project that files belong to."""

    __tablename__ = "projects"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    name: Mapped[str] = mapped_column(String(100))
    notes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]


class Upload(Base):
    """An upload that was taken: the key that makes taking it a second time do nothing, and one side of the join."""

    __tablename__ = "uploads"
    __table_args__ = (Index("ix_uploads_join", "printer_id", "filename", "at"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    printer_id: Mapped[str] = mapped_column(_ID)
    filename: Mapped[str]
    client: Mapped[str] = mapped_column(String(64))
    access_code: Mapped[str | None] = mapped_column(_ID)
    """Id of the code that it was sent with."""
    at: Mapped[datetime]


class Job(Base):
    """A print that a slicer asked for (`project_file`)."""

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_join", "printer_id", "filename", "at"),)

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    printer_id: Mapped[str] = mapped_column(_ID)
    filename: Mapped[str]
    client: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime]
    subtask_name: Mapped[str]
    plate: Mapped[int | None]
    options: Mapped[dict[str, Any]]
    owner: Mapped[str] = mapped_column(String(100))
    access_code: Mapped[str | None] = mapped_column(_ID)
    upload_id: Mapped[str | None] = mapped_column(ForeignKey("uploads.id", ondelete="SET NULL"), index=True)


class RelayedCommand(Base):
    """A slicer's command that would change something at a real printer, and whether it passed. Nothing else names it."""

    __tablename__ = "relayed_commands"
    __table_args__ = (
        UniqueConstraint("session_id", "at", "command", name="uq_relayed_commands"),
        Index("ix_relayed_commands_virtual_printer_id", "virtual_printer_id", "seq"),
        Index("ix_relayed_commands_real_printer_id", "real_printer_id", "seq"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    virtual_printer_id: Mapped[str] = mapped_column(_ID)
    real_printer_id: Mapped[str] = mapped_column(_ID)
    session_id: Mapped[str] = mapped_column(_ID)
    client: Mapped[str] = mapped_column(String(64))
    command: Mapped[str] = mapped_column(String(100))
    detail: Mapped[str]
    outcome: Mapped[str] = mapped_column(String(16))


class _File:
    """What archive items and pending uploads have in common."""

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    upload_id: Mapped[str] = mapped_column(_ID, unique=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size: Mapped[int]
    filename: Mapped[str]
    name: Mapped[str]
    sort_name: Mapped[str] = mapped_column(default="")
    """The name as lists are ordered by it."""
    virtual_printer_id: Mapped[str] = mapped_column(_ID, index=True)
    """No foreign key: what a printer received outlives it."""
    received_at: Mapped[datetime]
    client: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(100))
    mode: Mapped[str] = mapped_column(String(16))
    plates: Mapped[list[Any]]
    """As the API shows them; a plate that an older reader found has its `index` only."""
    reader_error: Mapped[str | None] = mapped_column(Text)
    reader: Mapped[int] = mapped_column(default=0)
    """Version of the reader that looked into the file; 0 = it shall be read again."""
    title: Mapped[str | None]
    designer: Mapped[str | None]
    slicer_name: Mapped[str | None] = mapped_column(String(64))
    slicer_version: Mapped[str | None] = mapped_column(String(64))
    sliced_for: Mapped[str | None] = mapped_column(String(16))
    """Code of the model in our catalog."""
    sliced_for_name: Mapped[str | None] = mapped_column(String(100))
    """The model's name, also of one that our catalog does not know."""
    printer_model: Mapped[str | None] = mapped_column(String(16))
    """What the virtual printer was when it received the file."""
    real_printer_id: Mapped[str | None] = mapped_column(_ID)
    """The real printer that a relayed file went to. No foreign key: the file outlives it here."""
    makerworld_url: Mapped[str | None]
    design_id: Mapped[str | None] = mapped_column(String(64))
    """What the design is called at MakerWorld; files with the same one are likely duplicates."""
    project_key: Mapped[str | None] = mapped_column(String(64))
    """Stands for title and designer; files with the same one are likely duplicates."""
    seconds: Mapped[int | None]
    """All plates together, as far as known."""
    grams: Mapped[float | None]
    """All plates together, as far as known."""
    warnings: Mapped[list[Any]] = mapped_column(default=list)
    """What the reader has to say: `[{code, text}]`."""
    notes: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[Any]]
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"), index=True)

    @validates("name")
    def _sort_by(self, _key: str, name: str) -> str:
        self.sort_name = fold(name)[:255]
        return name


class ArchiveItem(_File, Base):
    """A file in the archive."""

    __tablename__ = "archive_items"
    __table_args__ = (
        Index("ix_archive_items_project_key", "project_key", "design_id"),
        Index("ix_archive_items_design_id", "design_id", "project_key"),
        Index("ix_archive_items_client", "client", "received_at"),
        # Each order that a list can have, and each filter in the usual order.
        *(
            Index(f"ix_archive_items_{column}", column, "seq")
            for column in ("received_at", "sort_name", "size", "seconds", "grams")
        ),
        *(
            Index(f"ix_archive_items_{column}_received_at", column, "received_at", "seq")
            for column in ("virtual_printer_id", "project_id", "owner", "sliced_for")
        ),
    )


class PendingUpload(_File, Base):
    """A file that waits for its review."""

    __tablename__ = "pending_uploads"

    discarded_at: Mapped[datetime | None] = mapped_column(index=True)
    """Since when it is only there to be restored."""


class QueueItem(Base):
    """One plate of an archived file that waits to be printed."""

    __tablename__ = "queue_items"
    __table_args__ = (Index("ix_queue_items_rank", "rank", "seq"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    archive_id: Mapped[str] = mapped_column(ForeignKey("archive_items.id", ondelete="CASCADE"), index=True)
    plate: Mapped[int]
    rank: Mapped[int]
    """What the queue is ordered by; there are gaps between ranks, for what is moved in between."""
    hold: Mapped[bool]
    printer_id: Mapped[str | None] = mapped_column(_ID)
    """The real printer it is assigned to."""
    options: Mapped[dict[str, Any]]
    job_id: Mapped[str | None] = mapped_column(_ID)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]


class Token(Base):
    """A bearer token, hashed."""

    __tablename__ = "tokens"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    name: Mapped[str] = mapped_column(String(100))
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[Any]]
    created_at: Mapped[datetime]
    printer_id: Mapped[str | None] = mapped_column(_ID)
    """The one virtual printer that it uploads to."""
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]


class PageSession(Base):
    """Somebody who logged in to the page with a token."""

    __tablename__ = "page_sessions"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    hash: Mapped[str] = mapped_column(String(64), unique=True)
    token_id: Mapped[str] = mapped_column(ForeignKey("tokens.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]


class AuditEntry(Base):
    """Who changed or sent what."""

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index("ix_audit_entries_object_id", "object_id", "seq"),
        Index("ix_audit_entries_actor_name", "actor_name", "seq"),
    )

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor_kind: Mapped[str] = mapped_column(String(16))
    actor_name: Mapped[str] = mapped_column(String(100))
    address: Mapped[str | None] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(40))
    object_kind: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(_ID)
    object_name: Mapped[str]
    changes: Mapped[dict[str, Any]]


class IdempotencyKey(Base):
    """A request that was carried out, and what was answered."""

    __tablename__ = "idempotency_keys"

    caller: Mapped[str] = mapped_column(_ID, primary_key=True)
    """Id of the caller's token."""
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    request: Mapped[str] = mapped_column(String(64))
    """Hash of the method, the path and the body."""
    status: Mapped[int | None]
    """None: it was carried out, but its answer was not kept."""
    headers: Mapped[dict[str, Any]]
    body: Mapped[str | None] = mapped_column(Text)


class SetupEvidence(Base):
    """What was learned of one step of the guided set-up, of one client at one service. The newest counts."""

    __tablename__ = "setup_evidence"
    __table_args__ = (UniqueConstraint("printer_id", "client", "step", "service", name="uq_setup_evidence"),)

    seq: Mapped[int] = mapped_column(primary_key=True)
    printer_id: Mapped[str] = mapped_column(_ID)
    client: Mapped[str] = mapped_column(String(64))
    step: Mapped[str] = mapped_column(String(16))
    service: Mapped[str] = mapped_column(String(16))
    at: Mapped[datetime]
    code: Mapped[str | None] = mapped_column(String(64))
    """What went wrong; none = the step was taken."""
    detail: Mapped[str] = mapped_column(Text)


class SetupStart(Base):
    """When a printer's set-up was begun anew."""

    __tablename__ = "setup_starts"

    printer_id: Mapped[str] = mapped_column(_ID, primary_key=True)
    since: Mapped[datetime]


class Event(Base):
    """Something that happened, written in the transaction of the change it tells of."""

    __tablename__ = "events"
    # Ids are what clients resume from: the id of a forgotten event must not come again.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
