"""A database of the first release keeps its printers' access codes."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from tests.control.harness import NOON
from vprinter_control.store import access_codes
from vprinter_control.store.database import open_database
from vprinter_control.store.migrate import MIGRATIONS, migrate

PRINTER = text(
    "INSERT INTO virtual_printers (seq, id, revision, created_at, name, enabled, mode, model, serial, bind, passive_low,"
    " passive_high, announce_to, certificate_addresses) VALUES (:seq, :id, 1, :at, :id, 0, 'immediate', 'BL-P001', :id,"
    " '{}', 1, 9, '[]', '[]')"
)
CODE = text("INSERT INTO access_codes (id, printer_id, owner, code) VALUES (:id, :printer, '', :code)")


def _first_release(connection: Connection) -> None:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "0001")
    for seq, (printer, code) in enumerate((("one", "Sesame42"), ("two", "Sesame43")), start=1):
        connection.execute(PRINTER, {"seq": seq, "id": printer, "at": NOON.replace(tzinfo=None).isoformat(" ")})
        connection.execute(CODE, {"id": f"code-of-{printer}", "printer": printer, "code": code})


async def test_codes_keep_their_ids_and_become_primary(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path}/control.db")
    async with database.engine.begin() as connection:
        await connection.run_sync(_first_release)
    await migrate(database)
    async with database.read() as session:
        for printer, text_ in (("one", "Sesame42"), ("two", "Sesame43")):
            (code,) = await access_codes.of(session, printer)
            assert (code.id, code.code, code.owner, code.last_used_at) == (f"code-of-{printer}", text_, "", None)
            assert code.created_at.tzinfo is not None
    await database.close()
