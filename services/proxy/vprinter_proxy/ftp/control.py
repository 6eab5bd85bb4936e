"""One relayed control connection, from the slicer's greeting to the end of both sides."""

import asyncio
import random
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from ipaddress import IPv4Address

import structlog

from vprinter_common.access import match_code
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import CommandOutcome
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import Allow
from vprinter_common.passive import NoFreePort, bind_passive
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire import ftp, ftp_files
from vprinter_common.wire.ftp_relay import (
    CHANGES,
    Action,
    Begin,
    Connect,
    Dialogue,
    End,
    Leave,
    Lines,
    Replies,
    ToClient,
    ToPrinter,
    Transfer,
)
from vprinter_proxy.audit import Trail
from vprinter_proxy.ftp.capture import PROBE, Capture
from vprinter_proxy.ftp.data import Client, DataRelay
from vprinter_proxy.ftp.line import PrinterLine
from vprinter_proxy.printer import Printer
from vprinter_proxy.sessions import Session
from vprinter_proxy.upstream import Troubled

log = structlog.get_logger()

READ = 4096
MAX_UNREADABLE = 20
"""Lines in a row that are no commands: then it is no FTP client, or one that will not come to its senses."""
GOODBYE = 2.0
"""Seconds that a client has to take the last reply."""
_LEAVE = {Allow.VIEW: Leave.LOOK, Allow.FILES: Leave.FILES, Allow.CONTROL: Leave.ALL}


