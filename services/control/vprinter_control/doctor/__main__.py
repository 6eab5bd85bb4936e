"""`python -m vprinter_control.doctor [--control-is-away] [PRINTER …]`: diagnoses without a running control, as JSON.

`vprinter doctor` runs it when the API does not answer. It reads control's database and changes nothing.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from prometheus_client import CollectorRegistry
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.certs import utc_now
from vprinter_common.contracts import subjects
from vprinter_common.contracts.status import PrinterStatus
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import LogSettings
from vprinter_control.doctor.doctor import MOST_AT_ONCE, Doctor
from vprinter_control.doctor.facts import Facts
from vprinter_control.doctor.report import DiagnosisObject
from vprinter_control.domain.status import fresh
from vprinter_control.settings import ControlSettings
from vprinter_control.store import printers as store
from vprinter_control.store.database import Database, open_database
from vprinter_control.trust import Trust

AWAY = "--control-is-away"
NATS_WITHIN = 2.0
"""Seconds to wait for NATS, which may be away as well."""


class CannotExamine(Exception):  # noqa: N818 - how the command ends
    """There is nothing to examine, or it cannot be read."""


async def examine(settings: ControlSettings, wanted: Sequence[str], *, control_runs: bool) -> list[DiagnosisObject]:
    """Diagnose printers by id, beginning of an id or name; all of them if none is named. Raises CannotExamine."""
    file = settings.control_dir / "control.db"
    if settings.control.database_url is None and not file.exists():
        raise CannotExamine(
            f"there is no database at {file.absolute()}: start the system once, or set VPRINTER_DATA_DIR to its directory"
        )
    database = await asyncio.to_thread(open_database, settings.database_url)
    try:
        async with Bus(settings.nats, f"doctor@{settings.node}", CollectorRegistry()) as bus:
            with suppress(TimeoutError):
                async with asyncio.timeout(NATS_WITHIN):
                    await bus.wait_connected()
            statuses = await _statuses(bus)
            facts = Facts.of(settings, bus, Trust(settings.certs_dir), lambda: (), control_runs=control_runs)
            doctor = Doctor(database, facts, lambda id_: [one for one in statuses if one.printer == id_])
            return await _all(doctor, await _ids(database, wanted))
    except SQLAlchemyError as error:
        raise CannotExamine(f"control's database cannot be read: {type(error).__name__}") from error
    finally:
        await database.close()


async def _statuses(bus: Bus) -> list[PrinterStatus]:
    if not bus.connected:
        return []
    try:
        known = await bus.read(subjects.STATUS, PrinterStatus)
    except BusUnavailable:
        return []
    return fresh(known.values(), utc_now())


async def _ids(database: Database, wanted: Sequence[str]) -> list[str]:
    async with database.read() as session:
        known = [(printer.id, printer.name) for printer in await store.every(session)]
    if not wanted:
        return [id_ for id_, _ in known]
    found = [id_ for id_, name in known for text in wanted if name == text or id_.startswith(text)]
    if not found:
        raise CannotExamine(f"there is no printer {', '.join(wanted)}")
    return list(dict.fromkeys(found))


async def _all(doctor: Doctor, ids: Iterable[str]) -> list[DiagnosisObject]:
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def one(id_: str) -> DiagnosisObject:
        async with room:
            return await doctor.diagnose(id_)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one(id_), name=f"doctor:{id_}") for id_ in ids]
    return [task.result() for task in running]


def main(arguments: Sequence[str]) -> int:
    """Print the diagnoses; the result is the exit code."""
    configure_logging(LogSettings(level="error", format="console"), "doctor")
    try:
        wanted = [each for each in arguments if each != AWAY]
        found = asyncio.run(examine(ControlSettings(), wanted, control_runs=AWAY not in arguments))
    except (CannotExamine, ValidationError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps([each.model_dump(mode="json") for each in found], ensure_ascii=False) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
