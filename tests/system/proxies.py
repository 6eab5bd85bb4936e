"""Proxies of a running system, with simulated printers behind them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.simulators.printer.identity import device_ca_pem
from tests.simulators.printer.printer import Character, PrinterPorts, SimulatedPrinter
from tests.simulators.profiles import ORCA, Profile
from tests.simulators.slicer import Slicer
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

MODELS = {Character.ESP: "P1S", Character.VSFTPD: "X1C", Character.LATE: "H2D"}
"""A model that has each kind of FTPS server."""
ELSEWHERE_TAKEN = "ftps-data-auxiliary"
"""2024 to 2026 cannot be moved, and something on this machine may have one of them on every address."""


@dataclass(frozen=True, slots=True)
class Proxy:
    """A virtual printer in proxy mode, and the real one behind it."""

    system: System
    printer: Printer
    real: SimulatedPrinter
    ca_pem: str
    """The CAs that slicers trust: this system's, and the printers' maker's."""

    def slicer(self, profile: Profile = ORCA, **more: Any) -> Slicer:
        """A slicer on a computer of its own."""
        return self.system.slicer(self.printer, profile, ca_pem=self.ca_pem, real=True, **more)

    def connected(self, profile: Profile = ORCA, **more: Any) -> Slicer:
        """A slicer that has added the proxy and is ready."""
        slicer = self.slicer(profile, **more)
        slicer.add()
        slicer.connect()
        return slicer


@contextmanager
def real_printer(
    system: System,
    character: Character = Character.ESP,
    *,
    address: str | None = None,
    data: range | None = None,
    **options: Any,
) -> Iterator[SimulatedPrinter]:
    """A printer with the ports that this system looks for real ones at, and data ports that a proxy can have too."""
    ports = system.ports
    fixed = PrinterPorts(
        ports.detect,
        ports.detect_tls,
        ports.mqtt,
        ports.ftps,
        ports.tunnel,
        ports.rtsps,
        data or range(*ports.passive),
    )
    with SimulatedPrinter(
        address or system.fresh_address(),
        **({"model": MODELS[character], "period": 0.3, "final_delay": 0.5} | options),  # type: ignore[arg-type]
        character=character,
        access_code=system.new_code(),
        ports=fixed,
    ) as printer:
        yield printer


def behind(system: System, real: SimulatedPrinter, **more: Any) -> Proxy:
    """A proxy in front of a printer, made as a user does, once slicers can reach it."""
    known = system.api.post("printers", {"host": real.address, "access_code": real.access_code})
    body = {
        "name": "Relay",
        "mode": "proxy",
        "enabled": True,
        "target": known["id"],
        "bind": {"address": system.fresh_address()},
        "passive_ports": list(system.ports.passive),
        **more,
    }
    made = system.api.post("virtual-printers", body)
    found = Printer(made["id"], made["serial"], body["bind"]["address"], real.access_code, made["model"])
    await_served(system, found)
    return Proxy(system, found, real, system.ca_pem() + device_ca_pem())


def await_served(system: System, printer: Printer, timeout: float = 30.0) -> None:
    """Wait until discovery and proxy say that they serve the printer as it is wanted now."""
    wanted_revision = system.api.get(f"virtual-printers/{printer.id}")["revision"]

    def serves(service: str) -> bool:
        status = system.status(printer, service)
        if status is None or status["revision"] != wanted_revision:
            return False
        wanted = [each for each in status["listeners"] if each["name"] != ELSEWHERE_TAKEN]
        return bool(wanted) and all(each["state"] == "open" for each in wanted)

    for service in ("discovery", "proxy"):
        wait_for(partial(serves, service), f"{service} serves {printer.address}", timeout)
