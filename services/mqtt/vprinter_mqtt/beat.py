"""One beat a second for all printers together: waking up for each of many would cost more than their reports."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

log = structlog.get_logger()

PERIOD = 1.0
"""Seconds between reports; slicers take a printer for offline after 30 silent ones."""

Follower = Callable[[], None]


class Beat:
    """Calls everyone who follows it, once a period."""

    def __init__(self) -> None:
        self._followers: dict[Follower, None] = {}

    @contextmanager
    def followed_by(self, follower: Follower) -> Iterator[None]:
        """Have `follower` called while the context is open."""
        self._followers[follower] = None
        try:
            yield
        finally:
            del self._followers[follower]

    async def run(self) -> None:
        """Beat for ever; a beat that came late is not made up for."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + PERIOD, loop.time())
            await asyncio.sleep(due - loop.time())
            for follower in list(self._followers):
                try:
                    follower()
                except Exception:  # one printer's failure must not silence the others
                    log.exception("beat_failed")
