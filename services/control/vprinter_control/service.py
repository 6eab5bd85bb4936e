"""The service: its parts, its root tasks, its start and stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import SystemRandom, token_urlsafe

from vprinter_common import net
from vprinter_common.access import LoginBrake
from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.certs import utc_now
from vprinter_common.contracts import subjects
from vprinter_common.runtime.health import Severity
from vprinter_common.runtime.service import Runtime
from vprinter_control import tokens
from vprinter_control.addresses import Addresses
from vprinter_control.api.app import make_app
from vprinter_control.api.context import Control
from vprinter_control.api.listener import ApiListener
from vprinter_control.collect import CONSUMER, Collector
from vprinter_control.desired import DesiredState
from vprinter_control.ingest import Ingest
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.settings import ControlSettings
from vprinter_control.statuses import Statuses
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.installation import ensure_installation
from vprinter_control.store.migrate import migrate
from vprinter_control.trust import Trust
from vprinter_control.upkeep import Upkeep


@asynccontextmanager
async def control_body(runtime: Runtime, settings: ControlSettings) -> AsyncIterator[None]:
    """Run control while the context is open."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings))
        control, upkeep = await assemble(runtime, settings, database)
        await tokens.bootstrap(database, control.clock, _given_token(settings), settings.control_dir)
        await upkeep.first_steps()
        ingest = Ingest(database, control.blobs, control.clock, control.metrics)
        runtime.health.add("database", Severity.FAILED, database.problem)
        runtime.health.add("facts", Severity.DEGRADED, ingest.problem)
        runtime.health.add("trust", Severity.DEGRADED, upkeep.problem)
        section = settings.control
        collector = Collector(
            database,
            control.blobs,
            runtime.bus,
            settings.outbox_dir,
            control.clock,
            control.metrics,
            section.gc_grace,
        )
        roots = {
            "facts": runtime.bus.consume(subjects.FACT_STREAM, CONSUMER, ingest.take),
            "desired-state": DesiredState(database, runtime.bus).follow(),
            "statuses": control.statuses.follow(),
            "addresses": control.addresses.follow(),
            "upkeep": upkeep.follow(),
            "collector": collector.follow(section.gc_interval),
        }
        for name, coro in roots.items():
            runtime.root(runtime.tasks.spawn(coro, name))
        api = ApiListener(make_app(control), section.host, section.port)
        runtime.health.add("api", Severity.FAILED, api.problem)
        await stack.enter_async_context(api)
        yield


@asynccontextmanager
async def opened(settings: ControlSettings) -> AsyncIterator[Database]:
    """The database, migrated."""
    database = await asyncio.to_thread(open_database, settings.database_url)
    try:
        await migrate(database)
        await ensure_installation(database, utc_now, SystemRandom())
        yield database
    finally:
        await database.close()


async def assemble(runtime: Runtime, settings: ControlSettings, database: Database) -> tuple[Control, Upkeep]:
    """Put the parts together."""
    metrics = Metrics(runtime.registry)
    addresses = Addresses(net.AddressWatch(only=settings.addresses), settings.addresses)
    await addresses.load()
    trust = Trust(settings.certs_dir)
    printers = Printers(database, trust, addresses, utc_now, SystemRandom())
    control = Control(
        database=database,
        blobs=await asyncio.to_thread(DirectoryBlobs, settings.blobs_dir),
        printers=printers,
        statuses=Statuses(runtime.bus, utc_now),
        addresses=addresses,
        trust=trust,
        metrics=metrics,
        clock=utc_now,
        new_token=lambda: token_urlsafe(32),
        brake=LoginBrake(time.monotonic),
        event_clients=settings.control.event_clients,
    )
    return control, Upkeep(database, printers, trust, addresses, metrics, settings.control.events_kept)


def _given_token(settings: ControlSettings) -> str | None:
    return settings.admin_token.get_secret_value() if settings.admin_token else None
