"""The services as programs: the environment each gets."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vprinter_cli.child import Program
from vprinter_common.runtime.settings import ADMIN_PORTS


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """What a service needs to reach the NATS server that `vprinter up` runs."""

    url: str
    user: str
    password: str

    def environ(self) -> dict[str, str]:
        """The same as settings."""
        return {
            "VPRINTER_NATS__URL": self.url,
            "VPRINTER_NATS__USER": self.user,
            "VPRINTER_NATS__PASSWORD": self.password,
        }


def admin_ports(base: int) -> dict[str, int]:
    """The admin port of each service: in a row from `base`, or free ones for 0."""
    if base:
        return {service: base + offset for offset, service in enumerate(ADMIN_PORTS)}
    probes = [socket.socket() for _ in ADMIN_PORTS]  # all at once, so that no port comes twice
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return {service: probe.getsockname()[1] for service, probe in zip(ADMIN_PORTS, probes, strict=True)}
    finally:
        for probe in probes:
            probe.close()


def programs(
    data_dir: Path, nats: NatsAccess | None, ports: Mapping[str, int], environ: Mapping[str, str]
) -> list[Program]:
    """One program per service. What the user set passes through; without `nats`, so does where NATS is."""
    common = {
        "VPRINTER_LOG__FORMAT": "console",
        **environ,
        "VPRINTER_DATA_DIR": str(data_dir),
        **(nats.environ() if nats else {}),
    }
    return [
        Program(
            service,
            (sys.executable, "-m", f"vprinter_{service}"),
            {**common, "VPRINTER_ADMIN__PORT": str(port)},
        )
        for service, port in ports.items()
    ]
