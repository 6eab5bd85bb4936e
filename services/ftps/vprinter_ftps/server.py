"""The FTPS server of one printer: aioftp's control connection, with our login, verbs, limits and transfers.

From aioftp come the dispatcher of a connection and its queue of replies. Replaced are: `start` (our TLS listener), the
greeting, reading of lines (bounded, with time limits), writing of replies, and every verb.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import aioftp
import structlog
from aioftp.common import Connection, StreamIO

from vprinter_common.fleet.edge import Closable
from vprinter_common.listen import TlsServer, listen_tls
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ftp
from vprinter_ftps.printer import Printer
from vprinter_ftps.session import Session
from vprinter_ftps.verbs import QUIT, VERBS

log = structlog.get_logger()

_UNKNOWN, _UNREADABLE = "unknown", "unreadable"
"""Not verbs, which are in upper case: how a line that is none goes through aioftp's dispatcher."""


class PrinterServer(aioftp.Server):
    """One printer's control connections."""

    def __init__(self, printer: Printer) -> None:
        super().__init__(ssl=printer.context, socket_timeout=printer.house.settings.ftps.stall_timeout)
        self._printer = printer
        self._tasks = TaskSet(f"ftps:{printer.id}")
        self._sessions: dict[asyncio.StreamWriter, Session] = {}
        self._listener: TlsServer | None = None
        self.connections: dict[StreamIO, Connection] = {}
        verbs: dict[str, Callable[[Connection, Any], Awaitable[bool]]] = {
            verb: partial(self._command, verb) for verb in VERBS
        }
        verbs[_UNKNOWN] = partial(self._refuse, 502)
        verbs[_UNREADABLE] = partial(self._refuse, 500)
        self.commands_mapping = verbs

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
            self._sessions.pop(writer, None)
            printer.house.metrics.sessions.labels(printer.id).dec()
            limits.release(peer[0])

    async def greeting(self, connection: Connection, rest: Any) -> bool:  # noqa: ARG002 - aioftp's signature
        """220 at once."""
        session = self._session(connection.command_connection)
        session.respond = lambda reply, sent=_nothing: connection.response(reply, sent)
        session.respond(ftp.reply(220, "virtual printer ready"))
        return True

    async def response_writer(self, stream: StreamIO, response_queue: asyncio.Queue[Any]) -> None:
        """Write replies in order. Once the client is gone they are thrown away, so that nobody waits for the queue."""
        while True:
            reply, sent = await response_queue.get()
            try:
                if stream.writer.is_closing():
                    continue
                await stream.write(reply)
                sent()
            except (OSError, TimeoutError):
                stream.writer.transport.abort()
            finally:
                response_queue.task_done()

    async def parse_command(  # type: ignore[override]  # aioftp's dispatcher ends the connection for False
        self,
        stream: StreamIO,
        censor_commands: tuple[str] = ("pass",),  # noqa: ARG002 - aioftp's signature
    ) -> tuple[str, str] | bool:
        """The next command, once the one before has its reply: a flood of lines waits in the network, not in memory."""
        session = self._session(stream)
        await session.between_commands.wait()
        line = await self._next_line(stream, session)
        if line is None:
            return False
        session.between_commands.clear()
        try:
            command = ftp.parse_command(line)
        except ftp.FtpSyntaxError as error:
            return _UNREADABLE, str(error)
        log.debug("command", printer=self._printer.id, peer=session.peer, command=str(command))
        if command.verb not in VERBS:
            return _UNKNOWN, f"{command.verb} is not implemented"
        return command.verb, command.argument

    async def _next_line(self, stream: StreamIO, session: Session) -> bytes | None:
        """One line; None when the client is gone, was silent for too long, or sends what cannot be a command."""
        loop = asyncio.get_running_loop()
        while not stream.writer.is_closing():  # what a client sent before it left is not worth an answer to nobody
            deadline = session.deadline(loop.time())
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

    async def _command(self, verb: str, connection: Connection, argument: str) -> bool:
        session = self._session(connection.command_connection)
        try:
            if VERBS[verb].needs_login and session.access is None:
                reply: bytes | None = ftp.reply(530, "log in first: USER, then PASS with the access code")
            else:
                reply = await VERBS[verb].handle(session, argument)
        except OSError as error:
            log.error("command_failed", printer=self._printer.id, peer=session.peer, verb=verb, error=str(error))
            reply = ftp.reply(451, "the storage failed; see the server's log")
        if reply is not None:
            session.respond(reply)
        session.between_commands.set()
        return verb != QUIT

    async def _refuse(self, code: int, connection: Connection, reason: str) -> bool:
        session = self._session(connection.command_connection)
        session.respond(ftp.reply(code, reason))
        session.between_commands.set()
        return True

    def _session(self, stream: StreamIO) -> Session:
        return self._sessions[stream.writer]


def _nothing() -> None:
    """Nobody waits for this reply."""
