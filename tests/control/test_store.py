"""Migrations and transactions."""

import asyncio
import sqlite3
import threading
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from tests.control.harness import NOON
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.migrate import HEAD, MIGRATIONS, DatabaseUnusable, migrate
from vprinter_control.store.schema import Base, Project


def project(name: str) -> Project:
    """A row."""
    return Project(id=name, name=name, notes="", created_at=NOON)


def differences(connection: Connection) -> list[object]:
    """What the schema has and the database lacks, or the other way round."""
    # SQLite keeps its full-text search in tables of its own.
    options = {"include_name": lambda name, kind, _of: kind != "table" or "_search" not in name}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_an_empty_database_is_brought_to_the_schema(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/new/control.db")
    await migrate(database)
    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await database.close()
    assert (tmp_path / "new").stat().st_mode & 0o077 == 0


async def test_an_existing_database_keeps_what_it_has(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/control.db"
    for name in ("a", "b"):
        database = open_database(url)
        await migrate(database)
        async with database.write() as session:
            session.add(project(name))
        await database.close()
    database = open_database(url)
    async with database.read() as session:
        assert [row.created_at for row in await session.scalars(select(Project))] == [NOON, NOON]
    await database.close()


async def test_a_database_of_a_later_release_is_left_alone(database: Database) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseUnusable, match="another release"):
        await migrate(database)


async def test_a_database_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    (tmp_path / "control.db").write_bytes(b"no database" * 100)
    database = open_database(f"sqlite:///{tmp_path}/control.db")
    with pytest.raises(DatabaseUnusable, match=r"control\.db.*not a database"):
        await migrate(database)
    await database.close()


async def test_closing_ends_connections_too_that_were_cancelled_while_they_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, loop, began, go_on = aiosqlite.connect, asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    threads: list[threading.Thread] = []

    def held_up(*args: Any, **options: Any) -> aiosqlite.Connection:
        connection = connect(*args, **options)
        open_file = connection._connector

        def open_late() -> sqlite3.Connection:
            loop.call_soon_threadsafe(began.set)
            go_on.wait(10)
            return open_file()

        connection._connector = open_late
        threads.append(connection._thread)
        return connection

    monkeypatch.setattr(aiosqlite, "connect", held_up)
    database = open_database(f"sqlite:///{tmp_path}/control.db")
    async with asyncio.TaskGroup() as group:
        opening = group.create_task(database.engine.connect().start())
        await began.wait()
        opening.cancel()
    loop.call_soon(go_on.set)
    await database.close()
    assert [thread.is_alive() for thread in threads] == [False]


def test_the_named_head_is_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


def test_every_table_can_be_made_in_postgresql() -> None:
    for table in Base.metadata.sorted_tables:
        assert "CREATE TABLE" in str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]


async def test_sqlite_is_set_up_to_outlive_a_power_cut(database: Database) -> None:
    async with database.engine.connect() as connection:
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 5000}


async def begin_and_fail(database: Database) -> None:
    """A transaction that does not reach its end."""
    async with database.write() as session:
        session.add(project("a"))
        await session.flush()
        raise RuntimeError("midway")


async def test_a_transaction_that_fails_leaves_nothing_and_wakes_nobody(database: Database) -> None:
    before = database.commits.count
    with pytest.raises(RuntimeError, match="midway"):
        await begin_and_fail(database)
    async with database.read() as session:
        assert await session.scalar(select(Project)) is None
    assert database.commits.count == before
    assert database.problem() is None


async def test_a_database_that_takes_no_writes_is_unwell(tmp_path: Path, database: Database) -> None:
    async with database.engine.connect() as blocker:
        await blocker.exec_driver_sql("PRAGMA busy_timeout=1")
        await blocker.commit()
    blocking = open_database(f"sqlite:///{tmp_path}/control.db")
    async with blocking.engine.connect() as holder:
        await holder.exec_driver_sql("ROLLBACK")
        await holder.exec_driver_sql("BEGIN IMMEDIATE")
        await database.probe()
        problem = database.problem()
        assert problem is not None
        assert "does not take writes" in problem
        await holder.exec_driver_sql("ROLLBACK")
        await holder.exec_driver_sql("BEGIN")
    await blocking.close()
    await database.probe()
    assert database.problem() is None
