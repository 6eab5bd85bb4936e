"""The slicer's MQTT 3.1.1 connection, written from the standard and not from our own codec, so that both must be right."""

import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from tests.simulators.gates import Blocked, Gate
from tests.simulators.trust import connect_from, secure, slicer_context

T = TypeVar("T")

CONNACK, PUBLISH, PUBACK, SUBACK, UNSUBACK, PINGRESP = 2, 3, 4, 9, 11, 13
CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the printer. `at`: monotonic seconds."""

    topic: str
    payload: bytes
    qos: int
    at: float


class Link:
    """One connection; a thread of its own reads, as a slicer does while it uploads."""

    def __init__(self, address: str, port: int, *, ca_pem: str, serial: str | None, source: str | None = None) -> None:
        """TLS only; `serial` None = do not compare the certificate's name (the slicer remembers an old one)."""
        try:
            raw = connect_from(source, address, port, CONNECT_TIMEOUT)
        except OSError as error:
            raise Blocked(Gate.MQTT, f"TCP {address}:{port}: {error}") from error
        context = slicer_context(ca_pem)
        if serial is None:
            try:
                self._sock = context.wrap_socket(raw)
            except (ssl.SSLError, OSError) as error:
                raw.close()
                raise Blocked(Gate.TRUST, str(error)) from error
        else:
            self._sock = secure(raw, context, serial)
        self._sock.setblocking(False)
        self._io = threading.Lock()  # an SSL object takes one thread at a time
        self._changed = threading.Condition()
        self._received: list[Received] = []
        self._answers: list[tuple[int, bytes, float]] = []
        self._closed: str | None = None
        self._buffer = bytearray()
        self._packet = 0
        self._writing = threading.Lock()
        self._reader = threading.Thread(target=self._read, name="slicer-mqtt", daemon=True)
        self._reader.start()

    # -- what a slicer does --------------------------------------------------------------------------------------

    def connect(self, client_id: str, user: str, password: str, *, keepalive: int = 30) -> float:
        """CONNECT; returns when the CONNACK came (monotonic seconds)."""
        body = mqtt_text("MQTT") + bytes([4, 0b1100_0010]) + struct.pack(">H", keepalive)
        self._send(0x10, body + mqtt_text(client_id) + mqtt_text(user) + mqtt_text(password))
        body, at = self._answer(CONNACK, "CONNACK")
        code = body[1]
        if code == 5:
            raise Blocked(Gate.ACCESS_CODE, "CONNACK 5")
        if code != 0:
            raise Blocked(Gate.MQTT, f"CONNACK {code}")
        return at

    def subscribe(self, topic: str, qos: int = 0) -> float:
        """SUBSCRIBE; returns when the SUBACK came (monotonic seconds)."""
        packet = self._next_packet()
        self._send(0x82, struct.pack(">H", packet) + mqtt_text(topic) + bytes([qos]))
        answer, at = self._answer(SUBACK, "SUBACK")
        if answer != struct.pack(">HB", packet, qos):
            raise Blocked(Gate.MQTT, f"SUBACK {answer.hex()} for packet {packet} with QoS {qos}")
        return at

    def publish(self, topic: str, payload: bytes, qos: int = 0) -> None:
        """PUBLISH; with QoS 1 it waits for the PUBACK."""
        packet = self._next_packet() if qos else 0
        head = mqtt_text(topic) + (struct.pack(">H", packet) if qos else b"")
        self._send(0x30 | qos << 1, head + payload)
        if not qos:
            return
        answer, _at = self._answer(PUBACK, "PUBACK")
        if answer != struct.pack(">H", packet):
            raise Blocked(Gate.MQTT, f"PUBACK {answer.hex()} for packet {packet}")

    def ping(self) -> None:
        """PINGREQ and its answer."""
        self._send(0xC0, b"")
        self._answer(PINGRESP, "PINGRESP")

    def close(self, *, polite: bool = True) -> None:
        """DISCONNECT, or just vanish."""
        if polite and self._closed is None:
            with suppress(Blocked):
                self._send(0xE0, b"")
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(30)  # the shutdown ends it; closed before, its socket's number would go to another one
        self._sock.close()

    @property
    def received(self) -> list[Received]:
        """Everything so far."""
        with self._changed:
            return list(self._received)

    @property
    def closed(self) -> str | None:
        """Why the connection ended, None while it lives."""
        return self._closed

    def wait_for(self, pick: Callable[[Received], T | None], what: str, *, since: int = 0, timeout: float = 10.0) -> T:
        """The first message, from index `since` on, of which `pick` makes something; Blocked when none comes."""
        until = time.monotonic() + timeout
        seen = since
        with self._changed:
            while True:
                for message in self._received[seen:]:
                    if (found := pick(message)) is not None:
                        return found
                seen = len(self._received)
                left = until - time.monotonic()
                if self._closed is not None or left <= 0:
                    why = f"connection lost: {self._closed}" if self._closed else f"not within {timeout:.0f} s"
                    raise Blocked(Gate.OFFLINE, f"{what}: {why}; {seen} messages so far")
                self._changed.wait(left)

    # -- packets -------------------------------------------------------------------------------------------------

    def _next_packet(self) -> int:
        self._packet = self._packet % 65535 + 1
        return self._packet

    def _send(self, head: int, body: bytes) -> None:
        data = memoryview(bytes([head]) + mqtt_length(len(body)) + body)
        try:
            with self._writing:
                while data:
                    data = data[self._send_some(data) :]
        except OSError as error:
            raise Blocked(Gate.OFFLINE, f"the printer closed: {self._closed or error}") from error

    def _send_some(self, data: memoryview) -> int:
        try:
            with self._io:
                return self._sock.send(data)
        except (ssl.SSLWantWriteError, ssl.SSLWantReadError):
            select.select([], [self._sock], [], CONNECT_TIMEOUT)
            return 0

    def _answer(self, kind: int, name: str) -> tuple[bytes, float]:
        until = time.monotonic() + CONNECT_TIMEOUT
        with self._changed:
            while True:
                for index, (found, body, at) in enumerate(self._answers):
                    if found == kind:
                        del self._answers[index]
                        return body, at
                left = until - time.monotonic()
                if self._closed is not None or left <= 0:
                    raise Blocked(Gate.MQTT, f"no {name}: {self._closed or 'no answer'}")
                self._changed.wait(left)

    def _read(self) -> None:
        try:
            while True:
                head = self._exactly(1)[0]
                length, shift = 0, 0
                while True:
                    byte = self._exactly(1)[0]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if not byte & 0x80:
                        break
                self._take(head, self._exactly(length))
        except (OSError, ValueError, Blocked) as error:
            with self._changed:
                self._closed = str(error) or type(error).__name__
                self._changed.notify_all()

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind != PUBLISH:
            with self._changed:
                self._answers.append((kind, body, time.monotonic()))
                self._changed.notify_all()
            return
        qos = head >> 1 & 3
        size = struct.unpack(">H", body[:2])[0]
        topic, rest = body[2 : 2 + size].decode(), body[2 + size :]
        if qos:
            self._send(0x40, rest[:2])
            rest = rest[2:]
        with self._changed:
            self._received.append(Received(topic, rest, qos, time.monotonic()))
            self._changed.notify_all()

    def _exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._buffer += self._recv_some()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _recv_some(self) -> bytes:
        while True:
            try:
                with self._io:
                    data = self._sock.recv(65536)
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
                select.select([self._sock], [], [])
                continue
            if not data:
                raise ValueError("the printer closed the connection")
            return data


def mqtt_text(text: str) -> bytes:
    """A string as MQTT writes it."""
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def mqtt_length(length: int) -> bytes:
    """A packet's remaining length."""
    out = bytearray()
    while True:
        length, low = divmod(length, 128)
        out.append(low | (0x80 if length else 0))
        if not length:
            return bytes(out)
