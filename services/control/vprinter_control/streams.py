"""Answers without end, and whose they are: they end with the token or session that they were asked for with."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from vprinter_common.certs import Clock
from vprinter_control.store.database import Database
from vprinter_control.store.schema import PageSession, Token
from vprinter_control.tokens import Identity, holds
from vprinter_control.uses import LastUses

log = structlog.get_logger()

LOOK_EVERY = 30.0
"""Seconds until the stream of a token that expired ends; a revoked one's ends at once."""


@dataclass(frozen=True, slots=True, eq=False)
class _Stream:
    identity: Identity
    transport: asyncio.Transport


@dataclass(slots=True)
class Streams:
    """The streams that are open now."""

    database: Database
    uses: LastUses
    clock: Clock
    _open: set[_Stream] = field(default_factory=set)

    @contextmanager
    def opened(self, identity: Identity, transport: asyncio.Transport) -> Iterator[None]:
        """A stream is being sent while the context is open."""
        stream = _Stream(identity, transport)
        self._open.add(stream)
        try:
            yield
        finally:
            self._open.discard(stream)

    def end(self, *, token: str | None = None, session: str | None = None) -> None:
        """End the streams of a token, or of a session."""
        for stream in list(self._open):
            if (token is not None and stream.identity.token == token) or (
                session is not None and stream.identity.session == session
            ):
                stream.transport.close()

    async def look(self) -> None:
        """End the streams whose token is gone or expired; an open page counts as use of its session."""
        if not self._open:
            return
        now = self.clock()
        async with self.database.read() as session:
            tokens = {token.id for token in await session.scalars(select(Token)) if holds(token, now)}
            sessions = set(await session.scalars(select(PageSession.id)))
        for identity in {stream.identity for stream in self._open}:
            if identity.token not in tokens:
                self.end(token=identity.token)
            elif identity.session is None:
                self.uses.note(Token, identity.token, now)
            elif identity.session in sessions:
                self.uses.note(PageSession, identity.session, now)
            else:
                self.end(session=identity.session)

    async def follow(self) -> None:
        """Look now and then, for ever (a root task)."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except SQLAlchemyError as error:
                log.warning("streams_not_looked_at", error=type(error).__name__)
