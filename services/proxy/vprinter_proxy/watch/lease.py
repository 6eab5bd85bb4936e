"""Who holds the session with a real printer: over all nodes one, by a lease that expires unless it is renewed."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.target import Lease

log = structlog.get_logger()

RENEW = 8.0
"""Seconds between renewals; the bucket forgets after 30."""
KEEP = 24.0
"""Seconds after the last renewal at which the session is given up: somebody else may hold it soon."""
ASK_AGAIN = 5.0
"""Seconds, about, after which who has no lease asks for it again."""
GIVE_BACK_WITHIN = 1.0


class LeaseLost(Exception):  # noqa: N818 - a state, not a mistake
    """Another node holds the session now, or NATS cannot say who does."""


class Leases:
    """The leases of one node."""

    def __init__(self, bus: Bus, node: str) -> None:
        self._bus = bus
        self._lease = Lease(node=node)

    @asynccontextmanager
    async def held(self, target: str) -> AsyncIterator[None]:
        """Wait for the lease of a printer and keep it while the context is open; LeaseLost ends what is done in it."""
        while not await self._claim(target):  # noqa: ASYNC110 - that it expired is announced to nobody
            await asyncio.sleep(ASK_AGAIN * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
        log.info("session_leased", target=target)
        try:
            async with asyncio.TaskGroup() as group:
                keeping = group.create_task(self._keep(target), name=f"lease:{target}")
                yield
                keeping.cancel()
        finally:
            await self._give_back(target)

    async def _keep(self, target: str) -> None:
        """Renew for ever."""
        loop = asyncio.get_running_loop()
        until = loop.time() + KEEP
        while True:
            await asyncio.sleep(RENEW)
            try:
                if not await self._bus.claim(subjects.LEASES, target, self._lease, self._is_ours):
                    raise LeaseLost(f"another node holds the session with {target}")
                until = loop.time() + KEEP
            except BusUnavailable as error:
                if loop.time() + RENEW > until:
                    raise LeaseLost(f"the lease of {target} cannot be renewed: {error}") from error

    async def _claim(self, target: str) -> bool:
        try:
            await self._bus.wait_connected()
            return await self._bus.claim(subjects.LEASES, target, self._lease, self._is_ours)
        except BusUnavailable:
            return False

    def _is_ours(self, present: Lease) -> bool:
        """Also one that this node took before it was restarted."""
        return present.node == self._lease.node

    async def _give_back(self, target: str) -> None:
        """So that another node need not wait until it expires."""
        with suppress(BusUnavailable, TimeoutError):
            async with asyncio.timeout(GIVE_BACK_WITHIN):
                if await self._bus.claim(subjects.LEASES, target, self._lease, self._is_ours):
                    await self._bus.delete(subjects.LEASES, target)
