"""Every table. Times are UTC; lists and maps are JSON; ids are what the API shows, `seq` is what lists are ordered by."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, ForeignKey, Index, Integer, MetaData, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

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
    serial: Mapped[str] = mapped_column(String(32), unique=True)
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
    """An access code of a printer."""

    __tablename__ = "access_codes"

    id: Mapped[str] = mapped_column(_ID, primary_key=True)
    printer_id: Mapped[str] = mapped_column(ForeignKey("virtual_printers.id", ondelete="CASCADE"), index=True)
    owner: Mapped[str] = mapped_column(String(100))
    code: Mapped[str] = mapped_column(String(8))


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
    upload_id: Mapped[str | None] = mapped_column(ForeignKey("uploads.id", ondelete="SET NULL"), index=True)


class _File:
    """What archive items and pending uploads have in common."""

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    upload_id: Mapped[str] = mapped_column(_ID, unique=True)
    sha256: Mapped[str] = mapped_column(ForeignKey("blobs.sha256"), index=True)
    size: Mapped[int]
    filename: Mapped[str]
    name: Mapped[str]
    virtual_printer_id: Mapped[str] = mapped_column(_ID, index=True)
    """No foreign key: what a printer received outlives it."""
    received_at: Mapped[datetime]
    client: Mapped[str] = mapped_column(String(64))
    owner: Mapped[str] = mapped_column(String(100))
    mode: Mapped[str] = mapped_column(String(16))
    plates: Mapped[list[Any]]
    reader_error: Mapped[str | None] = mapped_column(Text)
    notes: Mapped[str] = mapped_column(Text)
    tags: Mapped[list[Any]]
    project_id: Mapped[str | None] = mapped_column(ForeignKey("projects.id", ondelete="SET NULL"), index=True)


class ArchiveItem(_File, Base):
    """A file in the archive."""

    __tablename__ = "archive_items"


class PendingUpload(_File, Base):
    """A file that waits for its review."""

    __tablename__ = "pending_uploads"


class QueueItem(Base):
    """One plate of an archived file that waits to be printed."""

    __tablename__ = "queue_items"

    seq: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(_ID, unique=True)
    archive_id: Mapped[str] = mapped_column(ForeignKey("archive_items.id", ondelete="CASCADE"), index=True)
    plate: Mapped[int]
    position: Mapped[int] = mapped_column(index=True)
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


class Event(Base):
    """Something that happened, written in the transaction of the change it tells of."""

    __tablename__ = "events"
    # Ids are what clients resume from: the id of a forgotten event must not come again.
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    type: Mapped[str] = mapped_column(String(40))
    data: Mapped[dict[str, Any]]
