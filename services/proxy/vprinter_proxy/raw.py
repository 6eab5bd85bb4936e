"""Ports that are relayed byte by byte: cameras, the file tunnel, auxiliary ports, and FTPS that is passed through."""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from vprinter_common.catalog import model
from vprinter_common.contracts.printer import AUXILIARY_DATA_PORTS, Allow, FtpRelay, Mode, PortRange
from vprinter_common.fleet.edge import CannotListen, Closable, Listener
from vprinter_common.listen import close_listening, listening_socket
from vprinter_common.runtime.tasks import TaskSet
from vprinter_proxy.endpoint import Endpoint
from vprinter_proxy.printer import Printer
from vprinter_proxy.pump import Pump
from vprinter_proxy.upstream import Troubled, connect, keep_alive

log = structlog.get_logger()

RTSPS = 322
MAX_CONNECTIONS = 256
"""Connections through the raw ports of one printer."""
ACCEPT_PAUSE = 0.1
"""Seconds until connections are accepted again when there was no descriptor for one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Some ports that belong together, each with that of the real printer; `files`: files can be changed through it."""

    name: str
    ports: dict[int, int]
    setting: str
    files: bool


class RawRelay:
    """The raw ports of one printer."""

    def __init__(self, printer: Printer, gates: Sequence[Gate]) -> None:
        self._printer = printer
        self._tasks = TaskSet(f"raw:{printer.id}")
        self._with_files: set[asyncio.Task[None]] = set()
        self.listeners = [self._listener(gate) for gate in gates]

    @classmethod
    async def make(cls, printer: Printer) -> "RawRelay | None":
        """The ports that the printer's mode and relay settings ask for."""
        gates = [*_cameras(printer), *_ftps(printer)]
        return cls(printer, gates) if gates else None

    def spec_changed(self) -> None:
        """Files may be out of reach from now on."""
        if not self._files_allowed:
            for task in self._with_files:
                task.cancel()

    async def close(self) -> None:
        """Break off all connections."""
        await self._tasks.close()

    def take(self, connection: socket.socket, client: str, gate: Gate, port: int) -> None:
        """A slicer has connected."""
        if gate.files and not self._files_allowed:
            self._refuse(connection, client, port, "the printer's policy is view only")
        elif len(self._tasks) >= MAX_CONNECTIONS:
            self._refuse(connection, client, port, f"{MAX_CONNECTIONS} connections are open")
        else:
            task = self._tasks.spawn(self._carry(connection, client, gate, port), gate.name)
            if gate.files:
                self._with_files.add(task)
                task.add_done_callback(self._with_files.discard)

    @property
    def _files_allowed(self) -> bool:
        return self._printer.spec.relay.allow is not Allow.VIEW

    def _refuse(self, connection: socket.socket, client: str, port: int, reason: str) -> None:
        log.warning("connection_refused", printer=self._printer.id, peer=client, port=port, reason=reason)
        Endpoint(connection).reset()

    def _listener(self, gate: Gate) -> Listener:
        async def opened(address: str, _: int) -> Closable:
            return RawServer(self, gate, address)

        return Listener(gate.name, min(gate.ports), opened, gate.setting)

    async def _carry(self, connection: socket.socket, client: str, gate: Gate, port: int) -> None:
        printer, task = self._printer, asyncio.current_task()
        assert task is not None  # noqa: S101 - coroutines run in tasks
        keep_alive(connection)
        client_side = Endpoint(connection)
        session = printer.monitor.opened(gate.name, port, client, task.cancel)
        reason = "broken off"
        try:
            target = await connect(printer.target, gate.ports[port])
            pump = Pump(client_side, Endpoint(target), printer.house.buffer, session)
            await pump.run()
            reason = "closed" if pump.whole else "broken"
        except Troubled as trouble:
            reason = str(trouble)
            printer.troubled(gate.name, trouble)
        finally:
            client_side.reset()  # of no effect on one that is closed
            session.close(reason)


class RawServer:
    """Listens on the ports of a gate; none is open if one cannot be had."""

    def __init__(self, relay: RawRelay, gate: Gate, address: str) -> None:
        self._relay = relay
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._listening: dict[int, socket.socket] = {}
        for port in gate.ports:
            try:
                self._listening[port] = listening_socket(address, port)
            except OSError as error:
                self.close()
                raise CannotListen(error, port) from error
        for port in self._listening:
            self._listen(port)

    def close(self) -> None:
        """Stop accepting."""
        for listening in self._listening.values():
            close_listening(listening)
        self._listening.clear()

    def _listen(self, port: int) -> None:
        if port in self._listening:
            self._loop.add_reader(self._listening[port], self._accept, port)

    def _accept(self, port: int) -> None:
        try:
            connection, (client, *_) = self._listening[port].accept()
        except BlockingIOError:  # it left already
            return
        except OSError as error:
            log.warning("accept_failed", port=port, error=str(error))
            self._loop.remove_reader(self._listening[port])
            self._loop.call_later(ACCEPT_PAUSE, self._listen, port)
            return
        connection.setblocking(False)
        self._relay.take(connection, client, self._gate, port)


def _cameras(printer: Printer) -> Iterator[Gate]:
    spec, ours = printer.spec, printer.house.settings.proxy
    if not spec.relay.camera:
        return
    has_rtsps = model(printer.target.model).camera_port == RTSPS
    if has_rtsps:
        yield Gate("camera", {ours.rtsps_port: ours.printers.rtsps}, "VPRINTER_PROXY__RTSPS_PORT", files=False)
    if not has_rtsps or spec.mode is Mode.PROXY:
        # Where it is not the camera, files are sent through it.
        tunnel = {ours.tunnel_port: ours.printers.tunnel}
        yield Gate("tunnel" if has_rtsps else "camera", tunnel, "VPRINTER_PROXY__TUNNEL_PORT", files=has_rtsps)


def _ftps(printer: Printer) -> Iterator[Gate]:
    spec, ours = printer.spec, printer.house.settings.proxy
    if spec.mode is not Mode.PROXY or spec.relay.ftp is not FtpRelay.PASSTHROUGH:
        return
    yield Gate("ftps", {ours.ftps_port: ours.printers.ftps}, "VPRINTER_PROXY__FTPS_PORT", files=True)
    # The client dials the port that the printer named, which nobody here can read.
    yield Gate("ftps-data", {port: port for port in _each(spec.passive_ports)}, "passive_ports", files=True)
    if model(printer.target.model).camera_port != RTSPS:
        for port in _each(AUXILIARY_DATA_PORTS):
            yield Gate("ftps-data-auxiliary", {port: port}, "relay.ftp", files=True)


def _each(ports: PortRange) -> range:
    return range(ports.low, ports.high + 1)
