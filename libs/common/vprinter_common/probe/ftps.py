"""The slicer's FTPS session: implicit TLS, one upload per data connection."""

import asyncio
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from types import TracebackType
from typing import Self

from vprinter_common.access import USER
from vprinter_common.probe.dial import CONNECT_WITHIN, Line, Place, dial
from vprinter_common.probe.obstacle import Obstacle, Obstructed, obstacles
from vprinter_common.wire import ftp

REPLY_WITHIN = 4.0
MAX_REPLY_LINES = 100
PROBE_NAME = "verify_job"
"""What slicers send first, to see whether they may write; up to 1 KiB under this name leave no trace at a printer."""
PROBE_MAX = 1024


class Passive(StrEnum):
    """How the data connection's port is asked for."""

    EPSV = "EPSV"
    PASV = "PASV"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply of the server."""

    code: int
    text: str

    def __str__(self) -> str:
        return f"{self.code} {self.text}"[:200]


@dataclass(frozen=True, slots=True)
class Door:
    """An open data connection, before its TLS; `told`: the address in the reply, None where there is none."""

    port: int
    told: str | None
    connection: socket.socket

    def close(self) -> None:
        """Give it up."""
        self.connection.close()


class FtpsProbe:
    """One control connection, made by `open`."""

    def __init__(self, line: Line, place: Place, context: ssl.SSLContext, serial: str) -> None:
        self._line = line
        self._place = place
        self._context = context
        self._serial = serial

    @classmethod
    async def open(cls, place: Place, context: ssl.SSLContext, serial: str) -> Self:
        """Connect with TLS and be greeted; raises Obstructed."""
        probe = cls(await dial(place, context, serial), place, context, serial)
        try:
            await probe._expect(220, about="the greeting")
        except BaseException:
            await probe._line.close()
            raise
        return probe

    async def log_in(self, code: str) -> None:
        """USER to TYPE I; raises Obstructed."""
        await self._command(f"USER {USER}", 331)
        self._write(f"PASS {code}")
        reply = await self._reply()
        if reply.code != 230:
            obstacle = Obstacle.BRAKED if "too many" in reply.text else Obstacle.CODE_REFUSED
            raise Obstructed(obstacle, f"{self._place} answered PASS with {reply}")
        for command, wanted in (("PBSZ 0", 200), ("PROT P", 200), ("PWD", 257), ("TYPE I", 200)):
            await self._command(command, wanted)

    async def passive(self, how: Passive) -> Door:
        """Ask for a data port and connect to it; raises Obstructed.

        As slicers do, the address in a PASV reply is passed over for the one that the printer is known by.
        """
        reply = await self._command(how.value, 229 if how is Passive.EPSV else 227)
        with obstacles(str(self._place), garbage=(ftp.FtpSyntaxError,)):
            if how is Passive.EPSV:
                told, port = None, ftp.parse_epsv(reply.text)
            else:
                address, port = ftp.parse_pasv(reply.text)
                told = str(address)
        return Door(port, told, await _knock(Place(self._place.address, port)))

    async def store(self, name: str, content: bytes, how: Passive = Passive.EPSV) -> Door:
        """Upload; returns the data connection that it went through, closed. Raises Obstructed unless the answer is 226."""
        door = await self.passive(how)
        try:
            await self._command(f"STOR {name}", 150)
            await self._send(door, content)
        finally:
            door.close()
        await self._expect(226, about=f"the end of {name}")
        return door

    async def quit(self) -> None:
        """QUIT and its goodbye; raises Obstructed."""
        await self._command("QUIT", 221)

    async def close(self) -> None:
        """End the connection, with a QUIT if the peer takes it."""
        with suppress(Obstructed):
            await self.quit()
        await self._line.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    async def _send(self, door: Door, content: bytes) -> None:
        """TLS on the data connection only now, after the 150, as libcurl does it; then the bytes and their end."""
        where = f"{self._place.address}:{door.port}"
        with obstacles(f"data connection to {where}"):
            async with asyncio.timeout(REPLY_WITHIN):
                reader, writer = await asyncio.open_connection(
                    sock=door.connection, ssl=self._context, server_hostname=self._serial
                )
                async with Line(where, reader, writer):
                    writer.write(content)
                    await writer.drain()

    async def _command(self, command: str, wanted: int) -> Reply:
        self._write(command)
        return await self._expect(wanted, about=command)

    async def _expect(self, wanted: int, *, about: str) -> Reply:
        reply = await self._reply()
        if reply.code != wanted:
            raise Obstructed(Obstacle.DENIED, f"{self._place} answered {about} with {reply}")
        return reply

    def _write(self, command: str) -> None:
        self._line.writer.write(f"{command}\r\n".encode())

    async def _reply(self) -> Reply:
        with obstacles(str(self._place), garbage=(ValueError,)):
            async with asyncio.timeout(REPLY_WITHIN):
                code, more, text = await self._reply_line()
                for _ in range(MAX_REPLY_LINES):
                    if not more:
                        return Reply(code, text)
                    code, more, text = await self._continued(code)
                raise ValueError(f"a reply of more than {MAX_REPLY_LINES} lines")

    async def _reply_line(self) -> tuple[int, bool, str]:
        line = (await self._line.reader.readline()).decode(errors="replace")
        if not line:
            raise EOFError
        if not line[:3].isdecimal() or line[3:4] not in ("-", " "):
            raise ValueError(f"{line[:60]!r} is no FTP reply")
        return int(line[:3]), line[3] == "-", line[4:].rstrip()

    async def _continued(self, code: int) -> tuple[int, bool, str]:
        """The next line of a reply of several; only one that begins with the same code ends it."""
        line = (await self._line.reader.readline()).decode(errors="replace")
        if not line:
            raise EOFError
        return code, not line.startswith(f"{code} "), line[4:].rstrip()


async def _knock(place: Place) -> socket.socket:
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        connection.setblocking(False)
        with obstacles(str(place)):
            try:
                async with asyncio.timeout(CONNECT_WITHIN):
                    await asyncio.get_running_loop().sock_connect(connection, (place.address, place.port))
            except TimeoutError:
                raise Obstructed(Obstacle.UNREACHABLE, f"{place}: no connection within {CONNECT_WITHIN:g} s") from None
    except BaseException:
        connection.close()
        raise
    return connection
