"""A PostgreSQL server for as long as a test needs it."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.system.ports import free_ports
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.migrate import migrate

SERVER = "TEST_POSTGRESQL"
"""Environment variable that gives a server's URL to the tests that `test_postgresql` runs."""
TEMPLATE = "migrated"
_QUICKLY = (
    "fsync=off",
    "full_page_writes=off",
    "unix_socket_directories=",
    "max_connections=60",
)


def programs() -> Path | None:
    """Where the server's programs are, which Debian keeps out of PATH; the newest release first."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "postgres").exists()), None)


class Server:
    """A server in a directory. It refuses to run as root, so root becomes somebody else."""

    def __init__(self, binaries: Path, directory: Path) -> None:
        self._user = "nobody" if os.geteuid() == 0 else None
        if self._user is not None:
            os.chown(directory, pwd.getpwnam(self._user).pw_uid, -1)
        self._directory, self._port = directory, free_ports().base
        data = directory / "data"
        self._control = (binaries / "pg_ctl", "-D", data, "-l", directory / "log", "-w")
        self._run(
            binaries / "initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C"
        )

    @property
    def url(self) -> str:
        """Of its databases, without a name."""
        return f"postgresql://tests@127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = " ".join((f"-p {self._port} -h 127.0.0.1", *(f"-c {option}" for option in _QUICKLY)))
        self._run(*self._control, "-o", options, "start")

    def stop(self) -> None:
        """End it, as a crash does."""
        self._run(*self._control, "-m", "immediate", "stop")

    def _run(self, *command: str | Path) -> None:
        subprocess.run(command, user=self._user, cwd=self._directory, check=True, capture_output=True)


@contextmanager
def server(binaries: Path) -> Iterator[Server]:
    """Run a server."""
    with tempfile.TemporaryDirectory(prefix="vprinter-postgresql-") as directory:
        made = Server(binaries, Path(directory))
        made.start()
        try:
            yield made
        finally:
            made.stop()


async def prepare(url: str) -> None:
    """Make the database that others are copied from."""
    await _administer(url, f"CREATE DATABASE {TEMPLATE}")
    database = open_database(f"{url}/{TEMPLATE}")
    await migrate(database)
    await database.close()


@asynccontextmanager
async def fresh(url: str) -> AsyncIterator[Database]:
    """A migrated database of its own."""
    name = f"test_{uuid4().hex}"
    await _administer(url, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    database = open_database(f"{url}/{name}")
    try:
        yield database
    finally:
        await database.close()
        await _administer(url, f"DROP DATABASE {name} WITH (FORCE)")


async def _administer(url: str, statement: str) -> None:
    driver = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(f"{driver}/postgres", isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.execute(text(statement))
    await engine.dispose()
