"""Announces all printers of this node: at start, on every change, every five seconds, and goodbye at the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from itertools import count

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common import net
from vprinter_common.fleet.edge import Placement, Serving
from vprinter_common.metrics import declared
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ssdp
from vprinter_discovery.airwaves import Airwaves, Arrival
from vprinter_discovery.originals import Original, firmware
from vprinter_discovery.routes import Route, routes

log = structlog.get_logger()

INTERVAL = 5.0
"""Seconds between announcements, as real printers do it: a slicer shows nothing before it hears the first."""
GOODBYES = 3
GOLDEN = 0.618033988749895
"""Multiples of it, modulo 1, are spread evenly however many there are."""
GOODBYE_GAP = 0.1
"""Seconds between goodbyes: a burst would be lost as a whole."""


@dataclass(eq=False, slots=True)
class Announced:
    """A printer on the air."""

    serving: Serving
    routes: tuple[Route, ...] = ()
    phase: float = 0.0
    """Its turn within the interval, in seconds."""
    due: asyncio.Event = field(default_factory=asyncio.Event)
    original: Original | None = None
    """The real printer that it is the proxy of."""

    @property
    def placement(self) -> Placement:
        """Where it is."""
        return self.serving.placement

    def announcement(self, local: str | None) -> ssdp.Announcement:
        """What is said of it to those who reach us at `local`."""
        spec = self.serving.spec
        ours = ssdp.Announcement(
            self.placement.address_for(local), spec.serial, spec.model, spec.name, firmware(spec, self.original)
        )
        return ours if self.original is None else self.original.announcement(ours)

    def speaks_on(self, device: str) -> bool:
        """Whether it may be announced in the network of this interface."""
        return self.original is None or self.original.lets_speak_on(device)

    @property
    def speaks(self) -> bool:
        """Whether it may be announced to hosts that are in none of its networks."""
        if self.original is None or self.original.is_alive:
            return True
        return any(self.speaks_on(route.device) for route in self.routes)

    def locations(self) -> Iterator[str]:
        """Every address that is told of it by broadcast."""
        return (self.placement.address_for(route.source) for route in self.routes)

    def is_same(self, said: ssdp.Announcement, source: str) -> bool:
        """Whether that is said of this printer, by us or at one of our addresses."""
        if said.location in self.locations():
            return True
        if self.original is None:
            return said.serial == self.serving.spec.serial
        # A proxy shares its serial number with the real printer.
        return source in (route.source for route in self.routes)


class Announcer:
    """One voice for all printers of this node."""

    def __init__(
        self,
        airwaves: Airwaves,
        *,
        registry: CollectorRegistry,
        clock: Callable[[], float],
        interval: float = INTERVAL,
        goodbye_gap: float = GOODBYE_GAP,
    ) -> None:
        self._airwaves = airwaves
        self._clock = clock
        self._interval = interval
        self._goodbye_gap = goodbye_gap
        self._interfaces: Sequence[net.Interface] = ()
        self._printers: dict[str, Announced] = {}
        self._turns = count()
        self._failing: dict[tuple[str, str, str], str] = {}
        self._tasks = TaskSet("announcer")
        self._announcements = declared.ANNOUNCEMENTS.create(registry)
        self._failures = declared.SEND_FAILURES.create(registry)

    @property
    def printers(self) -> Sequence[Announced]:
        """All printers on the air."""
        return tuple(self._printers.values())

    def is_ours(self, said: ssdp.Announcement, arrival: Arrival) -> bool:
        """Whether that is said of a printer of this node."""
        return any(printer.is_same(said, arrival.peer[0]) for printer in self._printers.values())

    def host_changed(self, interfaces: Sequence[net.Interface]) -> None:
        """The host's addresses are these now: announce everywhere anew."""
        self._interfaces = interfaces
        self._airwaves.join(one.name.partition(":")[0] for one in interfaces)
        for printer in self._printers.values():
            printer.routes = routes(printer.placement, interfaces)
            printer.due.set()

    @asynccontextmanager
    async def announcing(self, serving: Serving, original: Original | None = None) -> AsyncIterator[None]:
        """Keep the printer on the air while the context is open; it says goodbye at the end."""
        phase = self._interval * (next(self._turns) * GOLDEN % 1)
        printer = Announced(serving, routes(serving.placement, self._interfaces), phase, original=original)
        serving.changed = printer.due.set
        self._printers[serving.spec.id] = printer
        task = self._tasks.spawn(self._keep_announcing(printer), serving.spec.serial)
        try:
            yield
        finally:
            task.cancel()
            try:
                await self._say_goodbye(printer)
            finally:
                del self._printers[serving.spec.id]  # only now: until then it must be told from real printers

    async def _keep_announcing(self, printer: Announced) -> None:
        while True:
            printer.due.clear()
            self._announce(printer)
            with suppress(TimeoutError):
                async with asyncio.timeout(until_turn(self._clock(), printer.phase, self._interval)):
                    await printer.due.wait()

    def _announce(self, printer: Announced) -> None:
        spec = printer.serving.spec
        sent = self._broadcast(printer, lambda source: ssdp.notify_alive(printer.announcement(source)))
        for host in map(str, spec.announce_to if printer.speaks else ()):
            local = net.default_address((host, self._airwaves.port))
            sent += self._send(ssdp.notify_alive(printer.announcement(local)), host)
        self._announcements.labels(spec.id, "alive").inc(sent > 0)

    async def _say_goodbye(self, printer: Announced) -> None:
        """To where the printer was announced; nowhere if its address has left, for another node may have it now."""
        spec = printer.serving.spec
        datagram = ssdp.notify_byebye(spec.serial)
        for turn in range(GOODBYES):
            if turn:
                await asyncio.sleep(self._goodbye_gap)
            sent = self._broadcast(printer, lambda _: datagram)
            if printer.routes and printer.speaks:
                sent += sum(self._send(datagram, str(host)) for host in spec.announce_to)
            self._announcements.labels(spec.id, "byebye").inc(sent > 0)

    def _broadcast(self, printer: Announced, datagram: Callable[[str], bytes]) -> int:
        """Send in each of the printer's networks what is made for our address there; how many datagrams left."""
        return sum(
            self._send(datagram(route.source), destination, route)
            for route in printer.routes
            if printer.speaks_on(route.device)
            for destination in route.destinations
        )

    def _send(self, datagram: bytes, host: str, route: Route | None = None) -> bool:
        """Send one datagram. A failure concerns this way only: it is logged when new, and tried again in turn."""
        device, source = (route.device, route.source) if route else ("", "0.0.0.0")
        way = (device, source, host)
        try:
            self._airwaves.send(datagram, (host, self._airwaves.port), source=source, device=device)
        except OSError as error:
            self._failures.labels(device).inc()
            reason = error.strerror or str(error)
            if self._failing.get(way) != reason:
                self._failing[way] = reason
                log.warning("announcement_not_sent", interface=device, destination=host, source=source, error=reason)
            return False
        if self._failing.pop(way, None) is not None:
            log.info("announcements_resumed", interface=device, destination=host)
        return True


def until_turn(now: float, phase: float, interval: float) -> float:
    """Seconds until the next turn of a printer with this phase; turns that come at once are left out.

    Phases spread the printers over the interval, so that a slicer's receive buffer never sees all of them together.
    """
    wait = interval - (now - phase) % interval
    return wait if wait > interval / 10 else wait + interval
