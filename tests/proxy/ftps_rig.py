"""A proxy in front of a simulated printer, as a slicer's FTPS finds it; and clients for it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from prometheus_client import CollectorRegistry

from tests.common.printers import as_certificate, certificate, virtual_printer
from tests.ftps.client import ImplicitFtp, RawClient, client_context
from tests.proxy.rig import Rig, serving
from tests.simulators.printer.printer import Character, SimulatedPrinter, free_printer_ports
from tests.system.ports import loopback_network
from vprinter_common.contracts.printer import VirtualPrinter

NETWORK = loopback_network()
PROXY, PRINTER = f"{NETWORK}.3", f"{NETWORK}.4"
CODE = "Sesame42"
PRINTERS_OWN = {"low": 50000, "high": 50100}
T = TypeVar("T")


@dataclass(slots=True)
class House:
    """A proxy, the printer behind it, and what a slicer needs to reach it."""

    rig: Rig
    printer: SimulatedPrinter
    ca_file: Path
    port: int

    @property
    def url(self) -> str:
        return f"ftps://bblp:{CODE}@{self.printer.serial}:{self.port}"

    async def talk(self, conversation: Callable[[RawClient], T]) -> T:
        """Hold a conversation in a thread, logged in, with PROT P."""

        def talk() -> T:
            with RawClient(self.port, self.ca_file, PROXY) as client:
                return conversation(client.login(CODE))

        return await asyncio.to_thread(talk)

    async def ftplib(self, conversation: Callable[[ImplicitFtp], T], *, resume: bool = True, epsv: bool = True) -> T:
        """The same with the standard library's client."""

        def talk() -> T:
            with ImplicitFtp(client_context(self.ca_file), resume=resume) as client:
                client.use_epsv = epsv
                client.connect(PROXY, self.port)
                client.login("bblp", CODE)
                client.prot_p()
                return conversation(client)

        return await asyncio.to_thread(talk)

    async def curl(self, *arguments: str) -> bytes:
        """What curl prints; it must succeed."""
        code, out, error = await self.try_curl(*arguments)
        assert code == 0, error
        return out

    async def try_curl(self, *arguments: str) -> tuple[int, bytes, str]:
        """curl's exit status, what it prints, and what it says."""
        process = await asyncio.create_subprocess_exec(
            *("curl", "-sS", "--cacert", str(self.ca_file), "--resolve", f"{self.printer.serial}:{self.port}:{PROXY}"),
            *arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            out, error = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return process.returncode or 0, out, error.decode()

    def stored(self, name: str) -> bytes:
        """A file on the printer's card."""
        return (self.printer.root / name).read_bytes()


@asynccontextmanager
async def house(
    directory: Path, character: Character = Character.ESP, *, relay: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[House]:
    """A proxy in front of a printer of that character."""
    ports = free_printer_ports()
    printer = SimulatedPrinter(PRINTER, character=character, access_code=CODE, ports=ports, **options)
    await asyncio.to_thread(printer.start)
    try:
        spec = proxy_for(printer, directory, relay or {})
        own = free_printer_ports().ftps
        async with serving(
            spec,
            CollectorRegistry(),
            directory / "data",
            ftps_port=own,
            tunnel_port=ports.tunnel,
            rtsps_port=ports.rtsps,
            printers={"ftps": ports.ftps, "tunnel": ports.tunnel, "rtsps": ports.rtsps},
        ) as rig:
            yield House(rig, printer, directory / "ca" / "bbl_ca.crt", own)
    finally:
        await asyncio.to_thread(printer.stop)


def proxy_for(printer: SimulatedPrinter, directory: Path, relay: dict[str, Any]) -> VirtualPrinter:
    """As control would publish it."""
    _, leaf = certificate(directory / "ca", printer.serial)
    target = {
        "id": "r1",
        "host": printer.address,
        "serial": printer.serial,
        "model": printer.model.code,
        "access_code": printer.access_code,
        "fingerprint": printer.identity.fingerprint,
    }
    return virtual_printer(
        PROXY,
        mode="proxy",
        model=printer.model.code,
        serial=printer.serial,
        target=target,
        relay=relay,
        passive_ports=PRINTERS_OWN if relay.get("ftp") == "passthrough" else {"low": 20000, "high": 20999},
        certificate=as_certificate(leaf),
    )
