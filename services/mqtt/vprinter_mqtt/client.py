"""One slicer's connection: bytes in and out of the MQTT session, limits on time and on unread output."""

import asyncio
import socket
import struct
from contextlib import suppress
from enum import StrEnum
from typing import Protocol

import structlog

from vprinter_common.access import USER
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.logins import Refused
from vprinter_common.wire.mqtt import (
    ConnectRequested,
    Disconnected,
    ProtocolViolated,
    Published,
    ServerSession,
    Subscribed,
)
from vprinter_common.wire.mqtt_packets import ConnectCode

log = structlog.get_logger()

CONNECT_WITHIN = 60.0
"""Seconds a client has to send CONNECT. After that its keep-alive is never enforced: idle slicers send no PINGREQ."""
READ_WITHIN = 5.0
"""Seconds a client may leave its output unread before it is evicted."""
OUTPUT_LIMIT = 64 * 1024
"""Bytes of unread output, about, at which reports are left out; the next one it reads is the newest."""
KEEPALIVE_IDLE, KEEPALIVE_INTERVAL, KEEPALIVE_PROBES = 60, 15, 4


class Closed(StrEnum):
    """Why we closed a connection."""

    NO_CONNECT = "no_connect"
    NOT_READING = "not_reading"
    PROTOCOL = "protocol"
    WRONG_CODE = "wrong_code"
    BRAKED = "braked"
    FULL = "full"
    STOPPED = "stopped"
    REVOKED = "revoked"


_AT_ONCE = frozenset({Closed.NOT_READING, Closed.REVOKED})
"""Who does not read would keep the connection open, and so could who is to be kept out."""


class Host(Protocol):
    """What a connection needs of its printer."""

    def admit(self, client: "SlicerConnection") -> Closed | None:
        """A connection was made; a reason refuses it."""

    def login(self, client: "SlicerConnection", username: bytes | None, password: bytes | None) -> AccessCode | Refused:
        """Check a login."""

    def joined(self, client: "SlicerConnection") -> None:
        """The slicer is logged in."""

    def subscribed(self, client: "SlicerConnection", topics: tuple[str, ...]) -> None:
        """The slicer subscribed."""

    def requested(self, client: "SlicerConnection", topic: str, payload: bytes) -> None:
        """The slicer published."""

    def left(self, client: "SlicerConnection", reason: Closed | None) -> None:
        """The connection ended; `reason` if we closed it."""


class SlicerConnection(asyncio.Protocol):
    """The transport side of one MQTT session."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._mqtt = ServerSession()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._paused = False
        self._closed: Closed | None = None
        self.address = ""
        self.local_address = ""
        self.access_code: AccessCode | None = None

    # -- asyncio's side -----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the connection in, or close it."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - tells mypy what asyncio guarantees
        self._transport = transport
        self.address = (transport.get_extra_info("peername") or ("?",))[0]
        self.local_address = (transport.get_extra_info("sockname") or ("",))[0]
        _set_options(transport.get_extra_info("socket"))
        if (reason := self._host.admit(self)) is not None:
            self.close(reason)
            return
        self._arm(CONNECT_WITHIN, Closed.NO_CONNECT)

    def data_received(self, data: bytes) -> None:
        """Feed the session and act on what happened."""
        self._mqtt.receive_data(data)
        self._act()

    def connection_lost(self, _exc: Exception | None) -> None:
        """Tell the printer."""
        self._disarm()
        self._host.left(self, self._closed)

    def pause_writing(self) -> None:
        """The slicer does not read: leave reports out, and evict it if that lasts."""
        self._paused = True
        self._arm(READ_WITHIN, Closed.NOT_READING)

    def resume_writing(self) -> None:
        """The slicer reads again."""
        self._paused = False
        self._disarm()

    # -- the printer's side -------------------------------------------------------------------------------------

    def send_report(self, packet: bytes) -> bool:
        """Write an encoded PUBLISH, unless older output is still unread; whether it was written."""
        if self._paused or self._transport is None or self._transport.is_closing():
            return False
        self._transport.write(packet)
        return True

    def send(self, topic: str, payload: bytes) -> None:
        """Answer the slicer."""
        self._mqtt.publish(topic, payload)
        self._flush()

    def close(self, reason: Closed) -> None:
        """End the connection; what was written before still goes out, unless there is no waiting for the slicer."""
        if self._transport is None or self._transport.is_closing():
            return
        self._closed = reason
        if reason is Closed.NOT_READING:
            _forget_unread(self._transport.get_extra_info("socket"))
        if reason in _AT_ONCE:
            self._transport.abort()
        else:
            self._transport.close()

    # -- inside -------------------------------------------------------------------------------------------------

    def _act(self) -> None:
        while events := self._mqtt.events_received():
            for event in events:
                self._handle(event)
        self._flush()
        if self._mqtt.should_close and self._transport is not None:
            self._transport.close()

    def _handle(self, event: object) -> None:
        match event:
            case ConnectRequested(username=username, password=password):
                self._log_in(username, password)
            case Subscribed(subscriptions):
                self._flush()
                self._host.subscribed(self, tuple(each.topic_filter for each in subscriptions))
            case Published(topic, payload, _):
                self._host.requested(self, topic, payload)
            case ProtocolViolated(reason, detail):
                log.warning("mqtt_violation", peer=self.address, reason=reason.value, detail=detail)
                self._closed = Closed.PROTOCOL
            case Disconnected() | _:
                pass

    def _log_in(self, username: bytes | None, password: bytes | None) -> None:
        verdict = self._host.login(self, username, password)
        if isinstance(verdict, Refused):
            # 3 (unavailable) leaves the code stored in the slicer; 5 makes the slicer ask for another one.
            code = ConnectCode.SERVER_UNAVAILABLE if verdict.wait else ConnectCode.NOT_AUTHORISED
            self._closed = Closed.BRAKED if verdict.wait else Closed.WRONG_CODE
            self._mqtt.refuse(code)
            return
        self.access_code = verdict
        self._disarm()
        self._mqtt.accept()
        self._flush()
        self._host.joined(self)

    def _flush(self) -> None:
        data = self._mqtt.data_to_send()
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _arm(self, seconds: float, reason: Closed) -> None:
        self._disarm()
        self._timer = asyncio.get_running_loop().call_later(seconds, self.close, reason)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def is_user(username: bytes | None) -> bool:
    """Whether this is the user name of Bambu printers."""
    return username is not None and username.lower() == USER.encode()


def _forget_unread(sock: socket.socket | None) -> None:
    """Let closing reset the connection: the kernel would else keep what is unread, and the slicer learn of nothing."""
    if sock is not None:
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _set_options(sock: socket.socket | None) -> None:
    """Find dead peers within two minutes, and keep little output in the kernel, so that a stall is noticed."""
    if sock is None:
        return
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, OUTPUT_LIMIT)
