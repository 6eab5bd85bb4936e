"""Receive a data connection to its end, blocking, in a worker thread."""

import socket
import ssl
import time
from collections.abc import Callable
from enum import Enum

from vprinter_common.contracts.facts import FailureReason
from vprinter_ftps.refusal import Refusal
from vprinter_ftps.upload import Progress

BUFFER = 256 * 1024


class Ending(Enum):
    """How the client ended its data."""

    CLEAN = "clean"
    """TLS close_notify, or the end of a clear connection, which cannot say more."""
    RAGGED = "ragged"
    """TLS ended without close_notify: the client was killed, or a network device cut it off, or it is a careless one."""


def receive(
    connection: socket.socket,
    sink: Callable[[memoryview], None],
    progress: Progress,
    *,
    stall_timeout: float,
    rate: int | None = None,
    buffer_size: int = BUFFER,
) -> Ending:
    """Hand everything to `sink` in pieces of at most `buffer_size` bytes; raises Refusal if the connection breaks.

    `rate`: bytes per second at most. What `sink` raises is passed on.
    """
    connection.settimeout(stall_timeout)
    view = memoryview(bytearray(buffer_size))
    started = time.monotonic()
    ending = None
    while ending is None:
        filled, ending = _fill(connection, view, progress, stall_timeout)
        progress.proceed()
        if filled:
            sink(view[:filled])
        if rate is not None:
            progress.aborted.wait(max(0.0, started + progress.received / rate - time.monotonic()))
    return ending


def _fill(
    connection: socket.socket, view: memoryview, progress: Progress, stall_timeout: float
) -> tuple[int, Ending | None]:
    filled = 0
    while filled < len(view):
        try:
            count = connection.recv_into(view[filled:])
        except ssl.SSLEOFError:
            return filled, Ending.RAGGED
        except TimeoutError as error:
            raise Refusal(FailureReason.STALLED, f"no byte in {stall_timeout:g} s") from error
        except OSError as error:
            progress.proceed()
            raise Refusal(FailureReason.DISCONNECTED, error.strerror or type(error).__name__) from error
        if count == 0:
            return filled, Ending.CLEAN
        filled += count
        progress.received += count
    return filled, None
