"""What a slicer makes of the printers' announcements on UDP 2021."""

import socket
import time
from dataclasses import dataclass
from typing import Self

from tests.simulators.gates import Blocked, Gate

# Header -> key of the JSON that the network plugin hands to the slicer. A missing one drops the whole datagram.
REQUIRED = {
    "devname.bambu.com": "dev_name",
    "usn": "dev_id",
    "location": "dev_ip",
    "devmodel.bambu.com": "dev_type",
    "devconnect.bambu.com": "connect_type",
    "devbind.bambu.com": "bind_state",
}
OPTIONAL = {
    "devsignal.bambu.com": "dev_signal",
    "devseclink.bambu.com": "sec_link",
    "devversion.bambu.com": "ssdp_version",
    "devinf.bambu.com": "connection_name",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """A printer as the slicer's list shows it."""

    name: str
    serial: str
    address: str
    model: str
    version: str
    source: tuple[str, int]


class Ear:
    """Listens where slicers listen; several may share the port, as slicers on one host do."""

    def __init__(self, address: str, port: int) -> None:
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._sock.bind((address, port))

    def close(self) -> None:
        """Stop listening."""
        self._sock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def hear(self, serial: str, timeout: float = 12.0) -> Heard:
        """The next announcement of a printer that can be selected; Blocked when none comes in time."""
        last = "no datagram at all"
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            self._sock.settimeout(left)
            try:
                data, source = self._sock.recvfrom(65535)
            except TimeoutError:
                break
            nts, heard = read_notify(data)
            if heard.get("dev_id") != serial or nts == "ssdp:byebye":
                continue
            if missing := [key for key in REQUIRED.values() if key not in heard]:
                last = f"an announcement without {missing}"
            elif (heard["connect_type"], heard["bind_state"]) != ("lan", "free"):
                last = f"connect={heard['connect_type']}, bind={heard['bind_state']}"
            else:
                return Heard(
                    heard["dev_name"],
                    heard["dev_id"],
                    heard["dev_ip"],
                    heard["dev_type"],
                    heard.get("ssdp_version", ""),
                    source,
                )
        raise Blocked(Gate.DISCOVERY, f"{serial}: {last} within {timeout:.0f} s")

    def hear_byebye(self, serial: str, timeout: float = 12.0) -> None:
        """Wait for the farewell of a printer; Blocked when none comes in time."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            self._sock.settimeout(left)
            try:
                data, _source = self._sock.recvfrom(65535)
            except TimeoutError:
                break
            nts, heard = read_notify(data)
            if nts == "ssdp:byebye" and heard.get("dev_id") == serial:
                return
        raise Blocked(Gate.DISCOVERY, f"{serial} did not say byebye within {timeout:.0f} s")


def read_notify(data: bytes) -> tuple[str, dict[str, str]]:
    """NTS and the known headers of a NOTIFY, under the slicer's names; nothing for any other datagram."""
    head, blank, _rest = data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    if start != b"NOTIFY * HTTP/1.1" or not blank:
        return "", {}
    headers = {
        name.strip().lower(): value.strip() for name, _, value in (line.decode().partition(":") for line in lines)
    }
    known = REQUIRED | OPTIONAL
    return headers.get("nts", ""), {known[name]: value for name, value in headers.items() if name in known}
