"""Interfaces and IPv4 addresses of this host. The slicers and SSDP know IPv4 only."""

import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import ifaddr

_IFF_UP = 1
_SYS_NET = Path("/sys/class/net")
_LOOPBACK_BROADCAST = "127.255.255.255"
_LIMITED_BROADCAST = "255.255.255.255"
# TEST-NET-3: routed like any foreign address, owned by nobody.
_ANYWHERE = ("203.0.113.1", 9)


@dataclass(frozen=True, slots=True)
class Interface:
    """A network interface with its IPv4 addresses (each with its prefix), in ascending order."""

    name: str
    addresses: tuple[IPv4Interface, ...]
    is_up: bool = True


def interfaces(sys_net: Path = _SYS_NET) -> tuple[Interface, ...]:
    """The interfaces that have IPv4 addresses, by name."""
    found: dict[str, set[IPv4Interface]] = {}
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str):  # IPv6 comes as a tuple
                found.setdefault(adapter.name, set()).add(IPv4Interface(f"{ip.ip}/{ip.network_prefix}"))
    return tuple(
        Interface(name, tuple(sorted(addresses)), _is_up(sys_net, name)) for name, addresses in sorted(found.items())
    )


def _is_up(sys_net: Path, name: str) -> bool:
    """Alias names (`eth0:1`) share the flags of their device; without sysfs an interface counts as up."""
    try:
        flags = int((sys_net / name.partition(":")[0] / "flags").read_text(), 16)
    except (OSError, ValueError):
        return True
    return bool(flags & _IFF_UP)


def parse_address(text: str) -> IPv4Address:
    """An IPv4 address from what a person wrote; ValueError with a sentence for that person."""
    try:
        return IPv4Address(text.strip())
    except ValueError:
        hint = "IPv6 is unknown to slicers" if ":" in text else "four numbers from 0 to 255, such as 192.168.1.50"
        raise ValueError(f"{text[:60]!r} is not an IPv4 address: {hint}") from None


def owns(address: str, interfaces: Iterable[Interface]) -> bool:
    """Whether a listener can be bound to the address here. All of a loopback interface's network is local."""
    wanted = IPv4Address(address)
    return any(
        wanted == own.ip or (own.ip.is_loopback and wanted in own.network)
        for interface in interfaces
        if interface.is_up
        for own in interface.addresses
    )


def default_address(anywhere: tuple[str, int] = _ANYWHERE) -> str:
    """The address this host uses towards other networks, 127.0.0.1 if it has no route; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(anywhere)
        except OSError:
            return "127.0.0.1"
        name: tuple[str, int] = probe.getsockname()
        return name[0]


def directed_broadcast(address: str, interfaces: Sequence[Interface]) -> str:
    """The broadcast address of the network an address is in; 255.255.255.255 if that network is not known here.

    A floating address is often added as /32: then a wider network on this host that holds it counts.
    """
    wanted = IPv4Address(address)
    if wanted.is_loopback:
        return _LOOPBACK_BROADCAST
    networks = {own.network for interface in interfaces for own in interface.addresses}
    holding = [network for network in networks if network.prefixlen < 31 and wanted in network]
    if not holding:
        return _LIMITED_BROADCAST
    return str(max(holding, key=lambda network: network.prefixlen).broadcast_address)
