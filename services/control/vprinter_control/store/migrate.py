"""Brings a database to the schema of this release."""

from pathlib import Path

import structlog
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError

from vprinter_control.store.database import Database

log = structlog.get_logger()

HEAD = "0006"
"""The newest migration. Stands here so that a start with nothing to migrate need not import Alembic."""
MIGRATIONS = Path(__file__).parent / "migrations"


class DatabaseUnusable(OSError):  # noqa: N818 - it says what the database is
    """The service cannot start with this database; the message says why and what to do."""


async def migrate(database: Database) -> None:
    """Run the migrations that the database lacks, in one transaction."""
    try:
        async with database.engine.connect() as connection:
            stored = await connection.run_sync(_stored_revision)
    except DBAPIError as error:
        raise DatabaseUnusable(
            f"the database {database.engine.url!r} cannot be read: {error.orig}; look at the path, its permissions, "
            "VPRINTER_CONTROL__DATABASE_URL, and whether the server runs"
        ) from error
    if stored == HEAD:
        return
    log.info("database_migrates", stored=stored, to=HEAD)
    async with database.engine.begin() as connection:
        await connection.run_sync(_upgrade)


def _stored_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - a quarter of a second, needed at the first start only
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise DatabaseUnusable(
            f"the database was made by another release ({error}): start that release, or restore a backup"
        ) from error
