"""The ports of the system, as the settings have them: what tables, firewalls and compose files are made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from vprinter_cli.output import table as columns
from vprinter_cli.settings import Settings
from vprinter_common.contracts.printer import AUXILIARY_DATA_PORTS, DEFAULT_PASSIVE_PORTS
from vprinter_common.runtime.settings import ADMIN_PORTS

FTPS = 990
"""Where slicers look for FTPS, whatever we listen on."""
FTPS_UNPRIVILEGED = 9990


class Reach(StrEnum):
    """Who has to get through to a port."""

    LAN = "lan"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Port:
    """A port, or a range of ports. `published`: where the rest of the world sees it, if it is another one."""

    low: int
    high: int
    protocol: str
    use: str
    setting: str
    reach: Reach = Reach.LAN
    published: int | None = None

    def span(self, joint: str) -> str:
        """`990`, or the range with this between its ends."""
        return str(self.low) if self.low == self.high else f"{self.low}{joint}{self.high}"


def ports(settings: Settings) -> Iterator[Port]:
    """All that the settings name; a port of 0 is a free one that nobody can know beforehand."""
    discovery = settings.discovery
    yield _one(discovery.ssdp_port, "slicers find the printer", "VPRINTER_DISCOVERY__SSDP_PORT", "udp")
    yield _one(discovery.detect_port, "slicers bind it", "VPRINTER_DISCOVERY__DETECT_PORT")
    yield _one(discovery.detect_tls_port, "the same in TLS", "VPRINTER_DISCOVERY__DETECT_TLS_PORT")
    yield _one(settings.mqtt.port, "commands and reports (MQTT in TLS)", "VPRINTER_MQTT__PORT")
    ftps = settings.ftps.port
    yield Port(
        ftps, ftps, "tcp", "uploads (FTPS)", "VPRINTER_FTPS__PORT", published=FTPS if ftps not in (0, FTPS) else None
    )
    low, high = DEFAULT_PASSIVE_PORTS.low, DEFAULT_PASSIVE_PORTS.high
    yield Port(low, high, "tcp", "uploads, data connections", "passive_ports of each printer")
    proxy = settings.proxy
    yield _one(proxy.rtsps_port, "camera of a real printer", "VPRINTER_PROXY__RTSPS_PORT")
    yield _one(proxy.tunnel_port, "file tunnel, or camera, of a real printer", "VPRINTER_PROXY__TUNNEL_PORT")
    low, high = AUXILIARY_DATA_PORTS.low, AUXILIARY_DATA_PORTS.high
    yield Port(low, high, "tcp", "further data connections of a real A1 or P1", "relay.ftp of each printer")
    yield _one(settings.control.port, "page and API", "VPRINTER_CONTROL__PORT")
    nats, base = settings.up.nats_port, settings.up.admin_port_base
    yield Port(nats, nats, "tcp", "NATS, on this host only", "VPRINTER_UP__NATS_PORT", Reach.HOST)
    highest = base + len(ADMIN_PORTS) - 1 if base else 0
    use, setting = "metrics and health, on this host only", "VPRINTER_UP__ADMIN_PORT_BASE"
    yield Port(base, highest, "tcp", use, setting, Reach.HOST)


def table(settings: Settings) -> str:
    """For people."""
    rows = [(f"{one.span('-')}/{one.protocol}" if one.low else "free", one.use, one.setting) for one in ports(settings)]
    return columns(("port", "for", "setting"), rows) + "\n"


def _one(number: int, use: str, setting: str, protocol: str = "tcp") -> Port:
    return Port(number, number, protocol, use, setting)
