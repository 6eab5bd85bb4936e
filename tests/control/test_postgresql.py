"""The tests of what is kept, found and listed, against a real PostgreSQL."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from tests.control.postgresql import SERVER, fresh, prepare, programs, server
from vprinter_control.store.schema import Base

HERE = Path(__file__).parent
SUITES = (
    "test_access_codes", "test_audit", "test_events", "test_files", "test_ingest", "test_once", "test_problems",
    "test_proxies", "test_queue", "test_review", "test_search", "test_session", "test_targets", "test_tokens",
    "test_virtual_printers",
)  # fmt: skip
LOOKS_INTO_THE_FILE = "tests/control/test_session.py::test_what_is_stored_opens_nothing"
BINARIES = programs()

pytestmark = [
    pytest.mark.full,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(BINARIES is None, reason="PostgreSQL is missing; as root: apt-get install postgresql"),
]


@pytest.fixture
async def postgresql() -> AsyncIterator[str]:
    """A server with a migrated template."""
    assert BINARIES is not None
    with server(BINARIES) as running:
        await prepare(running.url)
        yield running.url


def differences(connection: Connection) -> list[object]:
    """What the schema has and the database lacks, or the other way round."""
    options = {"include_name": lambda name, kind, _of: kind != "table" or "_search" not in name}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))


async def test_its_migrations_lead_to_the_schema(postgresql: str) -> None:
    async with fresh(postgresql) as database, database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_control_does_with_it_what_it_does_with_sqlite(postgresql: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not full"),
        *("--deselect", LOOKS_INTO_THE_FILE),
        *(str(path) for name in SUITES if (path := HERE / f"{name}.py").exists()),
        cwd=HERE.parents[1],
        env={**os.environ, SERVER: postgresql},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
