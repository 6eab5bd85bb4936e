"""Peers that play a printer badly, on loopback addresses, and cases around them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.common.printers import as_certificate, virtual_printer
from vprinter_common.certs import CertificateAuthority, Leaf
from vprinter_common.contracts.requests import SelfCheck
from vprinter_common.probe.ports import SlicerPorts
from vprinter_common.tls import ftps_server_context
from vprinter_control.doctor.case import Answer, Case, NatsState, Trusted

ADDRESS = "127.0.0.61"
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Identity:
    """A CA, and a printer's certificate from it."""

    ca: CertificateAuthority
    leaf: Leaf

    def context(self) -> ssl.SSLContext:
        """As ftps has it: TLS 1.2 only."""
        return ftps_server_context(self.leaf.chain_pem, self.leaf.key_pem)


def check(service: str = "control", **more: Any) -> SelfCheck:
    """A service that is content."""
    given = {"service": service, "node": "n", "ready": True, "version": "1", "addresses": ("127.0.0.1/8",)}
    return SelfCheck.model_validate(given | more)


def case(identity: Identity | None = None, **more: Any) -> Case:
    """A case in which all is well but for what is given."""
    spec: dict[str, Any] = more.pop("spec", {})
    if identity is not None:
        spec = {"certificate": as_certificate(identity.leaf)} | spec
    given: dict[str, Any] = {
        "spec": virtual_printer(ADDRESS, **spec),
        "address": ADDRESS,
        "ports": SlicerPorts(),
        "trusted": Trusted(identity.ca if identity else None, None, "certs"),
        "here": check(),
        "answers": {name: Answer(check(name), 0.0) for name in ("discovery", "mqtt", "ftps")},
        "statuses": {},
        "nats": NatsState(ahead=0.0),
        "clock": lambda: datetime.now(UTC),
        "data_dir": "data",
    }
    return Case(**(given | more))


@asynccontextmanager
async def peer(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that talks like this; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, ADDRESS, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Take everything and say nothing."""
    while await reader.read(4096):
        pass


def ftp_server(**changed: bytes) -> Talk:
    """An FTP server that answers everything well, but for what is changed, by verb."""
    answers = {
        "USER": b"331 code\r\n",
        "PASS": b"230 in\r\n",
        "PBSZ": b"200-many\r\n 200 lines\r\n200 ok\r\n",
        "PROT": b"200 ok\r\n",
        "PWD": b'257 "/"\r\n',
        "TYPE": b"200 ok\r\n",
        "QUIT": b"221 bye\r\n",
        **changed,
    }

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        while line := await reader.readline():
            writer.write(answers[line.split()[0].decode()])
            await writer.drain()

    return talk


def data_at(port: int, pasv_address: str = ADDRESS) -> dict[str, bytes]:
    """The answers that name a data port."""
    numbers = f"{pasv_address.replace('.', ',')},{port >> 8},{port & 0xFF}"
    return {"EPSV": b"229 ok (|||%d|)\r\n" % port, "PASV": f"227 ok ({numbers})\r\n".encode()}
