"""Where a printer is announced: by which interface, from which of its addresses, to which broadcast addresses."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface

from vprinter_common import net
from vprinter_common.fleet.edge import ANY, Placement

LIMITED = "255.255.255.255"


@dataclass(frozen=True, slots=True)
class Route:
    """One network. Datagrams leave by `device`, from `source`, to every one of `destinations`."""

    device: str
    source: str
    destinations: tuple[str, ...]


def routes(placement: Placement, interfaces: Sequence[net.Interface]) -> tuple[Route, ...]:
    """The networks a printer is announced in now; none while its address is not on this host."""
    found: list[Route] = []
    taken: set[tuple[str, str]] = set()
    for device, own in _addresses(placement, interfaces):
        source = str(own.ip)
        fresh = [one for one in _destinations(source, interfaces) if (device, one) not in taken]
        taken.update((device, one) for one in fresh)
        if fresh:
            found.append(Route(device, source, tuple(fresh)))
    return tuple(found)


def _addresses(placement: Placement, interfaces: Sequence[net.Interface]) -> Iterator[tuple[str, IPv4Interface]]:
    """The device and address of every network the printer is in."""
    all_ = [(one.name.partition(":")[0], own) for one in interfaces for own in one.addresses]
    if placement.bind == ANY:
        # On the loopback too, the same serial would be heard with two addresses by a slicer on this host.
        yield from [each for each in all_ if not each[1].ip.is_loopback] or all_
        return
    wanted = IPv4Address(placement.bind)
    for device, own in all_:
        if own.ip == wanted or (own.ip.is_loopback and wanted in own.network):
            yield device, IPv4Interface(wanted)
            return


def _destinations(source: str, interfaces: Sequence[net.Interface]) -> tuple[str, ...]:
    directed = net.directed_broadcast(source, interfaces)
    if IPv4Address(source).is_loopback:
        return (directed,)
    return tuple(dict.fromkeys((LIMITED, directed)))
