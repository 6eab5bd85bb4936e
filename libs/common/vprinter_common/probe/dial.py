"""Connections as a slicer makes them: TCP, then TLS with the printer's serial number as the name."""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from vprinter_common.probe.obstacle import Obstacle, Obstructed, obstacles
from vprinter_common.tls import PLAIN_RSA, client_context

CONNECT_WITHIN = 3.0
"""Seconds until TCP and TLS must stand; slicers wait longer, but then nobody is content either."""
CLOSE_WITHIN = 1.0


@dataclass(frozen=True, slots=True)
class Place:
    """One port of a printer."""

    address: str
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Handshake:
    """What a TLS server chose and showed."""

    version: str
    cipher: str
    leaf: bytes
    """Its certificate, DER."""


@dataclass(frozen=True, slots=True)
class Line:
    """An open connection; as a context manager it is closed politely, within a second."""

    where: str
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    @property
    def handshake(self) -> Handshake:
        """What TLS settled on."""
        tls: ssl.SSLObject = self.writer.get_extra_info("ssl_object")
        cipher = tls.cipher()
        return Handshake(tls.version() or "?", cipher[0] if cipher else "?", tls.getpeercert(binary_form=True) or b"")

    async def close(self) -> None:
        """End the connection, with TLS's goodbye where the peer takes it."""
        self.writer.close()
        try:
            with suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(CLOSE_WITHIN):
                    await self.writer.wait_closed()
        finally:
            self.writer.transport.abort()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()


def trusting(ca_pem: str) -> ssl.SSLContext:
    """As a slicer whose printer.cer holds this CA."""
    return _at_least_1_2(client_context(ca_pem))


def looking() -> ssl.SSLContext:
    """Takes any certificate, to look at it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return _at_least_1_2(context)


def plain_rsa() -> ssl.SSLContext:
    """As the slicers that offer nothing but plain RSA key exchange."""
    context = looking()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(PLAIN_RSA)
    return context


async def dial(
    place: Place, context: ssl.SSLContext | None = None, serial: str | None = None, within: float = CONNECT_WITHIN
) -> Line:
    """Connect, with TLS if a context is given; raises Obstructed."""
    with obstacles(str(place)):
        try:
            async with asyncio.timeout(within):
                reader, writer = await asyncio.open_connection(
                    place.address, place.port, ssl=context, server_hostname=serial if context else None
                )
        except TimeoutError:
            raise Obstructed(Obstacle.UNREACHABLE, f"{place}: no connection within {within:g} s") from None
        return Line(str(place), reader, writer)


def _at_least_1_2(context: ssl.SSLContext) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
