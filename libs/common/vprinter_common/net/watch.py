"""Watch the host's addresses: a floating address that comes or leaves moves a printer."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from ipaddress import IPv4Interface

import structlog

from vprinter_common.net.interfaces import Interface, interfaces, owns, parse_address

log = structlog.get_logger()

INTERVAL = 2.0
"""Seconds between two looks at the host's addresses."""


class AddressWatch:
    """Yields the usable interfaces at first and whenever they change.

    `only` narrows the host down to these addresses, as if it had no others (several nodes on one host, tests).
    """

    def __init__(
        self,
        source: Callable[[], Sequence[Interface]] = interfaces,
        interval: float = INTERVAL,
        only: Sequence[str] = (),
    ) -> None:
        self._source = source
        self._interval = interval
        self._only = tuple(map(parse_address, only))

    async def states(self) -> AsyncIterator[tuple[Interface, ...]]:
        """The interfaces that are up, with their addresses; a new tuple whenever it differs from the last."""
        last: tuple[Interface, ...] | None = None
        while True:
            try:
                current = self._narrow(await asyncio.to_thread(self._source))
            except OSError as error:  # out of descriptors or memory: what was known still holds
                log.warning("addresses_unreadable", error=str(error))
            else:
                if current != last:
                    last = current
                    yield current
            await asyncio.sleep(self._interval)

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
