"""Real printers in the database."""

from collections.abc import Sequence

from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.target import RealPrinter as Specification
from vprinter_control.domain.refusal import Invalid, NotThere
from vprinter_control.store.schema import Printer, RealPrinter


async def get(session: AsyncSession, id_: str) -> RealPrinter:
    """A real printer, or NotThere."""
    found = await session.scalar(select(RealPrinter).where(RealPrinter.id == id_))
    if found is None:
        raise NotThere("real printer", id_)
    return found


async def named(session: AsyncSession, id_: str | None, field: str) -> RealPrinter | None:
    """The real printer that a field of a body names, if it names one; Invalid if there is no such."""
    if id_ is None:
        return None
    try:
        return await get(session, id_)
    except NotThere as refusal:
        raise Invalid(
            "unknown_printer", refusal.detail, field=field, hint="GET /api/v1/printers lists real printers"
        ) from None


async def every(session: AsyncSession) -> list[RealPrinter]:
    """All real printers, the oldest first."""
    return list(await session.scalars(select(RealPrinter).order_by(RealPrinter.seq)))


async def by_id(session: AsyncSession) -> dict[str, RealPrinter]:
    """All real printers by id."""
    return {printer.id: printer for printer in await every(session)}


async def users_of(session: AsyncSession, id_: str) -> Sequence[Printer]:
    """The virtual printers that relay to a real one, or mirror it."""
    return (await session.scalars(select(Printer).where(Printer.target_id == id_).order_by(Printer.seq))).all()


async def specifications(session: AsyncSession) -> dict[str, Specification]:
    """What the proxies are to know of every real printer, by id."""
    return {printer.id: _specification(printer) for printer in await every(session)}


def _specification(printer: RealPrinter) -> Specification:
    return Specification(
        id=printer.id,
        revision=printer.revision,
        name=printer.name,
        host=printer.host,
        serial=printer.serial,
        model=printer.model,
        access_code=SecretStr(printer.access_code),
        fingerprint=printer.fingerprint,
    )
