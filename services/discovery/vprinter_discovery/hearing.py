"""Real printers heard on the LAN."""

from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from vprinter_common.contracts.requests import HeardPrinter
from vprinter_common.metrics import declared
from vprinter_common.wire.ssdp import Announcement, sanitise_name
from vprinter_discovery.airwaves import Arrival

FORGET = 300.0
"""Seconds of silence after which a printer counts as gone."""
MAX_PRINTERS = 256
MAX_PER_SOURCE = 32
"""Printers one host may speak for (a relay does): one that invents serials cannot crowd out the others."""
MAX_SERIAL = 32


@dataclass(frozen=True, slots=True)
class _Heard:
    announcement: Announcement
    source: str
    device: str
    at: float


class Hearing:
    """A bounded table of printers by serial number."""

    def __init__(self, *, registry: CollectorRegistry, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._table: dict[str, _Heard] = {}
        declared.HEARD_PRINTERS.create(registry).set_function(lambda: len(self.printers()))

    def heard(self, announcement: Announcement, arrival: Arrival) -> None:
        """A printer announced itself, or answered a search."""
        serial, source = announcement.serial, arrival.peer[0]
        if len(serial) > MAX_SERIAL:
            return
        known = self._table.pop(serial, None)  # and in again, so that the table is in the order of the last word
        if known is None and not self._make_room(source):
            return
        self._table[serial] = _Heard(announcement, source, arrival.device, self._clock())

    def left(self, serial: str, arrival: Arrival) -> None:
        """A printer said goodbye; only its own host can say so."""
        if (known := self._table.get(serial)) is not None and known.source == arrival.peer[0]:
            del self._table[serial]

    def printers(self) -> tuple[HeardPrinter, ...]:
        """Printers heard lately, the newest first."""
        self._forget()
        now = self._clock()
        return tuple(_shown(each, now) for each in reversed(self._table.values()))

    def _forget(self) -> None:
        now = self._clock()
        for serial in [serial for serial, each in self._table.items() if now - each.at > FORGET]:
            del self._table[serial]

    def _make_room(self, source: str) -> bool:
        self._forget()
        if Tally(each.source for each in self._table.values())[source] >= MAX_PER_SOURCE:
            return False
        if len(self._table) >= MAX_PRINTERS:
            del self._table[next(iter(self._table))]
        return True


def _shown(heard: _Heard, now: float) -> HeardPrinter:
    said = heard.announcement
    return HeardPrinter(
        serial=said.serial,
        address=said.location,
        model=said.model,
        name=sanitise_name(said.name, fallback=said.serial),
        version=said.version,
        connect=said.connect,
        bind=said.bind,
        interface=heard.device,
        last_heard_seconds=max(0.0, now - heard.at),
    )
