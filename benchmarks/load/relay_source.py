"""Sends through relays: blocking, from the caller's thread."""

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from os import urandom

from benchmarks.load.curl import CIPHER

PIECE = memoryview(urandom(1 << 20))
"""Sent again and again; nobody compresses."""
PATIENCE = 120.0

Send = Callable[[int], None]
"""Sends so many MiB; returns when this end has done its part."""


def context() -> ssl.SSLContext:
    """As curl's in the benchmark of uploads: TLS 1.2 with one cipher."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    made.set_ciphers(CIPHER)
    return made


def in_tls(address: str, port: int) -> Send:
    """Bytes in TLS, and close_notify at their end."""

    def send(megabytes: int) -> None:
        with context().wrap_socket(socket.create_connection((address, port), PATIENCE)) as connection:
            pour(connection, megabytes)
            with suppress(OSError):  # not every relay says goodbye
                connection.unwrap()

    return send


def in_clear(address: str, port: int) -> Send:
    """Bytes and their end."""

    def send(megabytes: int) -> None:
        with socket.create_connection((address, port), PATIENCE) as connection:
            pour(connection, megabytes)

    return send


def by_ftps(address: str, port: int) -> Send:
    """A slicer's upload, from the TCP connection to 226."""

    def send(megabytes: int) -> None:
        secured = context()
        with (
            secured.wrap_socket(socket.create_connection((address, port), PATIENCE)) as control,
            control.makefile("rwb", buffering=0) as lines,
        ):
            lines.readline()
            for line in (b"USER bblp", b"PASS Sesame42", b"PBSZ 0", b"PROT P"):
                ask(lines, line)
            data_port = int(ask(lines, b"EPSV").split(b"|")[3])
            data = socket.create_connection((address, data_port), PATIENCE)
            ask(lines, b"STOR cube.gcode.3mf")
            with secured.wrap_socket(data, session=control.session) as connection:
                pour(connection, megabytes)
                connection.unwrap()
            if not (reply := lines.readline()).startswith(b"226"):
                raise RuntimeError(f"the upload was answered with {reply!r}")

    return send


def ask(lines: socket.SocketIO, line: bytes) -> bytes:
    """One command and its reply."""
    lines.write(line + b"\r\n")
    reply = lines.readline()
    if reply[:1] not in (b"1", b"2", b"3"):
        raise RuntimeError(f"{line!r} was answered with {reply!r}")
    return reply


def pour(connection: socket.socket, megabytes: int) -> None:
    """Send so many pieces."""
    for _ in range(megabytes):
        connection.sendall(PIECE)
