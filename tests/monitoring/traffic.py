"""What happens at a printer in an hour, in a minute: files of all kinds, mistakes, and strangers."""

import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass

from tests.faults.attacks import connect, connect_tls, finish, send
from tests.simulators import threemf
from tests.simulators.gates import Blocked
from tests.simulators.mqtt import Link
from tests.simulators.profiles import ORCA_CLEARTEXT, STUDIO_27, Profile
from tests.simulators.slicer import USER
from tests.system.harness import Printer, System

PAUSE = b'{"print": {"sequence_id": "2", "command": "pause"}}'
SEARCH = b'M-SEARCH * HTTP/1.1\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n'


@dataclass(slots=True)
class Traffic:
    """Slicers at three printers, and who else is on the network."""

    system: System
    printers: dict[str, Printer]
    """By mode."""
    relayed: Printer
    """A proxy that lets files pass and no commands; its code is the real printer's."""
    another_ca: str
    hours: int = 0

    def hour(self) -> None:
        """One of everything."""
        self.hours += 1
        for mode, profile in (("immediate", STUDIO_27), ("review", ORCA_CLEARTEXT), ("queue", STUDIO_27)):
            self._print(self.printers[mode], profile, threemf.sliced(seed=self.hours, padding=200_000))
        printer = self.printers["immediate"]
        self._download(printer)
        self._refused(printer, b"")
        self._refused(printer, b"no container")
        self._broken_off(printer)
        self._wrong_code(printer)
        self._untrusting(printer)
        self._strangers(printer)
        self._page()
        self._relay()

    def _print(self, printer: Printer, profile: Profile, content: bytes) -> None:
        with self.system.slicer(printer, profile) as slicer:
            slicer.add()
            slicer.connect()
            slicer.print("plate.gcode.3mf", content)

    def _refused(self, printer: Printer, content: bytes) -> None:
        with self.system.slicer(printer, STUDIO_27) as slicer, suppress(Blocked):
            slicer.add()
            slicer.connect()
            slicer.upload("broken.gcode.3mf", content)

    def _broken_off(self, printer: Printer) -> None:
        with self.system.slicer(printer, STUDIO_27) as slicer:
            slicer.add()
            with slicer.ftps() as session:
                session.login(USER, printer.code)
                session.begin_store("half.gcode.3mf")
                session.write(b"PK\3\4" + bytes(1000))
                session.abandon_data()

    def _download(self, printer: Printer) -> None:
        source = self.system.fresh_address()
        with self.system.slicer(printer, ORCA_CLEARTEXT, source=source) as slicer:
            slicer.add()
            with slicer.ftps() as session:
                session.login(USER, printer.code)
                session.command("PROT C", 200)
                port = int(session.command("EPSV", 229).text.split("|")[3])
                with connect(source, printer.address, port) as data:
                    session.command("LIST", 150)
                    while data.recv(65536):
                        pass
                session.reply()

    def _wrong_code(self, printer: Printer) -> None:
        for code in ("wrong001", "wrong002", "wrong003"):
            with self.system.slicer(printer, STUDIO_27, access_code=code) as slicer, suppress(Blocked):
                slicer.add()
                slicer.connect()

    def _untrusting(self, printer: Printer) -> None:
        for _ in range(2):
            with self.system.slicer(printer, STUDIO_27, ca_pem=self.another_ca) as slicer, suppress(Blocked):
                slicer.add()
                slicer.connect()

    def _strangers(self, printer: Printer) -> None:
        place, source = self.system.place(printer), self.system.fresh_address()
        for port in (place.detect, place.detect_tls, place.mqtt, place.ftps):
            with connect(source, printer.address, port) as scanner:
                send(scanner, b"GET / HTTP/1.1\r\n\r\n")
                finish(scanner)
        with connect_tls(source, printer.address, place.mqtt) as scanner, suppress(OSError, ssl.SSLError):
            send(scanner, b"GET / HTTP/1.1\r\n\r\n")
            scanner.recv(1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as searcher:
            searcher.bind((source, 0))
            searcher.sendto(SEARCH, (printer.address, self.system.ports.ssdp))

    def _relay(self) -> None:
        printer, place = self.relayed, self.system.place(self.relayed)
        with self.system.slicer(printer, STUDIO_27) as slicer:
            slicer.add()
            with slicer.ftps() as session:
                session.login(USER, printer.code)
                session.store("relayed.gcode.3mf", threemf.sliced(padding=200_000))
                session.quit()
        link = Link(place.address, place.mqtt, ca_pem=self.system.ca_pem(), serial=printer.serial)
        try:
            link.connect("studio_client_id:1", USER, printer.code)
            link.subscribe(f"device/{printer.serial}/report")
            for request in (b'{"pushing": {"sequence_id": "1", "command": "pushall"}}', PAUSE):
                link.publish(f"device/{printer.serial}/request", request)
            link.wait_for(lambda got: got.topic.endswith("/report") or None, "a report of the real printer")
        finally:
            link.close()

    def to_nobody(self) -> None:
        """A slicer at the proxy, whose real printer is switched off."""
        place = self.system.place(self.relayed)
        with (
            suppress(OSError, ssl.SSLError),
            connect_tls(self.system.fresh_address(), place.address, place.ftps) as slicer,
        ):
            slicer.recv(1)

    def _page(self) -> None:
        for path in ("archive", "pending", "queue", "virtual-printers"):
            self.system.api.get(path)
