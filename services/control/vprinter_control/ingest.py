"""Takes facts: one transaction each, keyed by the fact's own id, and only then is the fact acknowledged."""

import asyncio
from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import FACTS, AuthFailed, JobRequested, TlsFailed, UploadFailed, UploadStored
from vprinter_common.contracts.message import Event
from vprinter_common.contracts.printer import Mode
from vprinter_control.domain.names import display_name
from vprinter_control.matching import match
from vprinter_control.metrics import Metrics
from vprinter_control.store import files
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import ArchiveItem, Blob, Job, PendingUpload, Upload
from vprinter_control.threemf import Contents, read_contents

log = structlog.get_logger()

MISSING = "the file is missing from the store"


@dataclass(slots=True)
class Ingest:
    """The consumer of facts. Nothing is assumed of their order; each may come again."""

    database: Database
    blobs: DirectoryBlobs
    clock: Clock
    metrics: Metrics
    failure: str | None = None

    async def take(self, subject: str, data: bytes) -> None:
        """Take a fact; an exception means that it must come again."""
        kind = subject.removeprefix(subjects.fact(""))
        try:
            fact = self._read(kind, data)
            if fact is None:
                await self._unreadable(kind, "unknown kind", len(data))
            else:
                await self._take(kind, fact)
        except ValidationError as error:
            where = sorted({".".join(map(str, one["loc"])) or "(all)" for one in error.errors()})
            await self._unreadable(kind, f"wrong or missing: {', '.join(where)[:300]}", len(data))
        except Exception as error:
            self.failure = f"{kind} is not taken: {type(error).__name__}"
            self.metrics.facts.labels(_label(kind), "failed").inc()
            raise
        self.failure = None

    def problem(self) -> str | None:
        """A sentence if the last fact was not taken (a health check)."""
        return self.failure and f"{self.failure}; it comes again, see the log"

    @staticmethod
    def _read(kind: str, data: bytes) -> Event | None:
        model = FACTS.get(kind)
        return model.decode(data) if model else None

    async def _take(self, kind: str, fact: Event) -> None:
        match fact:
            case UploadStored():
                taken = await self._stored(fact)
            case JobRequested():
                taken = await self._requested(fact)
            case UploadFailed():
                taken = await self._note(EventType.UPLOAD_FAILED, fact)
            case AuthFailed():
                taken = await self._note(EventType.AUTH_FAILED, fact)
            case TlsFailed():
                taken = await self._note(EventType.TLS_FAILED, fact)
            case _:  # a kind that FACTS lists and this release does not handle
                taken = False
        self.metrics.facts.labels(kind, "taken" if taken else "repeated").inc()

    async def _stored(self, fact: UploadStored) -> bool:
        async with self.database.read() as session:
            if await session.get(Upload, fact.upload) is not None:
                return False
        contents = await asyncio.to_thread(self._contents, fact)
        now = self.clock()
        async with self.database.write() as session:
            if await session.get(Upload, fact.upload) is not None:
                return False
            session.add(
                Upload(
                    id=fact.upload,
                    printer_id=fact.printer,
                    filename=fact.filename,
                    client=fact.client[:64],
                    at=fact.at,
                )
            )
            if await session.get(Blob, fact.sha256) is None:
                session.add(Blob(sha256=fact.sha256, size=fact.size))
            await session.flush()
            await self._place(session, fact, contents)
            await session.flush()
            await match(session, fact.printer, fact.filename, fact.at, now)
        self.metrics.latency.observe(max(0.0, (now - fact.at).total_seconds()))
        log.info(
            "upload_taken",
            upload=fact.upload,
            printer=fact.printer,
            peer=fact.client,
            filename=fact.filename,
            size=fact.size,
            mode=fact.mode.value,
        )
        return True

    def _contents(self, fact: UploadStored) -> Contents:
        if not self.blobs.exists(fact.sha256):
            return Contents(error=MISSING)
        return read_contents(self.blobs.path(fact.sha256), fact.filename)

    async def _place(self, session: AsyncSession, fact: UploadStored, contents: Contents) -> None:
        """Put the file where the printer's mode sends it."""
        now = self.clock()
        columns = {
            "id": fact.upload,
            "upload_id": fact.upload,
            "sha256": fact.sha256,
            "size": fact.size,
            "filename": fact.filename,
            "name": display_name(fact.filename),
            "virtual_printer_id": fact.printer,
            "received_at": fact.at,
            "client": fact.client[:64],
            "owner": fact.owner[:100],
            "mode": fact.mode.value,
            "plates": [{"index": plate} for plate in contents.plates],
            "reader_error": contents.error,
            "notes": "",
            "tags": [],
        }
        about = {"printer": fact.printer, "filename": fact.filename, "sha256": fact.sha256}
        if contents.error == MISSING:
            log.error("file_missing", upload=fact.upload, sha256=fact.sha256, filename=fact.filename)
            record(session, now, EventType.FILE_MISSING, upload=fact.upload, **about)
        if fact.mode is Mode.REVIEW:
            session.add(PendingUpload(**columns))
            record(session, now, EventType.PENDING_ADDED, pending=fact.upload, **about)
            return
        item = ArchiveItem(**columns)
        session.add(item)
        record(session, now, EventType.ARCHIVE_ADDED, archive=fact.upload, **about)
        if fact.mode is Mode.QUEUE:
            await session.flush()
            await files.enqueue(session, item, contents.plates, None, now)

    async def _requested(self, fact: JobRequested) -> bool:
        now = self.clock()
        async with self.database.write() as session:
            if await session.get(Job, fact.job) is not None:
                return False
            session.add(
                Job(
                    id=fact.job,
                    printer_id=fact.printer,
                    filename=fact.filename,
                    client=fact.client[:64],
                    at=fact.at,
                    subtask_name=fact.subtask_name,
                    plate=fact.plate,
                    options=fact.options,
                    owner=fact.owner[:100],
                )
            )
            record(session, now, EventType.JOB_REQUESTED, job=fact.job, printer=fact.printer, filename=fact.filename)
            await session.flush()
            await match(session, fact.printer, fact.filename, fact.at, now)
        return True

    async def _note(self, type_: EventType, fact: Event) -> bool:
        async with self.database.write() as session:
            record(session, self.clock(), type_, **fact.model_dump(mode="json", exclude={"v"}, exclude_none=True))
        return True

    async def _unreadable(self, kind: str, why: str, size: int) -> None:
        """A fact that can never be taken is shown and acknowledged: repeated for ever it would only hide others."""
        log.error("fact_unreadable", kind=kind[:100], why=why, size=size)
        self.metrics.facts.labels(_label(kind), "unreadable").inc()
        async with self.database.write() as session:
            record(session, self.clock(), EventType.FACT_UNREADABLE, kind=kind[:100], why=why, size=size)


def _label(kind: str) -> str:
    return kind if kind in FACTS else "unknown"
