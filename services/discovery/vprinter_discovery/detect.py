"""The detect listeners of a printer (3000 plain, 3002 TLS): one request, one reply, then the connection ends."""

import asyncio
from collections import Counter as Tally
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import structlog
from prometheus_client import Counter

from vprinter_common.fleet.edge import Serving
from vprinter_common.wire.detect import DetectError, DetectFault, FrameReader, Identity, detect_reply, parse_request
from vprinter_discovery.originals import Original, firmware

log = structlog.get_logger()


class Outcome(StrEnum):
    """How a connection went, besides the faults of what was sent."""

    ANSWERED = "answered"
    GONE = "gone"
    """The peer left before its request was complete."""
    TIMEOUT = "timeout"
    REFUSED = "refused"
    """Too many connections."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What strangers may cost."""

    lifetime: float = 10.0
    """Seconds for the whole exchange, without the TLS handshake."""
    connections: int = 64
    """At once, on one listener."""
    per_address: int = 16
    """Of those, from one address."""


class Exchanges:
    """The connections of one of a printer's detect listeners."""

    def __init__(
        self,
        listener: str,
        serving: Serving,
        counter: Counter,
        limits: Limits,
        *,
        seen: Callable[[str, str], None] = lambda _printer, _client: None,
        original: Original | None = None,
    ) -> None:
        self.limits = limits
        self._listener = listener
        self._serving = serving
        self._counter = counter
        self._seen = seen
        self._original = original
        self._open: set[Exchange] = set()
        self._addresses: Tally[str] = Tally()

    def new(self) -> "Exchange":
        """The protocol of a fresh connection."""
        return Exchange(self)

    def abort(self) -> None:
        """End all connections now."""
        for exchange in tuple(self._open):
            exchange.abort()

    def reply(self) -> bytes:
        """The frame that says who the printer is."""
        spec = self._serving.spec
        return detect_reply(Identity(spec.serial, spec.model, spec.name, firmware(spec, self._original)))

    def enter(self, exchange: "Exchange", address: str) -> bool:
        """Whether there is room for one more connection; if so `leave` must follow."""
        if len(self._open) >= self.limits.connections or self._addresses[address] >= self.limits.per_address:
            return False
        self._open.add(exchange)
        self._addresses[address] += 1
        self._serving.connected(address)
        return True

    def leave(self, exchange: "Exchange", address: str) -> None:
        """The connection ended."""
        self._open.discard(exchange)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
        self._serving.disconnected()

    def ended(self, address: str, outcome: Outcome | DetectFault) -> None:
        """Count and log how an exchange went."""
        printer = self._serving.spec.id
        self._counter.labels(printer, self._listener, outcome.value).inc()
        # Whatever scans the network ends up here too: only what a slicer does is worth a line by default.
        write = log.info if outcome is Outcome.ANSWERED else log.debug
        write("detect", printer=printer, listener=self._listener, peer=address, outcome=outcome.value)
        if outcome is Outcome.ANSWERED:
            self._seen(printer, address)


class Exchange(asyncio.Protocol):
    """One connection."""

    def __init__(self, exchanges: Exchanges) -> None:
        self._exchanges = exchanges
        self._frames = FrameReader()
        self._outcome: Outcome | DetectFault | None = None
        self._address = ""
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock, or refuse."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - what create_server gives
        peer = transport.get_extra_info("peername") or ("unknown",)
        self._address = peer[0]
        if not self._exchanges.enter(self, self._address):
            self._exchanges.ended(self._address, Outcome.REFUSED)
            transport.abort()
            return
        self._transport = transport
        self._deadline = asyncio.get_running_loop().call_later(self._exchanges.limits.lifetime, self._expire)

    def data_received(self, data: bytes) -> None:
        """Answer the first whole frame, if it asks who is there."""
        if self._transport is None or self._outcome is not None:
            return
        self._frames.feed(data)
        try:
            payload = self._frames.next_frame()
            if payload is None:
                return
            parse_request(payload)
        except DetectError as error:
            self._end(error.reason)
            return
        self._transport.write(self._exchanges.reply())
        self._end(Outcome.ANSWERED)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Give the place free."""
        if self._transport is None:
            return
        if self._outcome is None:
            self._end(Outcome.GONE)
        if self._deadline is not None:
            self._deadline.cancel()
        self._exchanges.leave(self, self._address)

    def abort(self) -> None:
        """End the connection without waiting for the peer."""
        if self._transport is not None:
            self._transport.abort()

    def _expire(self) -> None:
        """The peer has not sent its request, or does not take the reply."""
        if self._outcome is None:
            self._end(Outcome.TIMEOUT)
        self.abort()

    def _end(self, outcome: Outcome | DetectFault) -> None:
        self._outcome = outcome
        self._exchanges.ended(self._address, outcome)
        if self._transport is not None:
            self._transport.close()
