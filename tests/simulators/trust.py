"""The slicer's trust: the chain must end in our CA and in nothing else, and the name must be the serial number."""

import socket
import ssl
from typing import Any

from tests.simulators.gates import Blocked, Gate


def slicer_context(ca_pem: str, *, newest: ssl.TLSVersion = ssl.TLSVersion.MAXIMUM_SUPPORTED) -> ssl.SSLContext:
    """A client context that knows one CA, as `printer.cer` does; the host name plays no part."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_REQUIRED
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = newest
    context.load_verify_locations(cadata=ca_pem)
    return context


def connect_from(source: str | None, address: str, port: int, timeout: float) -> socket.socket:
    """A TCP connection, from a certain address of this host if one is given."""
    sock = socket.create_connection((address, port), timeout, source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as libcurl and the slicers' MQTT library have it
    return sock


def secure(sock: socket.socket, context: ssl.SSLContext, serial: str) -> ssl.SSLSocket:
    """TLS over a connected socket; Blocked as the slicer reports it when the chain or the name is not right."""
    try:
        wrapped = context.wrap_socket(sock, server_hostname=serial)
    except (ssl.SSLError, OSError) as error:
        sock.close()
        raise Blocked(Gate.TRUST, f"TLS with {serial}: {error}") from error
    name = common_name(wrapped)
    if name != serial:
        wrapped.close()
        raise Blocked(Gate.TRUST, f"the certificate is for {name}, the printer is {serial}")
    return wrapped


def common_name(sock: ssl.SSLSocket) -> str:
    """The CN of the peer's certificate."""
    peer: dict[str, Any] = dict(sock.getpeercert() or {})
    names = [value for part in peer.get("subject", ()) for key, value in part if key == "commonName"]
    return str(names[0]) if names else ""
