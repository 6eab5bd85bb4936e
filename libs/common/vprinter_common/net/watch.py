"""Watch the host's addresses: a floating address that comes or leaves moves a printer."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from ipaddress import IPv4Interface

import structlog

from vprinter_common.net.interfaces import Interface, interfaces, owns, parse_address

log = structlog.get_logger()

INTERVAL = 2.0
"""Seconds between two looks at the host's addresses where the kernel does not tell of changes."""
RESCAN = 30.0
"""Seconds between two looks where it does; looking every two seconds was half of what an idle service did."""
SETTLE = 0.05
"""Seconds from the first news of a change until a look: one change makes several messages."""
_RTMGRP_LINK, _RTMGRP_IPV4_IFADDR = 0x1, 0x10
_MESSAGES = 65536


class AddressWatch:
    """Yields the usable interfaces at first and whenever they change.

    `interval`: seconds between two looks; None = when the kernel tells of a change, and now and then besides.
    `only` narrows the host down to these addresses, as if it had no others (several nodes on one host, tests).
    """

    def __init__(
        self,
        source: Callable[[], Sequence[Interface]] = interfaces,
        interval: float | None = None,
        only: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._interval = interval
        self._only = tuple(map(parse_address, only))

    async def look(self) -> tuple[Interface, ...]:
        """The interfaces as they are now; raises OSError."""
        return self._narrow(await asyncio.to_thread(self._source))

    async def states(self) -> AsyncIterator[tuple[Interface, ...]]:
        """The interfaces that are up, with their addresses; a new tuple whenever it differs from the last."""
        last: tuple[Interface, ...] | None = None
        with _news() as news:
            while True:
                try:
                    current = await self.look()
                except OSError as error:  # out of descriptors or memory: what was known still holds
                    log.warning("addresses_unreadable", error=str(error))
                else:
                    if current != last:
                        last = current
                        yield current
                await self._rest(news)

    async def _rest(self, news: socket.socket | None) -> None:
        """Wait until it is time for another look."""
        if self._interval is not None or news is None:
            await asyncio.sleep(INTERVAL if self._interval is None else self._interval)
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(RESCAN):
                # An error here is news as well: so much has changed that the kernel dropped some.
                with suppress(OSError):
                    await asyncio.get_running_loop().sock_recv(news, _MESSAGES)
                await asyncio.sleep(SETTLE)
        with suppress(OSError):
            while news.recv(_MESSAGES):
                pass

    def _narrow(self, found: Sequence[Interface]) -> tuple[Interface, ...]:
        up = tuple(interface for interface in found if interface.is_up)
        if not self._only:
            return up
        return tuple(narrowed for interface in up if (narrowed := self._narrow_one(interface)).addresses)

    def _narrow_one(self, interface: Interface) -> Interface:
        kept = [own for own in interface.addresses if own.ip in self._only and not own.ip.is_loopback]
        # As /32, so that the rest of 127.0.0.0/8 does not count as this node's.
        local = [
            IPv4Interface(address) for address in self._only if address.is_loopback and owns(str(address), [interface])
        ]
        return replace(interface, addresses=tuple(sorted([*kept, *local])))


@contextmanager
def _news() -> Iterator[socket.socket | None]:
    """A netlink socket that becomes readable when links or IPv4 addresses change; None where there is no such thing."""
    try:
        news = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
    except OSError as error:
        log.warning("address_changes_not_told", error=str(error))
        yield None
        return
    with news:
        news.setblocking(False)
        news.bind((0, _RTMGRP_LINK | _RTMGRP_IPV4_IFADDR))
        yield news
