"""Wakes those who wait for changes of the database."""

import asyncio


class Commits:
    """Counts commits. Each waiter says how far it has seen, so none is missed."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()

    def announce(self) -> None:
        """Tell that something was committed."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()

    async def after(self, seen: int) -> int:
        """Wait until more than `seen` commits were made; returns how many."""
        while self.count <= seen:
            await self._next.wait()
        return self.count
