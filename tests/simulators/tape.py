"""Everything that passes in the clear, or inside TLS, between this process and one peer, both ways."""

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from tests.simulators.printer.reports import as_number


@dataclass(slots=True)
class Tape:
    """What was said to and by one peer, a string of bytes for each connection and direction."""

    peer: str
    said: dict[tuple[int, str], bytearray] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, sock: socket.socket, way: str, data: bytes | memoryview) -> None:
        """Note what passed, if it is the peer's."""
        try:
            theirs = sock.getpeername()[0] == self.peer
        except OSError:
            return
        if theirs:
            with self._lock:
                self.said.setdefault((id(sock), way), bytearray()).extend(data)

    @property
    def size(self) -> int:
        """Bytes on the tape."""
        return sum(map(len, self.said.values()))

    def traces(self, address: str) -> list[bytes]:
        """Where an address is on the tape: as text, as FTP writes it, as reports write it; longer numbers are others."""
        forms = (address, address.replace(".", ","), str(as_number(address)))
        pattern = re.compile(b"|".join(rb"(?<![\d.])" + re.escape(form.encode()) + rb"(?!\d)" for form in forms))
        return [
            bytes(said[max(0, found.start() - 60) : found.end() + 20])
            for said in self.said.values()
            for found in pattern.finditer(said)
        ]


@contextmanager
def recording(peer: str) -> Iterator[Tape]:
    """Record what passes over this process's sockets to and from an address."""
    tape = Tape(peer)
    with (
        patch.object(socket.socket, "recv", _read(tape, socket.socket.recv), create=True),
        patch.object(socket.socket, "recv_into", _read_into(tape, socket.socket.recv_into), create=True),
        patch.object(socket.socket, "send", _write(tape, socket.socket.send), create=True),
        patch.object(socket.socket, "sendall", _write(tape, socket.socket.sendall), create=True),
        patch.object(ssl.SSLSocket, "recv", _read(tape, ssl.SSLSocket.recv)),
        patch.object(ssl.SSLSocket, "recv_into", _read_into(tape, ssl.SSLSocket.recv_into)),
        patch.object(ssl.SSLSocket, "send", _write(tape, ssl.SSLSocket.send)),
    ):
        yield tape


def _read(tape: Tape, plain: Callable[..., bytes]) -> Callable[..., bytes]:
    def recv(sock: socket.socket, *arguments: Any) -> bytes:
        data = plain(sock, *arguments)
        tape.take(sock, "read", data)
        return data

    return recv


def _read_into(tape: Tape, plain: Callable[..., int]) -> Callable[..., int]:
    def recv_into(sock: socket.socket, buffer: Any, *arguments: Any) -> int:
        count = plain(sock, buffer, *arguments)
        tape.take(sock, "read", memoryview(buffer)[:count])
        return count

    return recv_into


def _write(tape: Tape, plain: Callable[..., Any]) -> Callable[..., Any]:
    def send(sock: socket.socket, data: Any, *arguments: Any) -> Any:
        sent = plain(sock, data, *arguments)
        tape.take(sock, "write", memoryview(data)[:sent] if isinstance(sent, int) else memoryview(data))
        return sent

    return send
