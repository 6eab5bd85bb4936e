"""Fills control's database with an archive, as years of prints would."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.contracts.message import new_id
from vprinter_control.store import queue
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.migrate import migrate
from vprinter_control.store.schema import ArchiveItem, Blob, PendingUpload, Project
from vprinter_control.threemf import VERSION

BATCH = 1000
BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
ADJECTIVES = (
    "small", "flexible", "hollow", "parametric", "printable", "quick", "silent", "sturdy", "tiny", "wall", "modular",
    "hexagonal", "magnetic", "foldable", "articulated", "threaded", "customizable", "rounded", "vented", "stackable",
)  # fmt: skip
NOUNS = (
    "benchy", "bracket", "box", "hook", "vase", "dragon", "gear", "holder", "organizer", "spool", "hinge", "clip",
    "enclosure", "lamp", "planter", "stand", "tray", "adapter", "drawer", "knob",
)  # fmt: skip
FILAMENTS = ("PLA", "PETG", "ABS", "TPU", "ASA")
PRINTERS = tuple(f"printer{number}" for number in range(1, 6))
OWNERS = ("Ann", "Ben", "Chris", "Dora", "")
TAGS = ("gift", "spare part", "prototype", "kitchen", "workshop", "school", "toy", "to keep")
MODELS = ("BL-P001", "C11", "C12", "N1", "N2S")
PROJECTS = 20
PENDING = 50


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is to ask for."""

    archived: list[str]
    """Ids, the oldest first."""
    projects: list[str]
    queued: list[str]


async def fill(path: Path, archived: int, queued: int, randomness: Random) -> Filled:
    """Make a database with so many archived prints and queued plates."""
    database = open_database(f"sqlite:///{path}")
    try:
        await migrate(database)
        return await _fill(database, archived, queued, randomness)
    finally:
        await database.close()


async def _fill(database: Database, archived: int, queued: int, randomness: Random) -> Filled:
    projects = [new_id() for _ in range(PROJECTS)]
    async with database.write() as session:
        for number, id_ in enumerate(projects):
            session.add(Project(id=id_, name=f"Project {number}", notes="", created_at=BEGAN))
    ids = [new_id() for _ in range(archived)]
    for start in range(0, archived, BATCH):
        async with database.write() as session:
            batch = enumerate(ids[start : start + BATCH], start=start)
            rows = [_columns(id_, number, projects, randomness) for number, id_ in batch]
            await _add(session, ArchiveItem, rows)
    async with database.write() as session:
        rows = [_columns(new_id(), archived + number, projects, randomness) for number in range(PENDING)]
        await _add(session, PendingUpload, rows)
    plates: list[str] = []
    async with database.write() as session:
        for id_ in ids[-queued:]:
            item = ArchiveItem(id=id_, name="print")
            plates += [one.id for one in await queue.append(session, item, [1], None, BEGAN)]
    return Filled(ids, projects, plates)


async def _add(
    session: AsyncSession, table: type[ArchiveItem | PendingUpload], rows: Sequence[Mapping[str, Any]]
) -> None:
    session.add_all(Blob(sha256=row["sha256"], size=row["size"]) for row in rows)
    await session.flush()
    session.add_all(table(**row) for row in rows)


def _columns(id_: str, number: int, projects: list[str], randomness: Random) -> dict[str, Any]:
    name = " ".join((*randomness.sample(ADJECTIVES, 2), randomness.choice(NOUNS), f"v{randomness.randint(1, 9)}"))
    plates = list(_plates(randomness))
    seconds = randomness.randint(600, 90_000)
    model = randomness.choice(MODELS)
    return {
        "id": id_,
        "upload_id": id_,
        "sha256": sha256(id_.encode()).hexdigest(),
        "size": randomness.randint(50_000, 80_000_000),
        "filename": f"{name.replace(' ', '_')}.gcode.3mf",
        "name": name,
        "virtual_printer_id": randomness.choice(PRINTERS),
        "received_at": BEGAN + timedelta(minutes=10 * number),
        "client": f"192.168.1.{randomness.randint(2, 250)}",
        "owner": randomness.choice(OWNERS),
        "mode": "immediate",
        "plates": plates,
        "reader_error": None,
        "reader": VERSION,
        "title": name.title(),
        "designer": f"designer{randomness.randint(1, 500)}",
        "slicer_name": "BambuStudio",
        "slicer_version": "02.00.03.54",
        "sliced_for": model,
        "sliced_for_name": "Bambu Lab X1 Carbon",
        "printer_model": model,
        "seconds": seconds,
        "grams": seconds / 120,
        "warnings": [],
        "project_key": sha256(name.encode()).hexdigest(),
        "notes": f"print {number}, rarely{number}",
        "tags": randomness.sample(TAGS, randomness.randint(0, 2)),
        "project_id": randomness.choice((None, randomness.choice(projects))),
    }


def _plates(randomness: Random) -> Iterator[dict[str, object]]:
    for index in range(1, randomness.randint(1, 4) + 1):
        filaments = [
            {"slot": slot, "type": randomness.choice(FILAMENTS), "color": "#F2754E", "grams": 20.5, "metres": 6.8}
            for slot in range(1, randomness.randint(1, 4) + 1)
        ]
        yield {
            "index": index,
            "name": None,
            "seconds": 3600,
            "grams": 41.0,
            "layers": 240,
            "height_mm": 48.0,
            "bed_type": "Textured PEI Plate",
            "nozzle_mm": 0.4,
            "filaments": filaments,
            "objects": ["body.stl", "lid.stl"],
            "thumbnail": True,
        }
