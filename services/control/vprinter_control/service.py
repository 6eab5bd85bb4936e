"""The service: its parts, its root tasks, its start and stop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from secrets import SystemRandom, token_urlsafe

import structlog

from vprinter_common import net
from vprinter_common.access import LoginBrake
from vprinter_common.certs import utc_now
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive, Visit
from vprinter_common.object_store import Blobs
from vprinter_common.runtime.health import Severity
from vprinter_common.runtime.service import Runtime
from vprinter_common.runtime.tasks import TaskSet
from vprinter_control import tokens
from vprinter_control.addresses import Addresses
from vprinter_control.api.app import make_app
from vprinter_control.api.context import Control
from vprinter_control.api.listener import ApiListener
from vprinter_control.collect import CONSUMER, Collector
from vprinter_control.desired import DesiredState
from vprinter_control.doctor.doctor import Doctor
from vprinter_control.doctor.facts import Facts
from vprinter_control.ingest import Ingest
from vprinter_control.live.live import make_live
from vprinter_control.live.visits import Visits
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.rereading import Rereading
from vprinter_control.settings import ControlSettings
from vprinter_control.statuses import Statuses, TargetStatuses
from vprinter_control.store.database import Database, open_database
from vprinter_control.store.installation import ensure_installation
from vprinter_control.store.migrate import migrate
from vprinter_control.targets import Targets
from vprinter_control.tracking import Tracking
from vprinter_control.trust import Trust
from vprinter_control.upkeep import Keeping, Upkeep

log = structlog.get_logger()


@asynccontextmanager
async def control_body(runtime: Runtime, settings: ControlSettings) -> AsyncIterator[None]:
    """Run control while the context is open."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(opened(settings))
        # Ended before the database is closed: a statement that its connection never answers would be waited for in vain.
        tasks = await stack.enter_async_context(TaskSet("control"))
        control, upkeep = await assemble(runtime, settings, database)
        await tokens.bootstrap(database, control.clock, _given_token(settings), settings.control_dir)
        await upkeep.first_steps()
        ingest = Ingest(database, control.blobs, control.clock, control.metrics, control.live.setup)
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
            lambda: control.deliveries.is_committing,
        )
        roots = {
            "facts": runtime.bus.consume(subjects.FACT_STREAM, CONSUMER, ingest.take),
            "desired-state": DesiredState(database, runtime.bus).follow(),
            "statuses": control.statuses.follow(),
            "target-statuses": control.target_statuses.follow(),
            "tracking": Tracking(control.targets, control.addresses, control.metrics.target_online).follow(),
            "live": control.live.follow(),
            "addresses": control.addresses.follow(),
            "upkeep": upkeep.follow(),
            "last-uses": control.uses.follow(),
            "streams": control.streams.follow(),
            "collector": collector.follow(section.gc_interval),
            "rereading": Rereading(database, control.blobs, control.clock).follow(),
        }
        for name, coro in roots.items():
            runtime.root(tasks.spawn(coro, name))
        tasks.spawn(control.blobs.follow_spool(), "spool")
        following = runtime.bus.subscribe(subjects.ALL_SESSIONS, SessionLive, control.codes.heard)
        tasks.spawn(following, "code-uses")
        stack.push_async_callback(control.uses.write)
        api = ApiListener(make_app(control), section.host, section.port, section.trusted_proxies)
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
    printers = Printers(database, trust, addresses, utc_now, SystemRandom(), settings.outside)
    statuses, seen = Statuses(runtime.bus, utc_now), TargetStatuses(runtime.bus, utc_now)
    doctor = _doctor(runtime, settings, database, trust, statuses)

    visits = Visits(utc_now)
    runtime.tasks.spawn(runtime.bus.subscribe(subjects.ALL_VISITS, Visit, visits.heard), "visits")

    def ignores(printer: str, client: str) -> bool:
        return visits.under_way(printer, client) or (doctor.at_work(printer) and addresses.has(client))

    control = Control(
        database=database,
        bus=runtime.bus,
        blobs=await asyncio.to_thread(_swept_blobs, settings),
        printers=printers,
        statuses=statuses,
        targets=Targets(database, runtime.bus, printers, statuses, seen, utc_now),
        target_statuses=seen,
        live=make_live(runtime.bus, database, statuses, seen, utc_now, ignores=ignores),
        addresses=addresses,
        trust=trust,
        doctor=doctor,
        metrics=metrics,
        clock=utc_now,
        new_token=lambda: token_urlsafe(32),
        brake=LoginBrake(time.monotonic),
        event_clients=settings.control.event_clients,
        custody=settings.control,
        proxies=settings.control.trusted_proxies,
    )
    return control, Upkeep(database, printers, trust, addresses, metrics, _keeping(settings))


def _doctor(
    runtime: Runtime, settings: ControlSettings, database: Database, trust: Trust, statuses: Statuses
) -> Doctor:
    def problems() -> list[str]:
        return [text for _, text in runtime.health.problems().values()]

    return Doctor(database, Facts.of(settings, runtime.bus, trust, problems), statuses.of)


def _keeping(settings: ControlSettings) -> Keeping:
    section = settings.control
    return Keeping(section.events_kept, section.audit_days, section.discard_grace)


def _swept_blobs(settings: ControlSettings) -> Blobs:
    blobs = Blobs.open(settings.blobs_dir, settings.objects)
    if swept := blobs.sweep():
        log.info("unfinished_uploads_removed", uploads=swept)
    return blobs


def _given_token(settings: ControlSettings) -> str | None:
    return settings.admin_token.get_secret_value() if settings.admin_token else None
