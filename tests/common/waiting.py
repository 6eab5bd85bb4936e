"""Waiting for what happens elsewhere in the event loop."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], within: float = 30.0) -> None:
    """Return as soon as the condition holds; TimeoutError if it does not in time."""
    async with asyncio.timeout(within):
        while not condition():  # noqa: ASYNC110 - what is watched belongs to others and has no event
            await asyncio.sleep(0.002)
