"""What archive items and pending uploads look like."""

from collections.abc import Sequence
from typing import Any

from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.api.fields import Id, Name, Notes, Tags
from vprinter_control.api.routing import Body
from vprinter_control.store import files as store
from vprinter_control.store.schema import ArchiveItem, Job, PendingUpload


class PlateObject(BaseModel):
    """A plate of a sliced file."""

    index: int


class JobObject(BaseModel):
    """The print that the slicer asked for with this file."""

    id: str
    subtask_name: str
    plate: int | None
    options: dict[str, Any]
    client: str
    requested_at: AwareDatetime


class FileObject(BaseModel):
    """A received file."""

    id: str
    sha256: str
    size: int
    filename: str
    name: str
    virtual_printer_id: str
    received_at: AwareDatetime
    client: str
    owner: str
    mode: str
    plates: list[PlateObject]
    reader_error: str | None
    notes: str
    tags: list[str]
    project_id: str | None
    job: JobObject | None


class FilePatch(Body):
    """Changes; what is left out stays, `project_id` null takes the file out of its project."""

    name: Name = ""
    notes: Notes = ""
    tags: Tags = Field(default_factory=list)
    project_id: Id | None = None


async def show(session: AsyncSession, files: Sequence[ArchiveItem | PendingUpload]) -> list[FileObject]:
    """Files with their jobs."""
    jobs = await store.jobs_of(session, [file.upload_id for file in files])
    return [_object(file, jobs.get(file.upload_id)) for file in files]


async def change(session: AsyncSession, file: ArchiveItem | PendingUpload, patch: FilePatch) -> None:
    """Apply changes; the project must exist."""
    if patch.project_id is not None:
        await store.project(session, patch.project_id)
    for name in patch.model_fields_set:
        setattr(file, name, getattr(patch, name))


def _object(file: ArchiveItem | PendingUpload, job: Job | None) -> FileObject:
    return FileObject(
        id=file.id,
        sha256=file.sha256,
        size=file.size,
        filename=file.filename,
        name=file.name,
        virtual_printer_id=file.virtual_printer_id,
        received_at=file.received_at,
        client=file.client,
        owner=file.owner,
        mode=file.mode,
        plates=[PlateObject.model_validate(plate) for plate in file.plates],
        reader_error=file.reader_error,
        notes=file.notes,
        tags=file.tags,
        project_id=file.project_id,
        job=_job(job) if job else None,
    )


def _job(job: Job) -> JobObject:
    return JobObject(
        id=job.id,
        subtask_name=job.subtask_name,
        plate=job.plate,
        options=job.options,
        client=job.client,
        requested_at=job.at,
    )
