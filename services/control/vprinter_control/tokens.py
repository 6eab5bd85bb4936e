"""Bearer tokens: made, hashed, recognised."""

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
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
    """What a token allows. Each one allows to read as well."""

    READ = "read"
    """Everything may be looked at, except access codes and tokens; nothing changed."""
    FILES = "files"
    """Pending uploads, the archive and projects may be changed."""
    QUEUE = "queue"
    """The queue may be changed."""
    PRINTERS = "printers"
    """Virtual printers may be changed, their access codes seen and changed."""
    ADMIN = "admin"
    """Everything, tokens and the certificate authority included."""


class Via(StrEnum):
    """How a caller showed who it is."""

    TOKEN = "token"  # noqa: S105 - the name of a way
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls."""

    token: str
    """Id of the token."""
    name: str
    scopes: frozenset[Scope]
    printer_id: str | None = None
    """The one virtual printer that the token uploads to; such a token opens nothing else."""
    session: str | None = None
    """Id of the page's session, if the call came with its cookie."""

    @property
    def is_admin(self) -> bool:
        """Whether everything is allowed."""
        return Scope.ADMIN in self.scopes

    @property
    def via(self) -> Via:
        """How the caller showed who it is."""
        return Via.TOKEN if self.session is None else Via.SESSION

    def may(self, scope: Scope) -> bool:
        """Whether what takes this scope is allowed."""
        return bool({scope, Scope.ADMIN} & self.scopes) or (scope is Scope.READ and bool(self.scopes))


def hashed(token: str) -> str:
    """How a token is stored. Tokens are long and random, so a plain hash cannot be guessed back."""
    return sha256(token.encode()).hexdigest()


def identity_of(token: Token, session: str | None = None) -> Identity:
    """Who calls with a token, or with the id of a session that it began."""
    scopes = frozenset(Scope(scope) for scope in token.scopes)
    return Identity(token.id, token.name, scopes, token.printer_id, session)


def holds(token: Token, now: datetime) -> bool:
    """Whether a token has not expired."""
    return token.expires_at is None or now < token.expires_at


async def identify(session: AsyncSession, token: str, now: datetime) -> Identity | None:
    """Who holds the token, if anyone; an expired one is held by nobody."""
    found = await session.scalar(select(Token).where(Token.hash == hashed(token)))
    return identity_of(found) if found is not None and holds(found, now) else None


async def add(
    session: AsyncSession,
    clock: Clock,
    name: str,
    scopes: list[Scope],
    text: str,
    *,
    printer_id: str | None = None,
    expires_at: datetime | None = None,
) -> Token:
    """Store a token."""
    now = clock()
    token = Token(
        id=new_id(),
        name=name,
        hash=hashed(text),
        scopes=[scope.value for scope in scopes],
        created_at=now,
        printer_id=printer_id,
        expires_at=expires_at,
    )
    session.add(token)
    record(session, now, EventType.TOKEN_CREATED, token=token.id, name=name)
    return token


async def bootstrap(database: Database, clock: Clock, given: str | None, directory: Path) -> None:
    """See to it that there is an admin token: the given one, or a new one in a file that is shown once."""
    async with database.write() as session:
        tokens = list(await session.scalars(select(Token).order_by(Token.seq)))
        if given is not None:
            if any(token.hash == hashed(given) and _opens_everything(token) for token in tokens):
                return
            for token in tokens:
                if token.name == FROM_ENVIRONMENT or token.hash == hashed(given):
                    await session.delete(token)
            await session.flush()
            await add(session, clock, FROM_ENVIRONMENT, [Scope.ADMIN], given)
        elif not tokens:
            fresh = token_urlsafe(32)
            await add(session, clock, FIRST, [Scope.ADMIN], fresh)
            # Before the commit: a token that is stored and was never shown would lock everyone out.
            await asyncio.to_thread(_write, directory / FILE, fresh)


def _opens_everything(token: Token) -> bool:
    return Scope.ADMIN in token.scopes and token.printer_id is None and token.expires_at is None


def _write(path: Path, token: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(token + "\n")
        stream.flush()
        os.fsync(stream.fileno())
