"""Connections to a real printer.

`connect` opens TCP, `connect_tls` TCP and TLS, to an asyncio protocol. Both resolve the target's host anew each time, let
the kernel choose the interface that reaches it, and raise `Troubled`, whose text is for people. A printer's chain is signed
by its maker, whom nobody here knows: instead of that, its name must be the target's serial number, and the certificate the
one that is pinned, if one is (`check_certificate`).
"""

import asyncio
import hashlib
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from ipaddress import IPv4Address
from typing import TypeVar

from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.tls import PLAIN_RSA
from vprinter_common.wire.certificate_names import CertificateNames, certificate_names

CONNECT_TIMEOUT = 10.0
"""Seconds until TCP must stand, and as many again for TLS."""
KEEPALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3))
"""A printer that lost its power is noticed after a minute."""

P = TypeVar("P", bound=asyncio.BaseProtocol)


class Troubled(Exception):  # noqa: N818 - a state of the real printer
    """The printer cannot be used; the text says what is wrong and what to do."""

    def __init__(self, trouble: TargetTrouble, text: str) -> None:
        super().__init__(text)
        self.trouble = trouble


def printer_context() -> ssl.SSLContext:
    """For any port of a real printer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # see `check_certificate`
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(f"DEFAULT:{PLAIN_RSA}")
    return context


def ftps_context() -> ssl.SSLContext:
    """For FTPS, control and data alike: sessions are resumed from the one to the other. With TLS 1.3 some models fail."""
    context = printer_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


async def connect(target: Target, port: int) -> socket.socket:
    """TCP; the socket does not block. Raises Troubled."""
    where = f"{target.host}:{port}"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            return await dial(await resolve(target.host), port)
    except TimeoutError:
        raise Troubled(
            TargetTrouble.UNREACHABLE,
            f"no answer from {where} within {CONNECT_TIMEOUT:g} s; is the printer on, and on this network?",
        ) from None
    except ConnectionRefusedError:
        raise Troubled(
            TargetTrouble.REFUSED, f"{where} refuses connections; is it the printer, with LAN mode switched on?"
        ) from None
    except OSError as error:
        raise Troubled(
            TargetTrouble.UNREACHABLE, f"{where} cannot be reached: {error.strerror or error}; check its address"
        ) from error


async def connect_tls(
    target: Target, port: int, context: ssl.SSLContext, factory: Callable[[], P]
) -> tuple[asyncio.Transport, P]:
    """TCP and TLS; the protocol is made when the certificate has been found to be the printer's. Raises Troubled."""
    connection = await connect(target, port)
    loop = asyncio.get_running_loop()
    reached = connection.getpeername()[0]
    try:
        transport, protocol = await loop.create_connection(
            factory,
            sock=connection,
            ssl=context,
            server_hostname="",
            ssl_handshake_timeout=CONNECT_TIMEOUT,
        )
    except (OSError, ValueError) as error:  # ValueError: reset before the handshake
        connection.close()
        raise tls_trouble(f"{target.host}:{port}", error) from error
    except BaseException:
        connection.close()
        raise
    try:
        shown: ssl.SSLObject = transport.get_extra_info("ssl_object")
        check_certificate(shown.getpeercert(binary_form=True) or b"", reached, target.serial, target.fingerprint)
    except Troubled:
        transport.abort()
        raise
    return transport, protocol


async def dial(address: str, port: int) -> socket.socket:
    """TCP to an address; raises OSError. Time limits are the caller's."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, (address, port))
        keep_alive(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def keep_alive(connection: socket.socket) -> None:
    """Small packets leave at once, and a peer that vanished is noticed."""
    with suppress(OSError):  # closed already: whoever uses it will see that
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in KEEPALIVE:
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def check_certificate(leaf: bytes, address: str, serial: str, fingerprint: str | None) -> None:
    """Whether a certificate (DER) that was shown at the address is the printer's; raises Troubled."""
    name = whose(names_on(leaf, address))
    if name != serial:
        raise Troubled(
            TargetTrouble.WRONG_PRINTER,
            f"{address} is {name}, not {serial}; correct the address or the serial number of the printer",
        )
    found = hashlib.sha256(leaf).hexdigest()
    if fingerprint is not None and found != fingerprint:
        raise Troubled(
            TargetTrouble.CERTIFICATE_CHANGED,
            f"{address} shows another certificate than before (SHA-256 {found[:16]}…); accept it if that is right",
        )


def names_on(leaf: bytes, address: str) -> CertificateNames:
    """The names on a certificate (DER) that was shown at the address; raises Troubled."""
    try:
        return certificate_names(leaf)
    except ValueError as error:
        raise Troubled(TargetTrouble.TLS, f"the certificate that {address} shows cannot be read: {error}") from error


def whose(names: CertificateNames) -> str:
    """The serial number of the printer, if it is a printer's."""
    return (names.subject.common_name or "nobody")[:64]


def tls_trouble(where: str, error: Exception) -> Troubled:
    """What a failed handshake means."""
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Troubled(TargetTrouble.TLS, f"TLS with {where} failed ({reason}); is it the printer?")


async def resolve(host: str) -> str:
    """The IPv4 address of a host; raises OSError."""
    with suppress(ValueError):
        return str(IPv4Address(host))  # without a thread, for which it would wait while names are slow to resolve
    found = await asyncio.get_running_loop().getaddrinfo(host, None, family=socket.AF_INET, type=socket.SOCK_STREAM)
    address: tuple[str, int] = found[0][4]  # type: ignore[assignment]  # IPv4 was asked for
    return address[0]
