"""Takes facts: one transaction each, keyed by the fact's own id, and only then is the fact acknowledged."""

from dataclasses import dataclass

import structlog
from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import (
    FACTS,
    AuthFailed,
    CommandOutcome,
    CommandRelayed,
    JobRequested,
    TlsFailed,
    UploadFailed,
    UploadStored,
    kind_of,
)
from vprinter_common.contracts.message import Event
from vprinter_common.contracts.printer import Mode
from vprinter_common.object_store import Blobs
from vprinter_control import prints
from vprinter_control.domain import setup as rules
from vprinter_control.domain.names import display_name
from vprinter_control.domain.prints import print_id, print_of
from vprinter_control.live.setup import Setup
from vprinter_control.matching import match
from vprinter_control.metrics import Metrics
from vprinter_control.reading import MISSING, read_kept
from vprinter_control.store import access_codes, commands, queue, targets
from vprinter_control.store.acting import Actor, ActorKind, act_as
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.printers import identity
from vprinter_control.store.schema import ArchiveItem, Blob, Job, PendingUpload, Printer, Upload
from vprinter_control.threemf import Contents

log = structlog.get_logger()


@dataclass(slots=True)
class Ingest:
    """The consumer of facts. Nothing is assumed of their order; each may come again."""

    database: Database
    blobs: Blobs
    clock: Clock
    metrics: Metrics
    setup: Setup
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

    async def keep(self, fact: Event) -> None:
        """Take a fact of control's own: when this returns, it is in the database."""
        await self._take(kind_of(fact), fact)

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
                with act_as(Actor(ActorKind.SLICER, fact.owner, fact.client)):
                    taken = await self._stored(fact)
            case JobRequested():
                with act_as(Actor(ActorKind.SLICER, fact.owner, fact.client)):
                    taken = await self._requested(fact)
            case UploadFailed():
                taken = await self._note(EventType.UPLOAD_FAILED, fact)
            case CommandRelayed():
                taken = await self._commanded(fact)
            case AuthFailed():
                taken = await self._note(EventType.AUTH_FAILED, fact)
            case TlsFailed():
                taken = await self._note(EventType.TLS_FAILED, fact)
            case _:  # a kind that FACTS lists and this release does not handle
                taken = False
        if isinstance(fact, UploadStored | UploadFailed | AuthFailed | TlsFailed):
            await self.setup.learn(fact.printer, rules.from_fact(fact))
        self.metrics.facts.labels(kind, "taken" if taken else "repeated").inc()

    async def _stored(self, fact: UploadStored) -> bool:
        async with self.database.read() as session:
            if await session.get(Upload, fact.upload) is not None:
                return False
        contents = await read_kept(self.blobs, fact.sha256, fact.filename)
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
                    access_code=fact.access_code,
                    at=fact.at,
                )
            )
            if fact.access_code is not None:
                await access_codes.used(session, fact.access_code, fact.at)
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
            **await self._about_printer(session, fact),
            **prints.columns(contents, fact.filename),
            "notes": "",
            "tags": [],
        }
        about = {"name": columns["name"], "filename": fact.filename, "printer": fact.printer, "sha256": fact.sha256}
        if slicer := contents.slicer:
            about["slicer"] = " ".join(filter(None, (slicer.name, slicer.version)))
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
            await queue.append(session, item, [plate.index for plate in contents.plates], None, now)

    @staticmethod
    async def _about_printer(session: AsyncSession, fact: UploadStored) -> dict[str, str | None]:
        """What the printer was that received a file, and which real one a relayed file went to."""
        printer = await session.scalar(select(Printer).where(Printer.id == fact.printer))
        if printer is None:
            return {"printer_model": None}
        target = (await targets.by_id(session)).get(printer.target_id or "")
        _, model = identity(printer, target)
        return {
            "printer_model": model,
            "real_printer_id": target.id if target is not None and fact.mode is Mode.PROXY else None,
        }

    async def _requested(self, fact: JobRequested) -> bool:
        async with self.database.write() as session:
            if await session.get(Job, fact.job) is not None:
                return False
            for told in await session.scalars(commands.same_print(fact)):
                if told.id == print_id(told.printer_id, told.client, told.at):
                    await session.delete(told)
            await self._add_job(session, fact)
        return True

    async def _add_job(self, session: AsyncSession, fact: JobRequested) -> None:
        now = self.clock()
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
                access_code=fact.access_code,
            )
        )
        record(session, now, EventType.JOB_REQUESTED, job=fact.job, printer=fact.printer, filename=fact.filename)
        await session.flush()
        await match(session, fact.printer, fact.filename, fact.at, now)

    async def _commanded(self, fact: CommandRelayed) -> bool:
        async with self.database.write() as session:
            if not await commands.add(session, fact):
                return False
            type_ = EventType.COMMAND_RELAYED if fact.outcome is CommandOutcome.PASSED else EventType.COMMAND_REFUSED
            about = fact.model_dump(mode="json", exclude={"v", "at", "outcome"}, exclude_defaults=True)
            record(session, self.clock(), type_, **about)
            if (job := print_of(fact)) is not None:
                await self._told(session, job)
        return True

    async def _told(self, session: AsyncSession, job: JobRequested) -> None:
        """A print that a proxy saw being asked for; the whole request may have come already, or come yet."""
        if await session.scalar(commands.same_print(job)) is None:
            await self._add_job(session, job)

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
