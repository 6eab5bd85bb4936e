"""Answers to M-SEARCH: unicast, one for every printer the asker can have heard of, and never a flood."""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common.metrics import declared
from vprinter_common.wire import ssdp
from vprinter_discovery.airwaves import Airwaves, Arrival
from vprinter_discovery.announcer import Announced

log = structlog.get_logger()

MAX_SOURCES = 1_024

Seen = Callable[[str, str], None]
"""Called with a printer and the address of a client that was answered."""


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` in the long run, `burst` at once."""

    per_second: float
    burst: float


PER_SOURCE = Rate(per_second=8, burst=64)
IN_TOTAL = Rate(per_second=64, burst=512)
"""A datagram's sender is easily forged: these rates bound what a victim gets when someone asks in its name."""


class Bucket:
    """A token bucket."""

    __slots__ = ("_rate", "_since", "_tokens")

    def __init__(self, rate: Rate, now: float) -> None:
        self._rate = rate
        self._tokens = rate.burst
        self._since = now

    def take(self, now: float) -> bool:
        """Take one token if there is one."""
        self._tokens = min(self._rate.burst, self._tokens + (now - self._since) * self._rate.per_second)
        self._since = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Searches:
    """Answers searches within the rates."""

    def __init__(
        self,
        airwaves: Airwaves,
        printers: Callable[[], Iterable[Announced]],
        *,
        registry: CollectorRegistry,
        clock: Callable[[], float],
        per_source: Rate = PER_SOURCE,
        in_total: Rate = IN_TOTAL,
        seen: Seen = lambda _printer, _client: None,
    ) -> None:
        self._airwaves = airwaves
        self._seen = seen
        self._printers = printers
        self._clock = clock
        self._per_source = per_source
        self._total = Bucket(in_total, clock())
        self._sources: OrderedDict[str, Bucket] = OrderedDict()
        self._answered = declared.SEARCHES.create(registry)
        self._refused = declared.SEARCH_REFUSALS.create(registry)

    def answer(self, arrival: Arrival) -> None:
        """Answer a search on behalf of every printer that the asker can reach."""
        for printer in self._printers():
            if not concerns(printer, arrival):
                continue
            if not self._may_answer(arrival.peer[0]):
                self._refused.inc()
                return
            datagram = ssdp.search_response(printer.announcement(arrival.local))
            try:
                self._airwaves.send(datagram, arrival.peer, source=arrival.local)
            except OSError as error:
                log.debug("search_not_answered", peer=arrival.peer[0], error=str(error))
                return
            self._answered.labels(printer.serving.spec.id).inc()
            self._seen(printer.serving.spec.id, arrival.peer[0])

    def _may_answer(self, source: str) -> bool:
        now = self._clock()
        bucket = self._sources.setdefault(source, Bucket(self._per_source, now))
        self._sources.move_to_end(source)
        if len(self._sources) > MAX_SOURCES:
            self._sources.popitem(last=False)
        return bucket.take(now) and self._total.take(now)


def concerns(printer: Announced, arrival: Arrival) -> bool:
    """Whether the asker is in a network the printer is announced in, or asked this very host."""
    if not printer.speaks_on(arrival.device):
        return False
    if any(route.device == arrival.device for route in printer.routes):
        return True
    return arrival.unicast and not IPv4Address(printer.placement.fallback).is_loopback
