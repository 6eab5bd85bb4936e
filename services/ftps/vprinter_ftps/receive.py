"""Receive a data connection to its end, in a worker thread."""

import select
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import Enum

from vprinter_common.contracts.facts import FailureReason
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.upload import Progress

BUFFER = 256 * 1024
LOW_WATER = 256 * 1024
"""Bytes worth waking a thread for: fifty uploads that trickle in by single TLS records cost far more CPU."""
LINGER_MS = 30
"""For so long it is waited for that much; then for any byte, because the end of TLS data may be a few bytes."""


class Ending(Enum):
    """How the client ended its data."""

    CLEAN = "clean"
    """TLS close_notify, or the end of a clear connection, which cannot say more."""
    RAGGED = "ragged"
    """TLS ended without close_notify: the client was killed, or a network device cut it off, or it is a careless one."""


class Receiver:
    """Hands everything to `sink` in pieces of at most `buffer_size` bytes.

    `turnstile` is held while bytes are taken and handed on, never while waiting for the network: fifty threads that
    fight for the interpreter's lock spend half as much again on the fight. `rate`: bytes per second at most.
    """

    def __init__(
        self,
        connection: socket.socket,
        sink: Callable[[memoryview], None],
        progress: Progress,
        *,
        turnstile: AbstractContextManager[object],
        stall_timeout: float,
        rate: int | None = None,
        buffer_size: int = BUFFER,
    ) -> None:
        self._connection = connection
        self._sink = sink
        self._progress = progress
        self._turnstile = turnstile
        self._stall_timeout = stall_timeout
        self._rate = rate
        self._readable = select.poll()
        self._readable.register(connection, select.POLLIN)
        self._view = memoryview(bytearray(buffer_size))
        self._filled = 0
        self._ending: Ending | None = None

    def run(self) -> Ending:
        """Receive; raises Refusal if the connection breaks or goes silent. What `sink` raises is passed on."""
        self._connection.settimeout(0)
        started = time.monotonic()
        while self._ending is None:
            with self._turnstile:
                drained = self._fill()
                self._progress.proceed()
                if self._filled and not drained:
                    self._sink(self._view[: self._filled])
                    self._filled = 0
            if drained:
                self._wait()
            if self._rate is not None:
                ahead = started + self._progress.received / self._rate - time.monotonic()
                self._progress.aborted.wait(max(0.0, ahead))
        return self._ending

    def _wait(self) -> None:
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, LOW_WATER)
        if self._readable.poll(LINGER_MS):
            return
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)
        if not self._readable.poll(self._stall_timeout * 1000):
            raise Refusal(FailureReason.STALLED, f"no byte in {self._stall_timeout:g} s")

    def _fill(self) -> bool:
        """Take what is there; True if the buffer has room for more, which has yet to come."""
        while self._filled < len(self._view):
            try:
                count = self._connection.recv_into(self._view[self._filled :])
            except (ssl.SSLWantReadError, BlockingIOError):
                return True
            except ssl.SSLEOFError:
                self._ending = Ending.RAGGED
                return False
            except OSError as error:
                self._progress.proceed()
                raise Refusal(FailureReason.DISCONNECTED, error.strerror or type(error).__name__) from error
            if count == 0:
                self._ending = Ending.CLEAN
                return False
            self._filled += count
            self._progress.received += count
        return False
