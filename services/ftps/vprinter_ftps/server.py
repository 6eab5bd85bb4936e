"""The FTPS server of one printer: aioftp's control connection, with our login, verbs, limits and transfers.

From aioftp comes the life of a connection (its dispatcher). Replaced are: `start` (our TLS listener), the greeting, the
commands (lines bounded, with time limits; every verb our own), and the writing of replies.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aioftp
import structlog
from aioftp.common import Connection, StreamIO

from vprinter_common.access import still_there
from vprinter_common.fleet.edge import Closable
from vprinter_common.listen import TlsServer, listen_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ftp
from vprinter_ftps.printer import Printer
from vprinter_ftps.session import Session
from vprinter_ftps.verbs import QUIT, VERBS

log = structlog.get_logger()

MAX_UNREADABLE = 20
"""Lines in a row that are no commands: then it is no FTP client, or one that will not come to its senses."""
PATIENCE = 0.5
"""Seconds for each step of ending a session whose code was revoked; there are three."""


class PrinterServer(aioftp.Server):
    """One printer's control connections."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(ssl=printer.context)
        self._printer = printer
        self._tasks = TaskSet(f"ftps:{printer.id}")
        self._sessions: dict[asyncio.StreamWriter, Session] = {}
        self._listener: TlsServer | None = None
        self.connections: dict[StreamIO, Connection] = {}
        self._states: dict[asyncio.StreamWriter, Connection] = {}

    # -- listener ---------------------------------------------------------------------------------------------------

    async def open(self, address: str, port: int) -> Closable:
        """Start to listen (the fleet's way to open a listener)."""
        await self.start(address, port)
        assert self._listener is not None  # noqa: S101 - start made it
        return self._listener

    async def start(self, host: str | None = None, port: int = 0, **_: Any) -> None:
        """Listen with TLS; raises OSError. Sessions begin after the handshake, whose failure is reported."""
        printer = self._printer
        self._listener = await listen_tls(
            host or printer.serving.placement.bind,
            port,
            self._protocol,
            printer.context,
            printer.house.handshakes.watch(printer.id, "ftps"),
        )
        self.server_host, self.server_port = self._listener.sockets[0].getsockname()

    async def close(self) -> None:
        """Stop listening and end all sessions; transfers are broken off."""
        if self._listener is not None:
            self._listener.close()
            await self._listener.wait_closed()
        await self._tasks.close()

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=ftp.MAX_LINE)

        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.spawn(self.dispatcher(reader, writer), "session")

        return asyncio.StreamReaderProtocol(reader, begin)

    def spec_changed(self) -> None:
        """Names and codes may have changed: whoever logged in with a code that is gone, goes; nobody else notices."""
        codes = self._printer.serving.spec.access_codes
        for writer, session in list(self._sessions.items()):
            if session.access is None:
                continue
            if (code := still_there(session.access, codes)) is None:
                session.log_out()
                self._tasks.spawn(self._turn_out(writer, session), "revoked")
            elif code.owner != session.access.owner:
                session.renamed(code)

    # -- one connection ---------------------------------------------------------------------------------------------

    async def dispatcher(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One control connection from greeting to end; its transfers end with it."""
        peer, local = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        if peer is None or local is None:  # gone before we looked
            writer.transport.abort()
            return
        printer, limits = self._printer, self._printer.house.limits
        if (refused := limits.admit(peer[0])) is not None:
            printer.house.metrics.refused_sessions.labels(printer.id).inc()
            log.warning("session_refused", printer=printer.id, peer=peer[0], reason=refused)
            writer.write(ftp.reply(421, refused))
            writer.close()
            return
        printer.house.metrics.sessions.labels(printer.id).inc()
        try:
            async with TaskSet("transfers") as tasks:
                session = Session(printer, peer[0], local[0], tasks, asyncio.get_running_loop().time())
                self._sessions[writer] = session
                try:
                    await super().dispatcher(reader, writer)
                finally:
                    session.drop_data()
                    session.log_out()
        finally:
            # It refers to itself, so that the connection's TLS buffers would wait for the garbage collector: 100 KB each.
            if (state := self._states.pop(writer, None)) is not None:
                state.clear()
            self._sessions.pop(writer, None)
            printer.house.metrics.sessions.labels(printer.id).dec()
            limits.release(peer[0])

    async def _turn_out(self, writer: asyncio.StreamWriter, session: Session) -> None:
        """End a session whose code was revoked: its transfer, then itself, politely for as long as that takes little."""
        log.info("session_revoked", printer=self._printer.id, peer=session.peer)
        session.drop_data()
        if (transfer := session.transfer) is not None:
            transfer.abort()
            with suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await transfer.finished.wait()
        sent = asyncio.Event()
        session.respond(ftp.reply(421, "the access code was revoked; closing"), sent.set)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await sent.wait()
        writer.close()
        with suppress(OSError):  # TimeoutError is one
            async with asyncio.timeout(PATIENCE):
                await writer.wait_closed()
        writer.transport.abort()

    async def greeting(self, connection: Connection, rest: Any) -> bool:  # noqa: ARG002 - aioftp's signature
        """220 at once."""
        writer = connection.command_connection.writer
        self._states[writer] = connection

        def respond(reply: bytes, sent: Callable[[], None] = _nothing, /) -> None:
            if not writer.is_closing():  # once the client is gone, replies are for nobody
                writer.write(reply)
                sent()

        session = self._session(connection.command_connection)
        session.respond = respond
        session.respond(ftp.reply(220, "virtual printer ready"))
        return True

    async def parse_command(  # type: ignore[override]  # aioftp's dispatcher ends the connection for False
        self,
        stream: StreamIO,
        censor_commands: tuple[str] = ("pass",),  # noqa: ARG002 - aioftp's signature
    ) -> bool:
        """Every command until the session ends; none goes on to aioftp, which has three tasks for each.

        One after the other: a flood of lines waits in the network, not in memory.
        """
        session = self._session(stream)
        while (line := await self._next_line(stream, session)) is not None:
            try:
                command = ftp.parse_command(line)
            except ftp.FtpSyntaxError as error:
                session.unreadable += 1
                if session.unreadable >= MAX_UNREADABLE:
                    session.respond(ftp.reply(421, f"{MAX_UNREADABLE} lines in a row that are not FTP; closing"))
                    break
                session.respond(ftp.reply(500, str(error)))
                continue
            session.unreadable = 0
            log.debug("command", printer=self._printer.id, peer=session.peer, command=str(command))
            if (reply := await self._answer(session, command)) is not None:
                session.respond(reply)
            if command.verb == QUIT:
                break
        return False

    async def _next_line(self, stream: StreamIO, session: Session) -> bytes | None:
        """One line; None when the client is gone, was silent for too long, or sends what cannot be a command."""
        loop = asyncio.get_running_loop()
        while not stream.writer.is_closing():  # what a client sent before it left is not worth an answer to nobody
            deadline = session.deadline(loop.time())
            try:
                if stream.writer.transport.get_write_buffer_size():
                    async with asyncio.timeout(self._printer.house.settings.ftps.stall_timeout):
                        await stream.writer.drain()
            except OSError:  # TimeoutError is one: the client does not read its replies
                stream.writer.transport.abort()
                return None
            try:
                async with asyncio.timeout_at(deadline):
                    line = await stream.reader.readline()
            except TimeoutError:
                if loop.time() < session.deadline(loop.time()):  # a transfer ran, or a login came, meanwhile
                    continue
                session.respond(ftp.reply(421, "no command for too long; closing"))
                return None
            except ValueError:
                session.respond(ftp.reply(500, f"a command line has at most {ftp.MAX_LINE} bytes; closing"))
                return None
            except OSError:
                return None
            session.last_activity = loop.time()
            return line if line.endswith(b"\n") else None
        return None

    async def _answer(self, session: Session, command: ftp.Command) -> bytes | None:
        """The reply; None if there was one already."""
        if (verb := VERBS.get(command.verb)) is None:
            return ftp.reply(502, f"{command.verb} is not implemented")
        if verb.needs_login and session.access is None:
            return ftp.reply(530, "log in first: USER, then PASS with the access code")
        try:
            return await verb.handle(session, command.argument)
        except OSError as error:
            log.error(
                "command_failed", printer=self._printer.id, peer=session.peer, verb=command.verb, error=str(error)
            )
            return ftp.reply(451, "the storage failed; see the server's log")

    def _session(self, stream: StreamIO) -> Session:
        return self._sessions[stream.writer]


def _nothing() -> None:
    """Nobody waits for this reply."""
