"""A database of the first release, as this release finds it."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, insert
from sqlalchemy import MetaData as Reflected

from tests.control.harness import NOON, Api, Clock, Parts
from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_control.rereading import Rereading
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.installation import ensure_installation
from vprinter_control.store.migrate import MIGRATIONS, migrate

CONTENT = threemf.sliced(Plate(1, "Lid"), Plate(2, "Box"), title="Würfel", model="BL-P001")
SHA = sha256(CONTENT).hexdigest()
FILE = {
    "sha256": SHA, "size": len(CONTENT), "filename": "cube.gcode.3mf", "name": "cube", "received_at": NOON,
    "client": "192.0.2.9", "owner": "", "mode": "queue", "plates": [{"index": 1}, {"index": 2}], "notes": "mine",
    "tags": ["red"],
}  # fmt: skip
ROWS = {
    "virtual_printers": {
        "id": "desk", "revision": 1, "created_at": NOON, "name": "Desk", "enabled": False, "mode": "queue",
        "model": "C12", "serial": "01P00A000000001", "bind": {"any": True}, "passive_low": 50000,
        "passive_high": 50100, "announce_to": [], "certificate_addresses": [],
    },
    "blobs": {"sha256": SHA, "size": len(CONTENT)},
    "archive_items": FILE | {"id": "a", "upload_id": "a", "virtual_printer_id": "desk"},
    "pending_uploads": FILE | {"id": "b", "upload_id": "b", "virtual_printer_id": "gone"},
    "queue_items": {
        "id": "q", "archive_id": "a", "plate": 2, "position": 1, "hold": True, "options": {}, "created_at": NOON,
    },
}  # fmt: skip


def fill(connection: Connection) -> None:
    """Make the first release's tables, and what was in them."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS))
    command.upgrade(config, "0001")
    tables = Reflected()
    tables.reflect(connection)
    for name, row in ROWS.items():
        connection.execute(insert(tables.tables[name]).values(row))


@pytest.fixture
async def database(tmp_path: Path, clock: Clock) -> AsyncIterator[Database]:
    """That database, migrated."""
    url = f"sqlite:///{tmp_path}/control.db"
    old = open_database(url)
    async with old.engine.begin() as connection:
        await connection.run_sync(fill)
    await old.close()
    opened = open_database(url)
    await migrate(opened)
    await ensure_installation(opened, clock, Random(7))
    yield opened
    await opened.close()


async def test_nothing_is_lost(api: Api) -> None:
    (archived,), (pending,), (queued,) = [await api.items(where) for where in ("archive", "pending", "queue")]
    for item in (archived, pending):
        assert {name: item[name] for name in ("sha256", "filename", "notes", "tags")} == {
            name: FILE[name] for name in ("sha256", "filename", "notes", "tags")
        }
        assert [plate["index"] for plate in item["plates"]] == [1, 2]
        assert (item["title"], item["warnings"]) == (None, [])
    assert (queued["id"], queued["archive_id"], queued["plate"], queued["hold"]) == ("q", "a", 2, True)


async def test_its_printers_and_files_have_no_real_printer_behind_them(api: Api) -> None:
    (desk,) = await api.items("virtual-printers")
    assert (desk["serial"], desk["target"], desk["relay"]) == ("01P00A000000001", None, None)
    assert (await api.items("archive"))[0]["real_printer_id"] is None
    assert await api.items("printers") == await api.items("commands") == []


async def test_its_files_are_read_found_and_flagged(api: Api, parts: Parts) -> None:
    parts.keep(CONTENT)
    assert await Rereading(parts.database, parts.blobs, parts.clock).round() == 2
    (archived,), (pending,) = await api.items("archive?q=würfel"), await api.items("pending?q=würfel")
    assert [plate["name"] for plate in archived["plates"]] == ["Lid", "Box"]
    assert [warning["code"] for warning in archived["warnings"]] == ["model_mismatch"]
    assert pending["warnings"] == []  # its printer is gone: nobody knows what it was
    assert (archived["duplicates"], pending["duplicates"]) == ({"exact": 0, "likely": 0}, {"exact": 1, "likely": 0})
    assert archived["notes"] == "mine"
