"""Where a request comes from, and which address of ours it was sent to: as proxies that are trusted tell it."""

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address

from aiohttp import web
from yarl import URL

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request, and to where."""

    address: str
    scheme: str
    host: str
    """Host and port, as the caller knows them."""
    proxied: bool
    """Whether a trusted proxy told the scheme."""

    def is_same_origin(self, origin: str) -> bool:
        """Whether a page of this origin is our own. A proxy that is not trusted may hide https from us."""
        try:
            page = URL(origin)
            own = URL.build(scheme=page.scheme, authority=self.host)
            same = (page.host, page.port) == (own.host, own.port)
        except ValueError:
            return False
        return page.scheme in _PORTS and same and (page.scheme == self.scheme or not self.proxied)


def caller_of(request: web.Request, proxies: Sequence[IPv4Network]) -> Caller:
    """The caller of a request."""
    peer = request.remote or "unknown"
    if not is_one_of(proxies, peer):
        return Caller(peer, request.scheme, request.host, proxied=False)
    scheme = _first(request, "X-Forwarded-Proto").lower()
    return Caller(
        _origin_of(request, peer, proxies),
        scheme if scheme in _PORTS else request.scheme,
        _first(request, "X-Forwarded-Host") or request.host,
        proxied=scheme in _PORTS,
    )


def _origin_of(request: web.Request, peer: str, proxies: Sequence[IPv4Network]) -> str:
    """The nearest address that is no proxy's: what stands before it, anyone may have written."""
    hops = ",".join(request.headers.getall("X-Forwarded-For", ())).split(",")
    for hop in map(str.strip, reversed(hops)):
        try:
            address = str(ip_address(hop))
        except ValueError:
            return peer
        if not is_one_of(proxies, address):
            return address
        peer = address
    return peer


def is_one_of(networks: Sequence[IPv4Network], address: str) -> bool:
    """Whether an address is in one of the networks."""
    try:
        ip = IPv4Address(address)
    except ValueError:
        return False
    return any(ip in network for network in networks)


def _first(request: web.Request, header: str) -> str:
    return request.headers.get(header, "").partition(",")[0].strip()
