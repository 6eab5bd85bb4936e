"""The question a slicer asks before it adds a printer by address."""

import json
import socket
import ssl
import struct
from dataclasses import dataclass

from tests.simulators.gates import Blocked, Gate
from tests.simulators.trust import connect_from, slicer_context

TIMEOUT = 9.0
"""Seconds after which the slicers' plugin gives up."""


@dataclass(frozen=True, slots=True)
class Detected:
    """What the printer answered."""

    serial: str
    model: str
    name: str
    version: str


def request_frame(body: bytes) -> bytes:
    """A frame around a JSON body; the length counts the whole frame."""
    return b"\xa5\xa5" + struct.pack("<H", len(body) + 6) + body + b"\xa7\xa7"


def ask(address: str, port: int, *, ca_pem: str | None, source: str | None = None) -> Detected:
    """Ask over TLS when a CA is given, else in the clear; Blocked as the "add by IP" dialog reports it."""
    try:
        sock: socket.socket = connect_from(source, address, port, TIMEOUT)
    except OSError as error:
        raise Blocked(Gate.LOGIN_REQUEST, f"TCP {address}:{port}: {error}") from error
    if ca_pem is not None:
        sock = _tls(sock, ca_pem)
    with sock:
        sock.sendall(request_frame(b'{"login":{"command":"detect","sequence_id":"20000"}}'))
        try:
            answer = _read_frame(sock)
            if sock.recv(1):
                raise Blocked(Gate.LOGIN_REQUEST, "the printer goes on after its answer")
        except OSError as error:
            raise Blocked(Gate.CONNECT, f"{address}:{port} does not answer: {error}") from error
    return _judge(json.loads(answer)["login"])


def _tls(sock: socket.socket, ca_pem: str) -> ssl.SSLSocket:
    """The serial number is not known yet, so the name in the certificate is compared later, by MQTT and FTPS."""
    try:
        return slicer_context(ca_pem).wrap_socket(sock)
    except (ssl.SSLError, OSError) as error:
        sock.close()
        raise Blocked(Gate.TRUST, f"TLS for detect: {error}") from error


def _read_frame(sock: socket.socket) -> bytes:
    head = _exactly(sock, 4)
    if head[:2] != b"\xa5\xa5":
        raise Blocked(Gate.LOGIN_REQUEST, f"the answer starts with {head!r}")
    (length,) = struct.unpack("<H", head[2:])
    rest: bytes = _exactly(sock, length - 4)
    if rest[-2:] != b"\xa7\xa7":
        raise Blocked(Gate.LOGIN_REQUEST, f"the answer ends with {rest[-2:]!r}")
    return rest[:-2]


def _exactly(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        if not more:
            raise Blocked(Gate.LOGIN_REQUEST, f"the printer closed after {len(data)} of {count} bytes")
        data += more
    return data


def _judge(login: dict[str, object]) -> Detected:
    if login.get("command") != "detect":
        raise Blocked(Gate.LOGIN_REQUEST, f"the answer is to {login.get('command')!r}")
    if type(login.get("sequence_id")) is not int or type(login.get("dev_cap")) is not int:
        raise Blocked(Gate.LOGIN_REQUEST, f"sequence_id or dev_cap is no integer: {login}")
    texts = {key: login.get(key) for key in ("id", "model", "name", "version", "bind", "connect")}
    if not all(isinstance(value, str) for value in texts.values()):
        raise Blocked(Gate.LOGIN_REQUEST, f"not all of {texts} are strings")
    if texts["bind"] == "occupied":
        raise Blocked(Gate.BOUND, "bind=occupied")
    if texts["connect"] != "lan":
        raise Blocked(Gate.NOT_LAN, f"connect={texts['connect']}")
    return Detected(str(texts["id"]), str(texts["model"]), str(texts["name"]), str(texts["version"]))
