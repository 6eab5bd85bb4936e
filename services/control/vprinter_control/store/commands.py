"""The log of commands that slicers gave real printers through proxies."""

from datetime import datetime

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.facts import CommandRelayed, JobRequested
from vprinter_control.domain.prints import TOGETHER
from vprinter_control.store.schema import Job, RelayedCommand


async def add(session: AsyncSession, fact: CommandRelayed) -> bool:
    """Write a command down; False if it is there already: facts have no ids, but nobody says two things at once."""
    known = select(RelayedCommand.seq).where(
        RelayedCommand.session_id == fact.session, RelayedCommand.at == fact.at, RelayedCommand.command == fact.command
    )
    if await session.scalar(known) is not None:
        return False
    session.add(
        RelayedCommand(
            at=fact.at,
            virtual_printer_id=fact.printer,
            real_printer_id=fact.target,
            session_id=fact.session,
            client=fact.client[:64],
            command=fact.command,
            detail=fact.detail,
            outcome=fact.outcome.value,
        )
    )
    return True


def same_print(job: JobRequested) -> Select[Job]:
    """Prints that are the same one: of one slicer, of one file, at one moment."""
    return select(Job).where(
        Job.printer_id == job.printer,
        Job.filename == job.filename,
        Job.client == job.client[:64],
        Job.at.between(job.at - TOGETHER, job.at + TOGETHER),
    )


async def forget(session: AsyncSession, before: datetime) -> None:
    """Forget what is older."""
    await session.execute(delete(RelayedCommand).where(RelayedCommand.at < before))
