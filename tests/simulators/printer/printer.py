"""The simulated printer, put together: on an address of this host, in a thread of its own.

with SimulatedPrinter("127.9.0.20", model="C12", ports=free_printer_ports()) as printer:
    printer.machine.report["bed_temper"] = 60.0
    printer.go_silent()
"""

import asyncio
import secrets
import shutil
import socket
import ssl
import string
import tempfile
import threading
import time
from collections.abc import Callable, Coroutine
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.common.ports import free_port
from tests.simulators.printer import endpoints, ftps
from tests.simulators.printer.broker import Broker, Received, WhenFull
from tests.simulators.printer.identity import identity
from tests.simulators.printer.machine import Machine
from tests.simulators.printer.reports import Json, is_legacy
from tests.simulators.printer.vsftpd import Vsftpd
from vprinter_common import catalog

T = TypeVar("T")

FOLDERS = ("cache", "model", "timelapse", "sdcard")
START_WITHIN = 20.0
PLAIN_RSA = "DEFAULT:AES256-GCM-SHA384:AES128-GCM-SHA256"


class Character(StrEnum):
    """Whose FTPS server it is."""

    VSFTPD = "vsftpd"
    """Debian's real vsftpd, which demands that TLS sessions are resumed, as on X1 and P2S. Needs root."""
    ESP = "esp"
    """P1 and A1: PASV alone, which names 0.0.0.0; data ports 2024 to 2026; no FEAT, EPSV, MLSD, REST; PROT C is fine."""
    LATE = "late"
    """H2D: 226 comes long after the last byte; TLS sessions must be resumed."""


@dataclass(frozen=True, slots=True)
class PrinterPorts:
    """Where a printer listens; the defaults are the real ones, of which 990 and 322 need privileges."""

    detect: int = 3000
    detect_tls: int = 3002
    mqtt: int = 8883
    ftps: int = 990
    tunnel: int = 6000
    """File tunnel, or camera of A1 and P1."""
    rtsps: int = 322
    data: range | None = None
    """Passive ports; None = those of the character."""


DATA_PORTS = {
    Character.ESP: range(2024, 2027),
    Character.LATE: range(50000, 50101),
    Character.VSFTPD: range(50000, 50101),
}


def free_printer_ports(**fixed: Any) -> PrinterPorts:
    """Ports that are free on every address now, so that several printers and proxies can share the numbers."""
    names = ("detect", "detect_tls", "mqtt", "ftps", "tunnel", "rtsps")
    return PrinterPorts(**{**{name: free_port() for name in names}, **fixed})


@dataclass(slots=True)
class Options:
    """How a printer behaves."""

    session_limit: int = 4
    when_full: WhenFull = WhenFull.REFUSE
    period: float = 1.0
    """Seconds between reports."""
    signed: bool = False
    """Commands must be signed, as without developer mode."""
    print_seconds: float = 3.0
    final_delay: float = 2.0
    """Of Character.LATE: seconds before 226."""
    other_addresses: tuple[str, ...] = field(default=())
    """Of further network interfaces, as reports name them."""
    connect: str = "lan"
    bind: str = "free"


