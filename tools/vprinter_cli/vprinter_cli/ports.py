"""`vprinter ports`: what must get through a firewall."""

from vprinter_cli.settings import Settings
from vprinter_common.contracts.printer import DEFAULT_PASSIVE_PORTS
from vprinter_common.runtime.settings import ADMIN_PORTS


def table(settings: Settings) -> str:
    """The ports as the settings have them."""
    low, high = DEFAULT_PASSIVE_PORTS.low, DEFAULT_PASSIVE_PORTS.high
    rows = [
        ("PORT", "FOR", "SETTING"),
        (f"{settings.discovery.ssdp_port}/udp", "slicers find the printer", "VPRINTER_DISCOVERY__SSDP_PORT"),
        (f"{settings.discovery.detect_port}/tcp", "slicers bind it", "VPRINTER_DISCOVERY__DETECT_PORT"),
        (f"{settings.discovery.detect_tls_port}/tcp", "the same in TLS", "VPRINTER_DISCOVERY__DETECT_TLS_PORT"),
        (f"{settings.mqtt.port}/tcp", "commands and reports (MQTT in TLS)", "VPRINTER_MQTT__PORT"),
        (f"{settings.ftps.port}/tcp", "uploads (FTPS)", "VPRINTER_FTPS__PORT"),
        (f"{low}-{high}/tcp", "uploads, data connections", "passive_ports of each printer"),
        (f"{settings.control.port}/tcp", "page and API", "VPRINTER_CONTROL__PORT"),
    ]
    base = settings.up.admin_port_base
    admin = f"{base}-{base + len(ADMIN_PORTS) - 1}/tcp" if base else "free"
    nats = f"{settings.up.nats_port}/tcp" if settings.up.nats_port else "free"
    rows += [
        (nats, "NATS, on this host only", "VPRINTER_UP__NATS_PORT"),
        (admin, "metrics and health, on this host only", "VPRINTER_UP__ADMIN_PORT_BASE"),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "".join(f"{port:<{widths[0]}}  {use:<{widths[1]}}  {setting}\n" for port, use, setting in rows)
