"""Tasks with an owner: named, kept, logged when they fail, awaited at the end."""

import asyncio
from collections.abc import Collection, Coroutine
from types import TracebackType
from typing import Any, Self

import structlog

log = structlog.get_logger()


INSIST = 3.0
"""Seconds after which a task that did not end is cancelled once more; tidying up may take that long."""


async def cancel_and_wait(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they ended: `asyncio.wait_for` of Python 3.11 loses a cancellation that meets its result."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=INSIST)


class TaskSet:
    """Supervised background tasks of one owner. Leaving the context cancels them and waits for them."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tasks: set[asyncio.Task[Any]] = set()

    def __len__(self) -> int:
        return len(self._tasks)

    def spawn(self, coro: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task; an exception in it is logged, not lost."""
        task = asyncio.get_running_loop().create_task(coro, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def running(self) -> list[asyncio.Task[Any]]:
        """The tasks that run now, without the caller's own."""
        current = asyncio.current_task()
        return [task for task in self._tasks if task is not current]

    async def close(self) -> None:
        """Cancel all tasks and wait until they ended."""
        await cancel_and_wait(self.running())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self.close()

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_failed", task=task.get_name(), exc_info=error)
