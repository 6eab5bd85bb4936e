"""What follows from where a printer is bound: conflicts with other printers, and the names in its certificate."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from vprinter_common import net
from vprinter_common.contracts.printer import Bind


@dataclass(frozen=True, slots=True)
class CertificateNames:
    """Addresses for a printer's certificate."""

    wanted: frozenset[IPv4Address]
    """What a new certificate names."""
    required: frozenset[IPv4Address]
    """What a certificate must name to be kept. Bound to any, a printer is not restarted for every bridge that comes."""


def conflict(one: Bind, other: Bind, interfaces: Sequence[net.Interface]) -> str | None:
    """Why two enabled printers cannot have these binds, or None."""
    if one.any or other.any:
        return "one of them uses every address"
    if one.interface is not None and one.interface == other.interface:
        return f"both use interface {one.interface}"
    mine, others = bound_address(one, interfaces), bound_address(other, interfaces)
    if mine is not None and mine == others:
        return f"both use address {mine}"
    return None


def shared_network(one: Bind, other: Bind, interfaces: Sequence[net.Interface]) -> IPv4Network | None:
    """The network of this host in which slicers find both binds, if there is one."""
    mine, others = bound_address(one, interfaces), bound_address(other, interfaces)
    if mine is None or others is None or mine.is_loopback:
        return None
    networks = (own.network for interface in interfaces for own in interface.addresses)
    return next((network for network in networks if mine in network and others in network), None)


def bound_address(bind: Bind, interfaces: Sequence[net.Interface]) -> IPv4Address | None:
    """The one address of a bind; None for any, and for an interface that is not here or has no address."""
    if bind.interface is None:
        return bind.address
    for interface in interfaces:
        if interface.name == bind.interface and interface.addresses:
            return interface.addresses[0].ip
    return None


def certificate_names(
    bind: Bind, advertise: IPv4Address | None, interfaces: Sequence[net.Interface], default: IPv4Address
) -> CertificateNames:
    """The addresses that a slicer may reach the printer at."""
    told = frozenset({advertise} if advertise else ())
    if bind.any:
        every = frozenset(own.ip for interface in interfaces for own in interface.addresses)
        return CertificateNames(wanted=every | told | {default}, required=told | {default})
    address = bound_address(bind, interfaces)
    names = told | (frozenset({address}) if address else frozenset())
    return CertificateNames(wanted=names, required=names)
