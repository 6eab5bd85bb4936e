"""Threads for what blocks: TLS on data connections, hashing, ZIP checks, disk writes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


class Workers:
    """A pool with at least one thread per session.

    With fewer, clients that block in the handshake of one data connection until that of another is done wait for ever.
    """

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="ftps")

    async def call(self, work: Callable[[], T]) -> T:
        """Run something short in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    async def run(
        self, work: Callable[[], T], *, interrupt: Callable[[], None], too_late: Callable[[T], None] = lambda _: None
    ) -> T:
        """Run `work` in a thread. On cancellation `interrupt` makes it end soon, and it is waited for.

        A result that came in spite of the cancellation is given to `too_late`.
        """
        future = asyncio.get_running_loop().run_in_executor(self._pool, work)
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            interrupt()
            # A callback, because the waiting itself may be cancelled: once for an ABOR, once for the session's end.
            future.add_done_callback(lambda done: _hand_over(done, too_late))
            await asyncio.wait({future})
            raise

    def close(self) -> None:
        """Give the threads back; call when no work runs any more."""
        self._pool.shutdown(wait=False, cancel_futures=True)


def _hand_over(done: asyncio.Future[T], too_late: Callable[[T], None]) -> None:
    if not done.cancelled() and done.exception() is None:
        too_late(done.result())
