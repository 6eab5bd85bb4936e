"""The parts of the discovery service, put together."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import structlog

from vprinter_common import net
from vprinter_common.bus import Verb
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.requests import Heard, Nothing
from vprinter_common.fleet.edge import ANY
from vprinter_common.fleet.reconcile import RETRY_FIRST, RETRY_MOST, edge_body
from vprinter_common.handshakes import Handshakes
from vprinter_common.runtime.health import Severity
from vprinter_common.runtime.service import Runtime
from vprinter_common.wire import ssdp
from vprinter_discovery.airwaves import Airwaves, Arrival
from vprinter_discovery.announcer import Announcer
from vprinter_discovery.edge import SSDP, SSDP_SETTING, DiscoveryEdge
from vprinter_discovery.hearing import Hearing
from vprinter_discovery.originals import Originals
from vprinter_discovery.searches import Searches
from vprinter_discovery.settings import DiscoverySection
from vprinter_discovery.sightings import Sightings

log = structlog.get_logger()


@asynccontextmanager
async def discover(section: DiscoverySection, runtime: Runtime) -> AsyncIterator[None]:
    """Run discovery as the body of a service."""

    def on_datagram(data: bytes, arrival: Arrival) -> None:
        match ssdp.parse(data):
            case ssdp.Search():
                searches.answer(arrival)
            case ssdp.Alive(said) | ssdp.SearchResponse(said) if not announcer.is_ours(said, arrival):
                hearing.heard(said, arrival)
                originals.heard(said, arrival)
            case ssdp.ByeBye(serial):
                hearing.left(serial, arrival)
                originals.left(serial, arrival)

    registry, tasks, clock = runtime.registry, runtime.tasks, time.monotonic
    airwaves = Airwaves(section.ssdp_port, on_datagram)
    announcer = Announcer(airwaves, registry=registry, clock=clock)
    sightings = Sightings(runtime.bus, tasks=tasks, clock=clock)
    searches = Searches(
        airwaves, lambda: announcer.printers, registry=registry, clock=clock, seen=partial(sightings.seen, SSDP)
    )
    originals = Originals(clock)
    hearing = Hearing(registry=registry, clock=clock)
    handshakes = Handshakes(runtime.service, runtime.bus, registry=registry, tasks=tasks, clock=clock)
    edge = DiscoveryEdge(section, airwaves, announcer, handshakes, sightings, originals=originals, registry=registry)

    async def follow_host() -> None:
        async for interfaces in net.AddressWatch(only=runtime.settings.addresses).states():
            originals.host_changed(interfaces)
            announcer.host_changed(interfaces)

    runtime.root(tasks.spawn(follow_host(), "host"))
    tasks.spawn(originals.follow(runtime.bus), "originals")
    tasks.spawn(_keep_open(airwaves, runtime), "ssdp")

    async def heard(_: Nothing) -> Message:
        return Heard(printers=hearing.printers())

    try:
        verb = Verb(Nothing, heard)
        async with edge_body(runtime, edge, {"heard": verb, subjects.heard_of(runtime.settings.node): verb}):
            yield
    finally:
        airwaves.close()


async def _keep_open(airwaves: Airwaves, runtime: Runtime) -> None:
    """Take the port even while there is no printer of ours: real ones are heard by it."""
    problem: str | None = None
    # A printer's listener may have opened it meanwhile.
    runtime.health.add(SSDP, Severity.DEGRADED, lambda: None if airwaves.is_open else problem)
    delay = RETRY_FIRST
    while True:
        try:
            airwaves.open()
        except OSError as error:
            problem = await asyncio.to_thread(
                net.bind_error, error, ANY, airwaves.port, SSDP, SSDP_SETTING, protocol="udp"
            )
            await asyncio.sleep(delay)
            delay = min(delay * 2, RETRY_MOST)
        else:
            return
