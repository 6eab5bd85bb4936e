"""What archive items and pending uploads look like."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api.conditional import Item
from vprinter_control.api.fields import Id, Name, Notes, Tags
from vprinter_control.api.routing import Body
from vprinter_control.domain.mismatch import MODEL_MISMATCH, mismatch
from vprinter_control.store import audit
from vprinter_control.store import files as store
from vprinter_control.store.duplicates import Duplicates, count
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, Job, PendingUpload


class FilamentObject(BaseModel):
    """A filament that a plate uses; `slot` counts from 1, `color` is #RRGGBB. Null = the file does not say."""

    slot: int
    type: str | None = None
    color: str | None = None
    grams: float | None = None
    metres: float | None = None


class PlateObject(BaseModel):
    """A plate of a sliced file. Null = the file does not say."""

    index: int
    name: str | None = None
    seconds: int | None = None
    grams: float | None = None
    layers: int | None = None
    height_mm: float | None = None
    bed_type: str | None = None
    nozzle_mm: float | None = None
    filaments: list[FilamentObject] = Field(default_factory=list)
    objects: list[str] = Field(default_factory=list)
    thumbnail: bool = False


class SlicerObject(BaseModel):
    """The program that sliced a file, as it calls itself."""

    name: str
    version: str | None


class WarningObject(BaseModel):
    """What somebody should know before printing; `code` is stable."""

    code: str
    text: str


class DuplicatesObject(BaseModel):
    """How many other files of the archive have the same bytes, and how many others are of the same project."""

    exact: int
    likely: int


class JobObject(BaseModel):
    """The print that the slicer asked for with this file."""

    id: str
    subtask_name: str
    plate: int | None
    options: dict[str, Any]
    client: str
    requested_at: AwareDatetime


class FileObject(Item):
    """A received file."""

    derived: ClassVar = frozenset({"duplicates", "job", "warnings"})

    id: str
    sha256: str
    size: int
    filename: str
    name: str
    virtual_printer_id: str
    real_printer_id: str | None
    """The real printer that it was relayed to."""
    received_at: AwareDatetime
    client: str
    owner: str
    mode: str
    plates: list[PlateObject]
    reader_error: str | None
    """What of the file could not be read; the file itself is kept as it came."""
    title: str | None
    designer: str | None
    slicer: SlicerObject | None
    sliced_for: str | None
    """Code of the printer model it was sliced for; null if the catalog does not know it."""
    sliced_for_name: str | None
    makerworld_url: str | None
    warnings: list[WarningObject]
    duplicates: DuplicatesObject
    notes: str
    tags: list[str]
    project_id: str | None
    discarded_at: AwareDatetime | None
    """Since when a pending upload is only there to be restored."""
    job: JobObject | None


class FilePatch(Body):
    """Changes; what is left out stays, `project_id` null takes the file out of its project."""

    name: Name = ""
    notes: Notes = ""
    tags: Tags = Field(default_factory=list)
    project_id: Id | None = None


async def show(session: AsyncSession, files: Sequence[ArchiveItem | PendingUpload]) -> list[FileObject]:
    """Files with their jobs and the numbers of their duplicates."""
    jobs = await store.jobs_of(session, [file.upload_id for file in files])
    duplicates = await count(session, files)
    return [_object(file, jobs.get(file.upload_id), duplicates[file.id]) for file in files]


async def change(
    session: AsyncSession, file: ArchiveItem | PendingUpload, patch: FilePatch, event: EventType, now: datetime
) -> None:
    """Apply changes, and record them; the project must exist."""
    if patch.project_id is not None:
        await store.project(session, patch.project_id)
    before = {name: getattr(file, name) for name in sorted(patch.model_fields_set)}
    for name in before:
        setattr(file, name, getattr(patch, name))
    about = {event.partition(".")[0]: file.id, "name": file.name, "changed": list(before)}
    record(session, now, event, audit.changes(before, file), **about)


def _object(file: ArchiveItem | PendingUpload, job: Job | None, duplicates: Duplicates) -> FileObject:
    return FileObject(
        id=file.id,
        sha256=file.sha256,
        size=file.size,
        filename=file.filename,
        name=file.name,
        virtual_printer_id=file.virtual_printer_id,
        real_printer_id=file.real_printer_id,
        received_at=file.received_at,
        client=file.client,
        owner=file.owner,
        mode=file.mode,
        plates=[PlateObject.model_validate(plate) for plate in file.plates],
        reader_error=file.reader_error,
        title=file.title,
        designer=file.designer,
        slicer=SlicerObject(name=file.slicer_name, version=file.slicer_version) if file.slicer_name else None,
        sliced_for=file.sliced_for,
        sliced_for_name=file.sliced_for_name,
        makerworld_url=file.makerworld_url,
        warnings=_warnings(file),
        duplicates=DuplicatesObject(exact=duplicates.exact, likely=duplicates.likely),
        notes=file.notes,
        tags=file.tags,
        project_id=file.project_id,
        discarded_at=file.discarded_at if isinstance(file, PendingUpload) else None,
        job=_job(job) if job else None,
    )


def _warnings(file: ArchiveItem | PendingUpload) -> list[WarningObject]:
    warnings = [WarningObject.model_validate(warning) for warning in file.warnings]
    text = mismatch(file.sliced_for, file.sliced_for_name, file.printer_model)
    return [WarningObject(code=MODEL_MISMATCH, text=text), *warnings] if text else warnings


def _job(job: Job) -> JobObject:
    return JobObject(
        id=job.id,
        subtask_name=job.subtask_name,
        plate=job.plate,
        options=job.options,
        client=job.client,
        requested_at=job.at,
    )
