"""Why a slicer gets no further."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from vprinter_common.tls import HandshakeFailure, handshake_failure_reason


class Obstacle(StrEnum):
    """Where a slicer is stopped; a closed list."""

    REFUSED = "refused"
    """Nobody listens there."""
    UNREACHABLE = "unreachable"
    """No way there, or a firewall that swallows everything."""
    CLOSED = "closed"
    """The peer ended the connection."""
    SILENT = "silent"
    """The peer does not answer in time."""
    NOT_TLS = "not_tls"
    NO_SHARED_CIPHER = "no_shared_cipher"
    UNTRUSTED = "untrusted"
    TLS = "tls"
    """The handshake failed otherwise."""
    GARBAGE = "garbage"
    """The peer speaks, but not the protocol."""
    CODE_REFUSED = "code_refused"
    BRAKED = "braked"
    """Too many wrong codes from this address: it must wait."""
    DENIED = "denied"
    """The peer understood and refused."""


class Obstructed(Exception):  # noqa: N818 - a finding, not a mistake of ours
    """The slicer gets no further. The message has the value that was seen, and never a code."""

    def __init__(self, obstacle: Obstacle, detail: str) -> None:
        super().__init__(detail)
        self.obstacle = obstacle
        self.detail = detail


_HANDSHAKES = {
    HandshakeFailure.UNKNOWN_CA: Obstacle.UNTRUSTED,
    HandshakeFailure.BAD_CERTIFICATE: Obstacle.UNTRUSTED,
    HandshakeFailure.NO_SHARED_CIPHER: Obstacle.NO_SHARED_CIPHER,
    HandshakeFailure.NOT_TLS: Obstacle.NOT_TLS,
    HandshakeFailure.EOF: Obstacle.CLOSED,
    HandshakeFailure.TIMEOUT: Obstacle.SILENT,
}


@contextmanager
def obstacles(where: str, *, garbage: tuple[type[Exception], ...] = ()) -> Iterator[None]:
    """Turn what goes wrong on the wire into Obstructed. `garbage`: what the codec raises for a wrong peer."""
    try:
        yield
    except Obstructed:
        raise
    except garbage as error:
        raise Obstructed(Obstacle.GARBAGE, f"{where} answered something else: {error}"[:300]) from error
    except (OSError, EOFError) as error:
        raise Obstructed(obstacle_of(error), f"{where}: {_sentence(error)}"[:300]) from error


def obstacle_of(error: BaseException) -> Obstacle:
    """What an error of a socket means to a slicer."""
    match error:
        case ssl.SSLError():
            return _HANDSHAKES.get(handshake_failure_reason(error), Obstacle.TLS)
        case ConnectionRefusedError():
            return Obstacle.REFUSED
        case TimeoutError():
            return Obstacle.SILENT
        case ConnectionError() | EOFError():
            return Obstacle.CLOSED
        case _:
            return Obstacle.UNREACHABLE


def _sentence(error: BaseException) -> str:
    match error:
        case TimeoutError():
            return "no answer in time"
        case ssl.SSLCertVerificationError():
            return f"the certificate is not accepted: {error.verify_message}"
        case ssl.SSLError():
            return f"TLS failed: {error.reason or error}"
        case OSError(strerror=str(text)):
            return text
        case _:
            return str(error) or "the connection ended"