class SimulatedPrinter:
    """One printer. Everything may be used from any thread while it runs."""

    def __init__(
        self,
        address: str,
        *,
        model: str = "C12",
        character: Character = Character.ESP,
        serial: str | None = None,
        access_code: str | None = None,
        name: str = "Real Printer",
        ports: PrinterPorts = PrinterPorts(),
        **options: Any,
    ) -> None:
        """`options`: fields of Options."""
        self.model = catalog.model(model)
        self.character = character
        self.address = address
        self.serial = serial or f"{self.model.serial_prefix}{secrets.randbelow(10**9):09d}"
        self.access_code = access_code or "".join(secrets.choice(string.ascii_letters) for _ in range(8))
        self.ports = ports
        self.options = Options(**options)
        self.says = endpoints.Says(
            self.serial, self.model.code, name, self.model.firmware, self.options.connect, self.options.bind
        )
        self.identity = identity(self.serial)
        self.machine = Machine(
            self.model,
            self.serial,
            address,
            self.access_code,
            clock=time.monotonic,
            signed=self.options.signed,
            other_addresses=self.options.other_addresses,
            print_seconds=self.options.print_seconds,
        )
        self.detect_requests: list[bytes] = []
        """Every frame that was sent to the detect ports."""
        self.broker = Broker(self.machine, self.options.session_limit, self.options.when_full, self.options.period)
        self._directory = Path(tempfile.mkdtemp(prefix="printer-"))
        self._directory.chmod(0o711)
        self.root = self._directory / "storage"
        """What is on its card."""
        for folder in FOLDERS:
            (self.root / folder).mkdir(parents=True)
        self._ftp = self._ftp_server()
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._opened = ExitStack()
        self._announcing: asyncio.Task[None] | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Switch it on."""
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.serial, daemon=True)
        self._thread.start()
        try:
            self._do(self._open())
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Switch it off: connections break, nothing is kept."""
        self.power_off()
        self._loop.call_soon_threadsafe(self._loop.stop)
        if self._thread is not None:
            self._thread.join(START_WITHIN)
        self._loop.close()
        shutil.rmtree(self._directory, ignore_errors=True)

    def power_off(self) -> None:
        """Pull the plug; `power_on` brings it back at the same address."""
        self._do(self._close())

    def power_on(self) -> None:
        """After `power_off`."""
        self._do(self._open())

    def move(self, address: str) -> None:
        """The router has given it another address."""
        self.power_off()
        self.address = address
        self.machine.moved(address)
        self.power_on()

    def change_certificate(self) -> None:
        """Show another certificate of the same name from now on, as after a repair. Connections break."""
        self.power_off()
        self.identity = identity(self.serial)
        self.power_on()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- what it is told to do -----------------------------------------------------------------------------------

    def go_silent(self) -> None:
        """Keep its connections and say nothing more."""
        self._be_silent(True)

    def speak(self) -> None:
        """End of `go_silent`."""
        self._be_silent(False)

    def _be_silent(self, silent: bool) -> None:
        """In its own thread, so that an answer is never half given."""

        def be() -> None:
            self.broker.silent = silent

        self._call(be)

    def refuse_sessions(self, refuse: bool = True) -> None:
        """Let no further MQTT session in."""
        self.broker.refusing = refuse

    def drop_sessions(self) -> None:
        """Cut all MQTT sessions off."""

        def drop() -> None:
            for session in list(self.broker.sessions):
                session.protocol.abort()

        self._call(drop)

    def push(self, fields: Json) -> None:
        """Send a partial push_status of exactly these fields."""
        self._call(lambda: self.broker.publish(self.machine.part(fields)))

    def push_all(self) -> None:
        """Send a full push_status unasked."""
        self._call(lambda: self.broker.publish(self.machine.full()))

    def say(self, report: Json) -> None:
        """Send any message on the report topic."""
        self._call(lambda: self.broker.publish(report))

    def announce(self, destination: str, port: int, *, location: str | None = None) -> None:
        """Send one announcement."""
        datagram = endpoints.notify(self.says, location or self.address, legacy=is_legacy(self.model))
        endpoints.send_datagram(datagram, self.address, (destination, port))

    def say_byebye(self, destination: str, port: int) -> None:
        """Say goodbye."""
        endpoints.send_datagram(endpoints.byebye(self.says), self.address, (destination, port))

    def keep_announcing(self, destination: str, port: int, every: float = 5.0) -> None:
        """Announce it again and again until it is switched off."""

        async def announce() -> None:
            while True:
                self.announce(destination, port)
                await asyncio.sleep(every)

        def begin() -> None:
            if self._announcing is not None:
                self._announcing.cancel()
            self._announcing = self._loop.create_task(announce())

        self._call(begin)

    # -- what it has seen ----------------------------------------------------------------------------------------

    @property
    def received(self) -> list[Received]:
        """Every MQTT message so far."""
        return list(self.broker.received)

    @property
    def commands(self) -> list[str]:
        """`print.pause` and so on, in order."""
        return [each.command for each in self.received]

    @property
    def sessions(self) -> list[str]:
        """Client ids of the MQTT sessions that are open."""
        return [each.client for each in self.broker.sessions]

    @property
    def ftp_commands(self) -> list[str]:
        """What its FTPS server was told; unknown of vsftpd."""
        return list(self._ftp.commands) if isinstance(self._ftp, ftps.FtpServer) else []

    @property
    def ftp(self) -> ftps.FtpServer:
        """Its own FTPS server, to change its manner."""
        assert isinstance(self._ftp, ftps.FtpServer), "vsftpd has manners of its own"
        return self._ftp

    def wait_for(self, condition: Callable[[], object], what: str, timeout: float = 10.0) -> None:
        """Wait until something is so; AssertionError says what was not."""
        until = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < until, f"{what}: not within {timeout:g} s"
            time.sleep(0.02)

    # -- inside --------------------------------------------------------------------------------------------------

    def _ftp_server(self) -> ftps.FtpServer | Vsftpd:
        data = self.ports.data or DATA_PORTS[self.character]
        if self.character is Character.VSFTPD:
            return Vsftpd(self._directory / "vsftpd", self.root, self.access_code, data)
        manner = ftps.ESP
        if self.character is Character.LATE:
            manner = replace(ftps.LATE, delay=self.options.final_delay)
        return ftps.FtpServer(self.root, self.access_code, manner, data)

    async def _open(self) -> None:
        context = self._context()
        says, log, at, ports = self.says, self.detect_requests, self.address, self.ports
        plug = endpoints.Plug()
        self._opened.callback(plug.pull)

        async def serve(make: Callable[[], asyncio.Protocol], port: int, tls: ssl.SSLContext | None) -> None:
            server = await self._loop.create_server(lambda: plug.powers(make()), at, port, ssl=tls)
            self._opened.callback(server.close)

        await serve(lambda: endpoints.Detect(says, log), ports.detect, None)
        await serve(lambda: endpoints.Detect(says, log), ports.detect_tls, context)
        await serve(self.broker.new, ports.mqtt, context)
        for port in self._raw_ports():
            await serve(lambda: endpoints.Camera(self.serial), port, context)
        pushing = self._loop.create_task(self.broker.keep_pushing())
        self._opened.callback(pushing.cancel)
        if isinstance(self._ftp, Vsftpd):
            await asyncio.to_thread(self._ftp.start, at, ports.ftps, self.identity)
            await asyncio.to_thread(self._await_listening)
        else:
            self._ftp.show(context)
            self._ftp.start(socket.create_server((at, ports.ftps)))

    def _raw_ports(self) -> tuple[int, ...]:
        """Camera and file tunnel: A1 and P1 have the former on the latter's port."""
        return (self.ports.tunnel,) if is_legacy(self.model) else (self.ports.tunnel, self.ports.rtsps)

    async def _close(self) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        for session in list(self.broker.sessions):
            session.protocol.abort()
        self._opened.close()
        await asyncio.to_thread(self._ftp.stop)
        await asyncio.sleep(0)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(PLAIN_RSA)
        chain, key = self._directory / "chain.pem", self._directory / "key.pem"
        chain.write_text(self.identity.chain_pem)
        key.write_text(self.identity.key_pem)
        context.load_cert_chain(chain, key)
        return context

    def _await_listening(self) -> None:
        until = time.monotonic() + START_WITHIN
        while True:
            try:
                with closing(socket.create_connection((self.address, self.ports.ftps), 1)):
                    return
            except OSError:
                assert time.monotonic() < until, "vsftpd does not listen"
                time.sleep(0.02)

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_WITHIN)

    def _call(self, work: Callable[[], None]) -> None:
        async def run() -> None:
            work()

        self._do(run())
