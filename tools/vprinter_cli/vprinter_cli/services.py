"""The services as programs: the environment each gets."""

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from vprinter_cli.child import Program
from vprinter_cli.nats_server import HOST, USER
from vprinter_cli.settings import Settings
from vprinter_common.runtime.settings import ADMIN_PORTS, NatsSettings


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

    def settings(self) -> NatsSettings:
        """The same for a client in this process."""
        return NatsSettings(url=self.url, user=self.user, password=SecretStr(self.password))


def local_nats(settings: Settings) -> NatsAccess | None:
    """How to reach the NATS that `vprinter up` runs for this data directory; None if another is named, or none has run."""
    password = settings.data_dir / "nats" / "password"
    try:
        known = "" if settings.external_nats else password.read_text(encoding="ascii").strip()
    except OSError:
        return None
    return NatsAccess(f"nats://{HOST}:{settings.up.nats_port}", USER, known) if known else None


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
