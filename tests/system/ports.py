"""Free ports and loopback networks of a system's own, so that several systems run on one machine at the same time."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from tests.common.ports import END, claim, is_free

FIRST, LAST = END, 32_000
"""Between the single ports of tests and the ephemeral range."""
ADMIN_ORDER = ("discovery", "ftps", "mqtt", "proxy", "control")


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of one system, all in a row."""

    base: int

    COUNT = 64
    PASSIVE = 40

    @property
    def ssdp(self) -> int:
        return self.base

    @property
    def detect(self) -> int:
        return self.base + 1

    @property
    def detect_tls(self) -> int:
        return self.base + 2

    @property
    def mqtt(self) -> int:
        return self.base + 3

    @property
    def ftps(self) -> int:
        return self.base + 4

    @property
    def control(self) -> int:
        return self.base + 5

    @property
    def nats(self) -> int:
        return self.base + 6

    @property
    def rtsps(self) -> int:
        return self.base + 14

    @property
    def tunnel(self) -> int:
        return self.base + 15

    @property
    def admin(self) -> Mapping[str, int]:
        """Metrics and health of each service."""
        return {service: self.base + 8 + offset for offset, service in enumerate(ADMIN_ORDER)}

    @property
    def passive(self) -> tuple[int, int]:
        """Range for FTP data; printers have addresses of their own and can all have the same one."""
        return self.base + self.COUNT - self.PASSIVE, self.base + self.COUNT - 1

    def environ(self) -> dict[str, str]:
        """The same as settings of the services and of `vprinter up`."""
        settings = {
            "DISCOVERY__SSDP_PORT": self.ssdp,
            "DISCOVERY__DETECT_PORT": self.detect,
            "DISCOVERY__DETECT_TLS_PORT": self.detect_tls,
            "MQTT__PORT": self.mqtt,
            "FTPS__PORT": self.ftps,
            "PROXY__MQTT_PORT": self.mqtt,
            "PROXY__FTPS_PORT": self.ftps,
            "PROXY__RTSPS_PORT": self.rtsps,
            "PROXY__TUNNEL_PORT": self.tunnel,
            "CONTROL__PORT": self.control,
            # Real printers have the same ports, on addresses of their own.
            "PROXY__PRINTERS__DETECT": self.detect,
            "PROXY__PRINTERS__DETECT_TLS": self.detect_tls,
            "PROXY__PRINTERS__MQTT": self.mqtt,
            "PROXY__PRINTERS__FTPS": self.ftps,
            "PROXY__PRINTERS__RTSPS": self.rtsps,
            "PROXY__PRINTERS__TUNNEL": self.tunnel,
            "DOCTOR__SSDP_PORT": self.ssdp,
            "DOCTOR__DETECT_PORT": self.detect,
            "DOCTOR__DETECT_TLS_PORT": self.detect_tls,
            "DOCTOR__MQTT_PORT": self.mqtt,
            "DOCTOR__FTPS_PORT": self.ftps,
            "UP__NATS_PORT": self.nats,
            "UP__ADMIN_PORT_BASE": self.admin[ADMIN_ORDER[0]],
        }
        return {f"VPRINTER_{name}": str(port) for name, port in settings.items()}


def free_ports() -> Ports:
    """A row of ports of which all are free, on every address, and that no other test is given while this process runs."""
    for _ in range(1_000):
        ports = Ports(random.randrange(FIRST, LAST - Ports.COUNT, Ports.COUNT))
        # What one process has probed, and its system has not bound yet, looks free to another.
        if claim(f"row-{ports.base}") and all(is_free(ports.base + offset) for offset in range(Ports.COUNT)):
            return ports
    raise OSError(f"no {Ports.COUNT} free ports in a row between {FIRST} and {LAST}")


def loopback_network() -> str:
    """The first three numbers of a random loopback network, "127.a.b"; the next few of b are free to use as well."""
    return f"127.{random.randrange(1, 255)}.{random.randrange(1, 200)}"
