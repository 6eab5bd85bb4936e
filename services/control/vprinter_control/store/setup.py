"""What the guided set-up remembers, in the database."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_control.domain import setup as rules
from vprinter_control.domain.setup import Evidence, Step
from vprinter_control.store.schema import Printer, SetupEvidence, SetupStart

MOST_CLIENTS = 32
"""Clients remembered for each printer; those of whom nothing was learned for longest are forgotten first."""


async def learn(session: AsyncSession, printer: str, evidence: Iterable[Evidence]) -> bool:
    """Remember evidence unless newer is known, or the set-up was begun anew since; whether anything was new."""
    known = {(row.client, row.step, row.service): row for row in await _rows(session, printer)}
    since = await begun(session, printer)
    if since is None:
        return False
    learned = False
    for one in evidence:
        row = known.get((one.client, one.step.value, one.service))
        if one.at < since or (row is not None and one.at <= row.at):
            continue
        if row is None:
            row = SetupEvidence(printer_id=printer, client=one.client[:64], step=one.step.value, service=one.service)
            known[one.client, one.step.value, one.service] = row
            session.add(row)
        row.at, row.code, row.detail = one.at, one.code, one.detail[:500]
        learned = True
    for client in rules.clients(_evidence(known.values()))[MOST_CLIENTS:]:
        await session.flush()
        await session.execute(
            delete(SetupEvidence).where(SetupEvidence.printer_id == printer, SetupEvidence.client == client)
        )
    return learned


async def evidence(session: AsyncSession, printer: str) -> list[Evidence]:
    """All that is remembered of a printer."""
    return _evidence(await _rows(session, printer))


async def begun(session: AsyncSession, printer: str) -> datetime | None:
    """When a printer's set-up was begun, at first with the printer itself; None if there is no such printer."""
    created = await session.scalar(select(Printer.created_at).where(Printer.id == printer))
    restarted = await session.scalar(select(SetupStart.since).where(SetupStart.printer_id == printer))
    return created if created is None else restarted or created


async def restart(session: AsyncSession, printer: str, now: datetime) -> None:
    """Forget what was learned."""
    await session.execute(delete(SetupEvidence).where(SetupEvidence.printer_id == printer))
    await session.merge(SetupStart(printer_id=printer, since=now))


async def forget_deleted(session: AsyncSession) -> None:
    """Forget printers that are no more."""
    printers = select(Printer.id)
    await session.execute(delete(SetupEvidence).where(SetupEvidence.printer_id.not_in(printers)))
    await session.execute(delete(SetupStart).where(SetupStart.printer_id.not_in(printers)))


async def _rows(session: AsyncSession, printer: str) -> list[SetupEvidence]:
    return list(await session.scalars(select(SetupEvidence).where(SetupEvidence.printer_id == printer)))


def _evidence(rows: Iterable[SetupEvidence]) -> list[Evidence]:
    return [Evidence(row.client, Step(row.step), row.service, row.at, row.code, row.detail) for row in rows]
