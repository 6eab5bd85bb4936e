"""Connections and transactions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread
from typing import Any
from weakref import WeakSet

import aiosqlite
from sqlalchemy import Connection, event, make_url
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import sessionmaker

from vprinter_control.store import search
from vprinter_control.store.commits import Commits
from vprinter_control.store.once import write_claim

_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
_WRITING = "vprinter_writing"
# What says that the database is unwell, and not that a statement was wrong.
_UNWELL = (OperationalError, InterfaceError, PoolTimeout)
_LAST_STATEMENT = 5.0
"""Seconds that a statement may go on after its database was closed."""
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA foreign_keys=ON",
    "PRAGMA busy_timeout=5000",
    # An acknowledged fact exists nowhere else any more: a commit must outlive a power cut.
    "PRAGMA synchronous=FULL",
)


class SqliteConnections:
    """Every connection that was begun: the pool does not know those whose set-up was cancelled, so nobody would close them."""

    def __init__(self) -> None:
        self._begun: WeakSet[aiosqlite.Connection] = WeakSet()
        self._threads: WeakSet[Thread] = WeakSet()

    def begin(self, *args: Any, **options: Any) -> aiosqlite.Connection:
        """A connection, to be awaited: SQLAlchemy calls it in place of the driver."""
        connection = aiosqlite.connect(*args, **options)
        thread = connection._thread  # noqa: SLF001 - SQLAlchemy does the same; there is no other way to wait for its end
        thread.daemon = True
        self._begun.add(connection)
        self._threads.add(thread)
        return connection

    async def close(self) -> None:
        """Stop them all, and wait until no thread has anything left to tell this event loop."""
        for connection in self._begun:
            connection.stop()
        for thread in list(self._threads):
            if thread.is_alive():
                await asyncio.to_thread(thread.join, _LAST_STATEMENT)


class Database:
    """Reads see one snapshot; writes come one after another, because control is the only writer."""

    def __init__(self, engine: AsyncEngine, connections: SqliteConnections | None = None) -> None:
        self.engine = engine
        self._connections = connections
        self.commits = Commits()
        self._lock = asyncio.Lock()
        self._readers = async_sessionmaker(engine, expire_on_commit=False)
        writing = sessionmaker()
        search.follow(writing)
        self._writers = async_sessionmaker(
            engine.execution_options(**{_WRITING: True}), expire_on_commit=False, sync_session_class=writing
        )
        self._failure: str | None = None

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session to read with."""
        async with self._readers() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A transaction: committed at the end, or nothing of it happened."""
        async with self._lock:
            try:
                async with self._writers() as session, session.begin():
                    claim = await write_claim(session)
                    yield session
            except _UNWELL as error:
                self._failure = type(error).__name__
                raise
            self._failure = None
        if claim is not None:
            claim.written = True
        self.commits.announce()

    async def probe(self) -> None:
        """See whether a write transaction can be begun."""
        try:
            async with self._lock, self._writers() as session, session.begin():
                await session.connection()
        except _UNWELL as error:
            self._failure = type(error).__name__
        else:
            self._failure = None

    def problem(self) -> str | None:
        """A sentence if the last transaction failed (a health check)."""
        if self._failure is None:
            return None
        return f"the database does not take writes ({self._failure}): look at its disk, permissions and connection"

    async def close(self) -> None:
        """Close all connections; whoever uses one must have ended, or waits for an answer that never comes."""
        await self.engine.dispose()
        if self._connections is not None:
            await self._connections.close()


def open_database(url: str) -> Database:
    """The database of a URL, which may leave out the driver; makes the directory of a SQLite file."""
    parsed = make_url(url)
    parsed = parsed.set(drivername=_DRIVERS.get(parsed.drivername, parsed.drivername))
    if parsed.get_backend_name() != "sqlite":
        return Database(create_async_engine(parsed, pool_pre_ping=True, hide_parameters=True))
    if parsed.database:
        # It holds the printers' private keys.
        Path(parsed.database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connections = SqliteConnections()
    engine = create_async_engine(parsed, hide_parameters=True, connect_args={"async_creator_fn": connections.begin})
    event.listen(engine.sync_engine, "connect", _prepare_sqlite)
    event.listen(engine.sync_engine, "begin", _begin_sqlite)
    return Database(engine, connections)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    """The driver must not begin transactions by itself: it begins them too late to see one snapshot."""
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
