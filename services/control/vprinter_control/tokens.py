"""Bearer tokens: made, hashed, recognised."""

import asyncio
import os
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from secrets import token_urlsafe

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.certs import Clock
from vprinter_common.contracts.message import new_id
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Token

FILE = "admin-token"
FROM_ENVIRONMENT = "environment"
FIRST = "first admin"


class Scope(StrEnum):
    """What a token allows."""

    ADMIN = "admin"
    READ = "read"
    """Everything may be looked at, except access codes and tokens; nothing changed."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls."""

    token: str
    """Id of the token."""
    scopes: frozenset[Scope]

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return Scope.ADMIN in self.scopes


def hashed(token: str) -> str:
    """How a token is stored. Tokens are long and random, so a plain hash cannot be guessed back."""
    return sha256(token.encode()).hexdigest()


async def identify(session: AsyncSession, token: str) -> Identity | None:
    """Who holds the token, if anyone."""
    found = await session.scalar(select(Token).where(Token.hash == hashed(token)))
    return Identity(found.id, frozenset(Scope(scope) for scope in found.scopes)) if found else None


async def add(session: AsyncSession, clock: Clock, name: str, scopes: list[Scope], text: str) -> Token:
    """Store a token."""
    now = clock()
    token = Token(id=new_id(), name=name, hash=hashed(text), scopes=[scope.value for scope in scopes], created_at=now)
    session.add(token)
    record(session, now, EventType.TOKEN_CREATED, token=token.id, name=name)
    return token


async def bootstrap(database: Database, clock: Clock, given: str | None, directory: Path) -> None:
    """See to it that there is an admin token: the given one, or a new one in a file that is shown once."""
    async with database.write() as session:
        tokens = list(await session.scalars(select(Token).order_by(Token.seq)))
        if given is not None:
            if any(token.hash == hashed(given) for token in tokens):
                return
            for token in tokens:
                if token.name == FROM_ENVIRONMENT:
                    await session.delete(token)
            await session.flush()
            await add(session, clock, FROM_ENVIRONMENT, [Scope.ADMIN], given)
        elif not tokens:
            fresh = token_urlsafe(32)
            await add(session, clock, FIRST, [Scope.ADMIN], fresh)
            # Before the commit: a token that is stored and was never shown would lock everyone out.
            await asyncio.to_thread(_write, directory / FILE, fresh)


def _write(path: Path, token: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(token + "\n")
        stream.flush()
        os.fsync(stream.fileno())
