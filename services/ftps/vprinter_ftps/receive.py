"""Receive data connections to their ends: one thread takes bytes from all of them, another keeps what was taken.

Two, because a byte costs about as much to decrypt as to hash and write; not one for each upload, because many threads
that fight for the interpreter's lock spend half as much again on the fight.
"""

import os
import select
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import Enum
from queue import SimpleQueue

from vprinter_common.contracts.facts import FailureReason
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.upload import Progress

BUFFER = 256 * 1024
"""Bytes that are handed on in one piece at most."""
BUFFERS = 8
"""Pieces on their way between the threads: no more is read while storage is behind."""
TLS_RECORD = 16 * 1024
"""Bytes of a TLS record at most. Less room than that is not read into: what OpenSSL holds back, epoll does not see."""
LOOK_AROUND = 1.0
"""Seconds between looks at connections of which nothing is heard."""


class Ending(Enum):
    """How the client ended its data."""

    CLEAN = "clean"
    """TLS close_notify, or the end of a clear connection, which cannot say more."""
    RAGGED = "ragged"
    """TLS ended without close_notify: the client was killed, or a network device cut it off, or it is a careless one."""


@dataclass(slots=True, eq=False)
class Reception:
    """One connection on its way to its end.

    `sink` is given everything in pieces, in the thread that keeps. `rate`: bytes per second at most.
    """

    connection: socket.socket
    sink: Callable[[memoryview], None]
    progress: Progress
    stall_timeout: float
    rate: int | None = None
    ended: Future[Ending] = field(default_factory=Future)
    failure: Exception | None = None
    """Why it cannot go on; the first reason counts."""
    _ending: Ending | None = None
    _started: float = 0.0
    _heard: float = 0.0

    def begin(self, now: float) -> None:
        """It is received from now on."""
        self.connection.settimeout(0)
        self._started = self._heard = now

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be read."""
        return self._ending is not None or self.failure is not None

    def fail(self, error: Exception) -> None:
        """It cannot go on."""
        if self.failure is None:
            self.failure = error

    def take(self, buffer: memoryview, now: float) -> int:
        """Take what is there, a buffer at most; how much it was."""
        filled = self._fill(buffer)
        if self.progress.aborted.is_set():  # asked afterwards: whoever aborts ends the connection, as a client would
            self.fail(Refusal(FailureReason.ABORTED))
            return 0
        if filled:
            self._heard = now
            self.progress.received += filled
        return filled

    def look(self, now: float) -> None:
        """Nothing was heard of it just now: that fails it if it was aborted, or has been silent for too long."""
        if self.progress.aborted.is_set():
            self.fail(Refusal(FailureReason.ABORTED))
        elif now - self._heard > self.stall_timeout:
            self.fail(Refusal(FailureReason.STALLED, f"no byte in {self.stall_timeout:g} s"))

    def excuse(self, until: float) -> None:
        """It is not listened to until then, so its silence counts from then on."""
        self._heard = until

    def ahead(self, now: float) -> float:
        """Seconds by which it is ahead of its rate."""
        return 0.0 if self.rate is None else self._started + self.progress.received / self.rate - now

    def keep(self, data: memoryview) -> None:
        """Give a piece to the sink, unless it failed before."""
        if self.failure is None:
            try:
                self.sink(data)
            except Exception as error:  # noqa: BLE001 - whoever waits for this reception is given it
                self.fail(error)

    def settle(self) -> None:
        """Tell who waits for the end; nobody touches the connection any more."""
        if self.failure is not None:
            self.ended.set_exception(self.failure)
        elif self._ending is not None:
            self.ended.set_result(self._ending)

    def _fill(self, buffer: memoryview) -> int:
        filled, enough = 0, len(buffer) - TLS_RECORD
        receive = self.connection.recv_into
        try:
            while filled <= enough:
                count = receive(buffer[filled:])
                if count == 0:
                    self._ending = Ending.CLEAN
                    break
                filled += count
        except (ssl.SSLWantReadError, BlockingIOError):
            pass
        except ssl.SSLEOFError:
            self._ending = Ending.RAGGED
        except OSError as error:
            aborted = self.progress.aborted.is_set()
            why = FailureReason.ABORTED if aborted else FailureReason.DISCONNECTED
            self.fail(Refusal(why, error.strerror or type(error).__name__))
        return filled


class Intake:
    """The two threads."""

    def __init__(self) -> None:
        self._free: SimpleQueue[memoryview] = SimpleQueue()
        for _ in range(BUFFERS):
            self._free.put(memoryview(bytearray(BUFFER)))
        self._taken: SimpleQueue[_Piece | None] = SimpleQueue()
        self._epoll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll.register(self._wake, select.EPOLLIN)
        self._new: deque[Reception] = deque()
        self._served: dict[int, Reception] = {}
        self._paused: dict[int, float] = {}
        self._gate = threading.Lock()
        self._stopping = False
        self._threads = [
            threading.Thread(target=work, name=f"intake-{name}", daemon=True)
            for name, work in (("take", self._take), ("keep", self._keep))
        ]
        for thread in self._threads:
            thread.start()

    def receive(self, reception: Reception) -> Ending:
        """Wait for the end; raises Refusal if the connection breaks or goes silent. What `sink` raises is passed on."""
        with self._gate:
            if self._stopping:
                raise _stopped()
            self._new.append(reception)
            os.eventfd_write(self._wake, 1)
        return reception.ended.result()

    def close(self) -> None:
        """End the threads; what is not received by then is refused."""
        with self._gate:
            self._stopping = True
            os.eventfd_write(self._wake, 1)
        for thread in self._threads:
            thread.join()
        self._epoll.close()
        os.close(self._wake)

    def _keep(self) -> None:
        while (piece := self._taken.get()) is not None:
            reception, buffer, filled = piece
            if buffer is None:
                reception.settle()
            else:
                reception.keep(buffer[:filled])
                self._free.put(buffer)

    def _take(self) -> None:
        looked = 0.0
        while not self._stopping:
            events = self._epoll.poll(self._patience())
            now = time.monotonic()
            for descriptor, _ in events:
                if descriptor == self._wake:
                    self._welcome(now)
                else:
                    self._serve(descriptor, now)
            for descriptor in [each for each, until in self._paused.items() if until <= now]:
                del self._paused[descriptor]
                self._epoll.modify(descriptor, select.EPOLLIN)
            if now - looked >= LOOK_AROUND:
                looked = now
                for descriptor, reception in list(self._served.items()):
                    reception.look(now)
                    self._end_if_over(descriptor)
        for reception in (*self._served.values(), *self._new):
            reception.fail(_stopped())
            self._taken.put((reception, None, 0))
        self._taken.put(None)

    def _patience(self) -> float | None:
        """Seconds to wait for an event; None = as long as it takes."""
        if not self._served:
            return None
        soonest = min(self._paused.values(), default=None)
        return LOOK_AROUND if soonest is None else min(LOOK_AROUND, max(0.0, soonest - time.monotonic()))

    def _welcome(self, now: float) -> None:
        os.eventfd_read(self._wake)
        while self._new:
            reception = self._new.popleft()
            try:
                reception.begin(now)
                self._epoll.register(reception.connection, select.EPOLLIN)
            except (OSError, ValueError) as error:  # closed meanwhile
                reception.fail(Refusal(FailureReason.DISCONNECTED, str(error)))
                self._taken.put((reception, None, 0))
            else:
                self._served[reception.connection.fileno()] = reception

    def _serve(self, descriptor: int, now: float) -> None:
        reception, buffer = self._served[descriptor], self._free.get()
        filled = reception.take(buffer, now)
        if filled:
            self._taken.put((reception, buffer, filled))
        else:
            self._free.put(buffer)
        if not self._end_if_over(descriptor) and descriptor not in self._paused:
            ahead = reception.ahead(now)
            if ahead > 0:
                self._epoll.modify(descriptor, 0)
                self._paused[descriptor] = now + ahead
                reception.excuse(now + ahead)

    def _end_if_over(self, descriptor: int) -> bool:
        """Serve it no longer if it is over. Only then, and when its last piece is kept, its connection may be closed."""
        reception = self._served[descriptor]
        if not reception.is_over:
            return False
        self._epoll.unregister(descriptor)
        self._paused.pop(descriptor, None)
        del self._served[descriptor]
        self._taken.put((reception, None, 0))
        return True


_Piece = tuple[Reception, memoryview | None, int]
"""What was taken; without a buffer, there will be no more."""


def _stopped() -> Refusal:
    return Refusal(FailureReason.ABORTED, "the service stops")
