"""NATS and one of our services with printers, on a loopback network of its own."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from prometheus_client import CollectorRegistry

from benchmarks.measure.program import as_installed
from tests.common.printers import CODE, as_certificate, certificate, virtual_printer
from tests.system.harness import accepts
from tests.system.ports import Ports, free_ports, loopback_network
from tests.system.processes import NATS, Separate, wait_for
from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.runtime.logging import configure_logging
from vprinter_common.runtime.settings import LogSettings, NatsSettings


@dataclass(frozen=True, slots=True)
class House:
    """Our service at work."""

    pid: int
    nats_pid: int
    data: Path
    printers: tuple[VirtualPrinter, ...]
    port: int
    code: str = CODE

    @property
    def addresses(self) -> list[str]:
        """Where the printers are."""
        return [str(printer.bind.address) for printer in self.printers]


@dataclass(frozen=True, slots=True)
class Keys:
    """One printer's certificate, as files for the peers too."""

    chain: Path
    key: Path
    fields: dict[str, str]


def serial(number: int) -> str:
    """Serial number of one of many printers."""
    return f"00M00A1234{number:05}"


def make_keys(directory: Path) -> Keys:
    """A certificate of the kind that printers have, for all that are compared."""
    _ca, leaf = certificate(directory / "ca")
    chain, key = directory / "chain.pem", directory / "key.pem"
    chain.write_text(leaf.chain_pem)
    key.write_text(leaf.key_pem)
    return Keys(chain, key, as_certificate(leaf))


@contextmanager
def house(
    service: str,
    directory: Path,
    keys: Keys,
    printers: int = 1,
    *,
    settings: Mapping[str, str] = MappingProxyType({}),
    differ: Callable[[int], Mapping[str, Any]] = lambda _: {},
) -> Iterator[House]:
    """Run a service that serves so many printers, each on an address of its own.

    `settings`: further environment variables; `differ`: what is special about the printer of this number, from 1.
    """
    ports, network, data = free_ports(), loopback_network(), directory / "data"
    environ = {
        "VPRINTER_DATA_DIR": str(data),
        "VPRINTER_NODE": "benchmark",
        f"ADMIN_PORT_{service}": str(ports.admin[service]),
        **ports.environ(),
        **settings,
    }
    common = {"certificate": keys.fields}
    specs = tuple(
        virtual_printer(
            f"{network}.{number}", **{"id": f"p{number}", "serial": serial(number)} | common | dict(differ(number))
        )
        for number in range(1, printers + 1)
    )
    port = {"ftps": ports.ftps, "mqtt": ports.mqtt, "proxy": ports.ftps}[service]
    processes = Separate(environ, directory / "logs", data, ports.nats, python=as_installed(service))
    try:
        processes.start_one(NATS)
        wait_for(lambda: accepts("127.0.0.1", ports.nats), "NATS listens")
        asyncio.run(_wish_for(specs, ports))
        processes.start_one(service)
        for spec in specs:
            wait_for(lambda spec=spec: accepts(str(spec.bind.address), port), f"{spec.id} listens", 60)  # type: ignore[misc]
        pid, nats_pid = processes.pid(service), processes.pid(NATS)
        assert pid is not None, f"{service} ended"
        assert nats_pid is not None, "NATS ended"
        yield House(pid, nats_pid, data, specs, port)
    finally:
        for name in (service, NATS):
            if processes.pid(name) is not None:
                processes.stop_one(name)


async def _wish_for(specs: tuple[VirtualPrinter, ...], ports: Ports) -> None:
    """Write the desired state, as control does."""
    configure_logging(LogSettings(level="warning", format="console"), "benchmark")
    async with Bus(NatsSettings(url=f"nats://127.0.0.1:{ports.nats}"), "benchmark", CollectorRegistry()) as bus:
        await bus.wait_connected()
        for spec in specs:
            await bus.put(subjects.PRINTERS, spec.id, spec)
