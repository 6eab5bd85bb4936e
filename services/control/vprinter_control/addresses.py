"""This host's addresses, kept up to date."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from vprinter_common import net


@dataclass(slots=True)
class Addresses:
    """The usable interfaces; `changed` is called after each change."""

    watch: net.AddressWatch
    only: Sequence[str] = ()
    interfaces: Sequence[net.Interface] = ()
    changed: Callable[[], None] = field(default=lambda: None)

    async def load(self) -> None:
        """Look once."""
        self.interfaces = await anext(self.watch.states())

    async def follow(self) -> None:
        """Keep looking, for ever (a root task)."""
        async for found in self.watch.states():
            if found != self.interfaces:
                self.interfaces = found
                self.changed()

    def has(self, address: str) -> bool:
        """Whether it is one of this host's own."""
        return any(address == str(one.ip) for interface in self.interfaces for one in interface.addresses)

    async def default(self) -> IPv4Address:
        """The address that other hosts know this one by."""
        if self.only:
            return IPv4Address(self.only[0])
        return IPv4Address(await asyncio.to_thread(net.default_address))
