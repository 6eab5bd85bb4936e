"""Carries bytes between two endpoints, each with or without TLS, until both have everything.

Every ending is passed on as it came: close_notify as close_notify, a bare end as a bare end, a reset as a reset. While one
side takes nothing, nothing is read from the other.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from vprinter_proxy.endpoint import PIECE, Ending, Endpoint

TURN = 16
"""Pieces that one connection may take before others have their turn."""
HALF_CLOSED = 300.0
"""Seconds that one side may take to end its half after the other has ended its own; some printers think for 30."""
STALLED = 120.0
"""Seconds that a side may take nothing of what is sent to it, or not even answer for it. Cards that are slow pause for some."""


class Meter(Protocol):
    """Counts what passes."""

    to_target: int
    to_client: int


class Tap(Protocol):
    """Gets a copy of what passes."""

    go_on: Callable[[], None]
    """Set by the flow: called when there is room again."""

    def add(self, data: memoryview) -> bool:
        """Take a copy; False = there is no room for more."""


class Flow:
    """One direction."""

    def __init__(
        self,
        source: Endpoint,
        sink: Endpoint,
        buffer: memoryview,
        *,
        count: Callable[[int], None],
        ended: Callable[[], None],
        tap: Tap | None,
    ) -> None:
        self.delivered = False
        """The sink has been given everything, the ending too."""
        self.failed = False
        self._loop = asyncio.get_running_loop()
        self._source = source
        self._sink = sink
        self._buffer = buffer
        self._count = count
        self._ended = ended
        self._tap = tap
        self._tap_is_full = self._stopped = False
        if tap is not None:
            tap.go_on = self._go_on
        self._waits = False
        """The sink takes no more for now: it holds back some of what was read."""

    @property
    def lost(self) -> bool:
        """Whether something of what was read did not reach the sink, or never will."""
        return self.failed or self._waits

    def start(self) -> None:
        """Begin to read."""
        self._read_on()
        self._on_readable()  # some of it may have come already, together with the handshake

    def stop(self) -> None:
        """Touch neither socket any more."""
        self._stopped = True
        self._loop.remove_reader(self._source.connection)
        self._loop.remove_writer(self._sink.connection)

    @property
    def _may_read(self) -> bool:
        held_up = self._waits or self._tap_is_full or self.failed or self._stopped
        return not held_up and self._source.ending is None

    def _read_on(self) -> None:
        self._loop.add_reader(self._source.connection, self._on_readable)

    def _go_on(self) -> None:
        """The tap has room again."""
        if self._tap_is_full:
            self._tap_is_full = False
            if self._may_read:
                self._read_on()

    def _on_readable(self) -> None:
        for _ in range(TURN):
            taken = self._source.take(self._buffer)
            if taken:
                data = self._buffer[:taken]
                self._count(taken)
                self._tap_is_full = self._tap is not None and not self._tap.add(data)
                self._send(data)
            if not self._may_read:
                self._loop.remove_reader(self._source.connection)
                self._finish_at_the_end()
                return
            if taken < PIECE // 2:  # little was there, so hardly more is
                return

    def _send(self, data: memoryview) -> None:
        try:
            self._waits = not self._sink.send(data)
        except OSError:
            self._fail()
            return
        if self._waits:
            self._loop.add_writer(self._sink.connection, self._on_writable)

    def _on_writable(self) -> None:
        try:
            self._waits = not self._sink.flush()
        except OSError:
            self._loop.remove_writer(self._sink.connection)
            self._fail()
            return
        if self._waits:
            return
        self._loop.remove_writer(self._sink.connection)
        if self._may_read:
            self._read_on()
        else:
            self._finish_at_the_end()

    def _finish_at_the_end(self) -> None:
        """Once the sink has every byte, it gets the same ending."""
        ending = self._source.ending
        if ending is None or self._waits or self.failed:
            return
        if ending is Ending.BROKEN:
            self._fail()
            return
        try:
            self.delivered = self._sink.end(ending)
        except OSError:
            self._fail()
            return
        if self.delivered:
            self._ended()
        else:
            self._loop.add_writer(self._sink.connection, self._on_writable)

    def _fail(self) -> None:
        self.failed = True
        self._ended()


class Pump:
    """Both directions. `run` owns the connections and closes them. `buffer`: of `endpoint.ROOM` bytes, for any number of pumps."""

    def __init__(
        self,
        client: Endpoint,
        target: Endpoint,
        buffer: memoryview,
        meter: Meter,
        *,
        tap: Tap | None = None,
        moved: Callable[[], None] = lambda: None,
    ) -> None:
        def count_to_target(count: int) -> None:
            meter.to_target += count

        def count_to_client(count: int) -> None:
            meter.to_client += count

        self._client = client
        self._target = target
        self._loop = asyncio.get_running_loop()
        self._done = asyncio.Event()
        self._deadline: asyncio.TimerHandle | None = None
        self._moved_too = moved
        self._is_polite = False
        self.to_target = Flow(client, target, buffer, count=count_to_target, ended=self._moved, tap=tap)
        self.to_client = Flow(target, client, buffer, count=count_to_client, ended=self._moved, tap=None)
        for side in (client, target):
            with suppress(OSError):  # closed already: reading will tell
                side.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALLED * 1000))

    @property
    def whole(self) -> bool:
        """Whether both sides got everything, and nothing was broken off."""
        return self.to_target.delivered and self.to_client.delivered

    async def run(self) -> None:
        """Carry until both sides have ended; whatever else ends it resets both."""
        self.to_target.start()
        self.to_client.start()
        try:
            await self._done.wait()
        finally:
            self.to_target.stop()
            self.to_client.stop()
            if self._deadline is not None:
                self._deadline.cancel()
            for flow, side in ((self.to_target, self._target), (self.to_client, self._client)):
                if self.whole:
                    side.close()
                elif self._is_polite and not flow.lost:
                    side.part()
                else:
                    side.reset()

    def conclude(self, seconds: float) -> None:
        """All that matters has been said elsewhere: end within this time, and without a reset if nothing is lost."""
        self._is_polite = True
        self._limit(seconds)

    def _limit(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = self._loop.call_later(seconds, self._done.set)

    def _moved(self) -> None:
        """A direction ended."""
        if self.whole or self.to_target.failed or self.to_client.failed:
            self._done.set()
        elif not self._is_polite:
            self._limit(HALF_CLOSED)
        self._moved_too()
