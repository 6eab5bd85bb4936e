"""Sessions of the page: begun with a token, recognised by a cookie, ended by whoever began them or with the token."""

from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import PageSession, Token
from vprinter_control.tokens import Identity, hashed, holds, identity_of
from vprinter_control.uses import LastUses

IDLE = timedelta(hours=12)
"""A session that was not used for so long is over."""
LONGEST = timedelta(days=7)
"""However much it is used."""
MOST = 50
"""Sessions of one token; those that are beyond it go, the longest unused first."""


async def begin(session: AsyncSession, identity: Identity, text: str, now: datetime) -> str:
    """Begin a session for whoever holds a token; returns its id."""
    await session.execute(
        delete(PageSession).where((PageSession.last_used_at < now - IDLE) | (PageSession.created_at < now - LONGEST))
    )
    newest = PageSession.last_used_at.desc()
    mine = select(PageSession).where(PageSession.token_id == identity.token).order_by(newest, PageSession.seq.desc())
    for surplus in await session.scalars(mine.offset(MOST - 1)):
        await session.delete(surplus)
    id_ = new_id()
    session.add(PageSession(id=id_, hash=hashed(text), token_id=identity.token, created_at=now, last_used_at=now))
    record(session, now, EventType.PAGE_LOGIN, session=id_, token=identity.token, name=identity.name)
    return id_


async def identify(session: AsyncSession, text: str, uses: LastUses, now: datetime) -> Identity | None:
    """Who holds the cookie, if anyone and if it still counts."""
    query = select(PageSession, Token).join(Token, Token.id == PageSession.token_id)
    found = (await session.execute(query.where(PageSession.hash == hashed(text)))).one_or_none()
    if found is None:
        return None
    page, token = found
    used = uses.newest(PageSession, page.id, page.last_used_at)
    lives = used is not None and now - used < IDLE and now - page.created_at < LONGEST
    return identity_of(token, page.id) if lives and holds(token, now) else None


async def end(session: AsyncSession, identity: Identity, now: datetime) -> None:
    """End a session."""
    await session.execute(delete(PageSession).where(PageSession.id == identity.session))
    record(session, now, EventType.PAGE_LOGOUT, session=identity.session, token=identity.token, name=identity.name)