class ControlRelay:
    """One slicer's session with the printer."""

    def __init__(
        self,
        printer: Printer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: ssl.SSLContext,
        rng: random.Random,
    ) -> None:
        self._printer = printer
        self._reader = reader
        self._writer = writer
        self._context = context
        self._rng = rng
        self._address: str = writer.get_extra_info("peername")[0]
        local, self._port = writer.get_extra_info("sockname")
        self._dialogue = Dialogue(lambda: self._told(local), lambda: _LEAVE[printer.spec.relay.allow])
        self._turn = asyncio.Event()
        """Something has happened that the client's next line may have waited for."""
        self._tails = TaskSet("ftp-tails")
        self._data: DataRelay | None = None
        self._capture: Capture | None = None
        self._unreadable = 0

    async def run(self) -> None:
        """Relay until either side ends; then both, and what data is under way, end."""
        printer, task = self._printer, asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        session = printer.monitor.opened("ftps", self._port, self._address, task.cancel)
        reason = "broken off"
        try:
            line = await PrinterLine.open(printer.target, printer.house.settings.proxy.printers.ftps)
            try:
                reason = await self._relay(line, session)
            finally:
                line.close()
        except Troubled as trouble:
            reason = str(trouble)
            printer.troubled("ftps", trouble)
            self._writer.write(ftp.reply(421, reason))
        finally:
            session.close(reason)
            self._settle_capture(keep=False)
            async with AsyncExitStack() as ending:  # each of them, whichever is broken off
                for end in (self._part, self._tails.close, self._drop_data):  # the last one first
                    ending.push_async_callback(end)

    async def _relay(self, line: PrinterLine, session: Session) -> str:
        async with asyncio.TaskGroup() as group:
            sides = [
                group.create_task(self._hear_client(line, session), name="ftps:client"),
                group.create_task(self._hear_printer(line, session), name="ftps:printer"),
            ]
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for side in sides:
                side.cancel()
        return done.pop().result()

    async def _hear_client(self, line: PrinterLine, session: Session) -> str:
        trail = Trail(self._printer, session, asyncio.get_running_loop().time)
        try:
            async for text in _lines(self._reader, ftp.MAX_LINE):
                session.to_target += len(text)
                while not self._dialogue.accepts(text):
                    self._turn.clear()
                    await self._turn.wait()
                if not await self._obey(text, line, session, trail):
                    return "turned away"
        except ftp.FtpSyntaxError as error:
            self._writer.write(ftp.reply(500, f"{error}; closing"))
            return str(error)
        except OSError as error:
            return f"the slicer's connection broke: {error}"
        return "the slicer left"

    async def _hear_printer(self, line: PrinterLine, session: Session) -> str:
        replies = Replies()
        try:
            async for text in _lines(line.reader, READ):
                session.to_client += len(text)
                if (reply := replies.feed(text)) is not None:
                    if session.last_command == "PASS":
                        self._logged_in(reply.code)
                    await self._do(self._dialogue.reply(reply), line, session)
                    self._turn.set()
        except ftp.FtpSyntaxError as error:
            self._writer.write(ftp.reply(421, f"the printer does not speak FTP: {error}"))
            return f"no FTP: {error}"
        except OSError as error:
            return f"a connection broke: {error}"
        return "the printer closed"

    async def _obey(self, text: bytes, line: PrinterLine, session: Session, trail: Trail) -> bool:
        """Do what a line says; False if the client is to go: too many say nothing, or bring wrong codes."""
        try:
            command = ftp.parse_command(text)
            actions = self._dialogue.command(text)
        except ftp.FtpSyntaxError as error:
            self._unreadable += 1
            await self._do([ToClient(ftp.reply(500, str(error)))], line, session)
            return self._unreadable < MAX_UNREADABLE
        self._unreadable = 0
        log.debug("command", printer=self._printer.id, peer=self._address, command=str(command))
        if command.verb == "PASS":
            if (braked := self._printer.house.logins.braked(self._printer.id, self._address)) is not None:
                self._writer.write(ftp.reply(421, f"{braked.reason}; closing"))
                return False
            session.access = match_code(self._printer.spec.access_codes, command.argument.encode())
        session.last_command = command.verb
        self._note(command, trail, refused=isinstance(actions[0], ToClient))
        await self._do(actions, line, session)
        return True

    def _note(self, command: ftp.Command, trail: Trail, *, refused: bool) -> None:
        """Count and tell what changes something at the printer; the slicer's probe does not."""
        if command.verb not in CHANGES or command.argument == PROBE:
            return
        outcome = CommandOutcome.REFUSED if refused else CommandOutcome.PASSED
        self._printer.house.metrics.commands.labels(self._printer.id, command.verb, outcome.value).inc()
        trail.tell(command.verb, command.argument, outcome)

    def _logged_in(self, code: int) -> None:
        """What the printer says to an access code."""
        logins = self._printer.house.logins
        if code < 300:
            logins.succeeded(self._printer.id, self._address)
        elif code >= 500:
            logins.failed(self._printer.id, self._address)

    async def _do(self, actions: Sequence[Action], line: PrinterLine, session: Session) -> None:
        for action in actions:
            match action:
                case ToPrinter(data):
                    line.writer.write(data)
                    await line.writer.drain()
                case ToClient(data):
                    self._writer.write(data)
                    await self._writer.drain()
                case Begin(transfer):
                    self._begin(transfer, session)
                case Connect(port):
                    await self._do(await self._connect(port, line), line, session)
                case End(transfer, succeeded):
                    failure = await self._end(transfer, session, succeeded=succeeded)
                    await self._do(self._dialogue.ended(failure), line, session)

    async def _connect(self, port: int, line: PrinterLine) -> Sequence[Action]:
        """A way to the printer's data port, from a port of ours."""
        await self._drop_data()
        printer = self._printer
        spec = printer.spec
        try:
            target = await line.dial(port)
        except Troubled as trouble:
            printer.troubled("ftps-data", trouble)
            return self._dialogue.not_opened(str(trouble))
        try:
            listening = bind_passive(printer.serving.placement.bind, spec.passive_ports, self._rng)
        except NoFreePort as error:
            target.close()
            log.warning("no_passive_port", printer=spec.id, peer=self._address, error=str(error))
            return self._dialogue.not_opened(f"{error}; try again, or widen the printer's passive_ports")
        watch = printer.house.handshakes.watch(spec.id, "ftps-data")
        client = Client(listening, self._address, self._context, on_handshake=watch, foreign=self._foreign)
        self._data = DataRelay(line, target, client)
        return self._dialogue.opened(client.port)

    def _begin(self, transfer: Transfer, session: Session) -> None:
        """A transfer's command is on its way, so its data may flow."""
        if self._data is None:  # the printer will say so
            return
        spec, house = self._printer.spec, self._printer.house
        if spec.relay.capture and transfer.verb == "STOR":
            self._capture = house.captures.begin(spec, transfer.argument, session)
        self._data.begin(transfer, house.buffer, session, private=self._dialogue.is_private, tap=self._capture)

    async def _end(self, transfer: Transfer, session: Session, *, succeeded: bool) -> str | None:
        """The printer has said its last word on a transfer; why its data is not whole, if it is not."""
        failure = None
        if (data := self._data) is not None:
            failure = await data.end(succeeded=succeeded)
            self._data = None
            self._tails.spawn(data.finish(), "tail")
        self._settle_capture(keep=succeeded and failure is None)
        outcome = "refused" if not succeeded else "passed" if failure is None else "cut_off"
        transfers = self._printer.house.metrics.transfers
        transfers.labels(self._printer.id, transfer.direction.value, outcome).inc()
        if transfer.verb == "STOR" and outcome == "passed":
            self._tell_stored(transfer.argument, session)
        return failure

    def _tell_stored(self, path: str, session: Session) -> None:
        """The printer has a whole file; the slicer's probe is none."""
        name = ftp_files.safe_name(path)
        if name is None or name == PROBE:
            return
        house, access = self._printer.house, session.access
        message = UploadLive(
            upload=new_id(),
            printer=self._printer.id,
            client=session.client,
            owner=access.owner if access else "",
            filename=name,
            phase=UploadPhase.STORED,
        )
        house.tasks.spawn(house.bus.publish(subjects.live_upload(message.printer), message), "upload")

    def _settle_capture(self, *, keep: bool) -> None:
        capture, self._capture = self._capture, None
        if capture is not None:
            self._printer.house.captures.end(capture, keep=keep)

    async def _drop_data(self) -> None:
        data, self._data = self._data, None
        if data is not None:
            await data.close()

    async def _part(self) -> None:
        """End the slicer's side, politely for as long as that takes little."""
        self._writer.close()
        try:
            with suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(GOODBYE):
                    await self._writer.wait_closed()
        finally:
            self._writer.transport.abort()

    def _told(self, local: str) -> IPv4Address:
        """The address in 227."""
        serving = self._printer.serving
        return serving.spec.pasv_address or IPv4Address(serving.placement.address_for(local))

    def _foreign(self, address: str) -> None:
        log.warning("foreign_data_peer", printer=self._printer.id, peer=self._address, foreign=address)


async def _lines(reader: asyncio.StreamReader, limit: int) -> AsyncIterator[bytes]:
    """Lines until the end; raises FtpSyntaxError for one that is too long, OSError if the connection breaks."""
    lines = Lines(limit)
    while data := await reader.read(READ):
        for line in lines.feed(data):
            yield line
