"""Access codes of virtual printers in the database."""

from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.domain.refusal import Conflict, NotThere
from vprinter_control.store.schema import Code

MOST = 100
"""Codes of one printer: each login is compared with all of them."""


async def of(session: AsyncSession, printer: str) -> list[Code]:
    """A printer's codes, the primary one first."""
    return list(await session.scalars(select(Code).where(Code.printer_id == printer).order_by(Code.seq)))


def one_of(codes: list[Code], id_: str) -> Code:
    """The code with this id, or NotThere."""
    for code in codes:
        if code.id == id_:
            return code
    raise NotThere("access code", id_)


def insert(session: AsyncSession, printer: str, owner: str, text: str, at: datetime) -> Code:
    """A new code."""
    code = Code(id=new_id(), printer_id=printer, owner=owner, code=text, created_at=at)
    session.add(code)
    return code


async def used(session: AsyncSession, id_: str, at: datetime) -> None:
    """A slicer sent something with a code."""
    older = or_(Code.last_used_at.is_(None), Code.last_used_at < at)
    await session.execute(update(Code).where(Code.id == id_, older).values(last_used_at=at))


def refuse_duplicate(codes: list[Code], text: str, besides: Code | None = None) -> None:
    """Raise Conflict if another owner has the code: it would not say any more who sends."""
    for code in codes:
        if code is not besides and code.code == text:
            raise Conflict(
                "duplicate_code",
                f"another access code of this printer, {code.owner or 'that of nobody in particular'}'s, is the same",
                field="code",
                hint="choose another one, or leave it out for a random one",
            )


def refuse_same_owner(codes: list[Code], owner: str, besides: Code | None = None) -> None:
    """Raise Conflict if another code has the owner's name, in any case of letters."""
    for code in codes:
        if code is not besides and code.owner.casefold() == owner.casefold():
            raise Conflict(
                "duplicate_owner",
                f"{code.owner} has an access code of this printer already",
                field="owner",
                hint="rotate that one, or name this one otherwise",
            )


def refuse_more(codes: list[Code]) -> None:
    """Raise Conflict if a printer has as many codes as it may."""
    if len(codes) >= MOST:
        raise Conflict(
            "too_many_codes", f"the printer has {len(codes)} access codes, the most there may be", hint="revoke some"
        )
