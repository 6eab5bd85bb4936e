"""The real printers behind proxies: where they are heard, and whether their proxies may speak in their name.

A proxy has the serial number of its printer, and slicers that hear one serial number at two addresses go back and forth
between them. So a proxy is silent wherever its printer is heard, and where both would have to be heard it speaks only
while the printer does.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import AddressValueError, IPv4Address

from vprinter_common import catalog, net
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import Target, VirtualPrinter
from vprinter_common.contracts.target import TargetStatus
from vprinter_common.fleet.edge import Serving
from vprinter_common.wire.ssdp import Announcement
from vprinter_discovery.airwaves import Arrival

SILENT = 60.0
"""Seconds after the last announcement from which a printer counts as silent; the slowest relays repeat every 30."""
PATIENCE = 15.0
"""Seconds to listen before speaking for a printer that was never heard: it may be on the same segment."""
CALM = 1.0
"""Seconds between two changes that are passed on at once: what is heard can be forged."""


@dataclass(eq=False, slots=True)
class Original:
    """The real printer behind one proxy."""

    _originals: "Originals"
    _serving: Serving
    _since: float
    _devices: dict[str, float] = field(default_factory=dict)
    """When it was heard last, by interface."""
    _said: Announcement | None = None
    _source: str = ""
    _told: float = float("-inf")

    def lets_speak_on(self, device: str) -> bool:
        """Whether the proxy may be announced in the network of this interface now."""
        fresh = self._fresh()
        if fresh:
            return device not in fresh
        if self._originals.is_elsewhere(self._address(), device):
            return False
        return self._originals.now() - self._since >= PATIENCE

    @property
    def is_alive(self) -> bool:
        """Whether it was heard lately."""
        return bool(self._fresh())

    @property
    def firmware(self) -> str:
        """Its version: what the session with it says, or else what it announced; empty if neither is known."""
        status = self._originals.status(self._target.id)
        if status is not None and status.firmware:
            return status.firmware
        return self._said.version if self._said is not None else ""

    def announcement(self, ours: Announcement) -> Announcement:
        """Its own announcement, so far as it is known, with our address and name, for slicers on the LAN."""
        if self._said is None:
            return ours
        mine = {"location": ours.location, "model": ours.model, "name": ours.name, "version": ours.version}
        return replace(self._said, **mine, connect=ours.connect, bind=ours.bind)

    def heard(self, said: Announcement, arrival: Arrival) -> None:
        """It announced itself, or somebody who claims to be it did."""
        if arrival.peer[0] not in (said.location, self._address()):
            return
        now = self._originals.now()
        news = self._said != said or arrival.device not in self._fresh()
        self._said, self._source = said, arrival.peer[0]
        self._devices[arrival.device] = now
        if news and now - self._told >= CALM:
            self._told = now
            self._serving.changed()

    def left(self, arrival: Arrival) -> None:
        """It said goodbye."""
        if arrival.peer[0] == self._source:
            self._devices.clear()

    @property
    def serial(self) -> str:
        """Its serial number, which its proxy has too."""
        return self._serving.spec.serial

    @property
    def _target(self) -> Target:
        target = self._serving.spec.target
        assert target is not None  # noqa: S101 - what the edge insists on
        return target

    def _fresh(self) -> set[str]:
        now = self._originals.now()
        return {device for device, at in self._devices.items() if now - at < SILENT}

    def _address(self) -> str | None:
        """Where it is: as configured, as its name resolves, or as it was heard."""
        status = self._originals.status(self._target.id)
        for known in (self._target.host, status and status.address, self._said and self._said.location):
            if known and _is_ipv4(known):
                return known
        return None


class Originals:
    """All real printers behind proxies of this node."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.now = clock
        self._behind: set[Original] = set()
        self._interfaces: Sequence[net.Interface] = ()
        self._statuses: Mapping[str, TargetStatus] = {}

    @contextmanager
    def behind(self, serving: Serving) -> Iterator[Original]:
        """The printer behind a proxy, listened for while the context is open."""
        original = Original(self, serving, self.now())
        self._behind.add(original)
        try:
            yield original
        finally:
            self._behind.discard(original)

    def heard(self, said: Announcement, arrival: Arrival) -> None:
        """A printer announced itself, or answered a search."""
        for original in self._behind:
            if original.serial == said.serial:
                original.heard(said, arrival)

    def left(self, serial: str, arrival: Arrival) -> None:
        """A printer said goodbye."""
        for original in self._behind:
            if original.serial == serial:
                original.left(arrival)

    def host_changed(self, interfaces: Sequence[net.Interface]) -> None:
        """The host's addresses are these now."""
        self._interfaces = interfaces

    def is_elsewhere(self, address: str | None, device: str) -> bool:
        """Whether an address is in the network of another interface than this, and so would be heard there."""
        if address is None:
            return False
        holding = {
            one.name.partition(":")[0]
            for one in self._interfaces
            for own in one.addresses
            if IPv4Address(address) in own.network
        }
        return bool(holding) and device not in holding

    def status(self, target: str) -> TargetStatus | None:
        """What the node that holds the session says of a real printer."""
        return next((each for each in self._statuses.values() if each.target == target), None)

    async def follow(self, bus: Bus) -> None:
        """Keep up with what is said of real printers, for ever."""
        async for statuses in bus.watch(subjects.TARGET_STATUS, TargetStatus):
            self._statuses = statuses


def firmware(spec: VirtualPrinter, original: Original | None) -> str:
    """The version that a printer names: its original's, or that of its model."""
    return (original.firmware if original is not None else "") or catalog.model(spec.model).firmware


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True
