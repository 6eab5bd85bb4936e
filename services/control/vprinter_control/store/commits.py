"""Wakes those who wait for changes of the database."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Commits:
    """Counts commits. Each waiter says how far it has seen, so none is missed."""

    def __init__(self) -> None:
        self.count = 0
        self._next = asyncio.Event()
        self._wakers: set[Callable[[], None]] = set()

    def announce(self) -> None:
        """Tell that something was committed."""
        self.count += 1
        self._next.set()
        self._next = asyncio.Event()
        for wake in self._wakers:
            wake()

    @contextmanager
    def waking(self, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` after each commit while the context is open."""
        self._wakers.add(wake)
        try:
            yield
        finally:
            self._wakers.discard(wake)

    async def after(self, seen: int) -> int:
        """Wait until more than `seen` commits were made; returns how many."""
        while self.count <= seen:
            await self._next.wait()
        return self.count
