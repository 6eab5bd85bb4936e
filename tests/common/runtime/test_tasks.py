import asyncio

import pytest
from structlog.testing import capture_logs

from tests.common.waiting import until
from vprinter_common.runtime.tasks import TaskSet


async def test_an_error_in_a_background_task_is_logged_with_its_name() -> None:
    async def broken() -> None:
        raise RuntimeError("inside")

    with capture_logs() as logs:
        async with TaskSet("owner") as tasks:
            tasks.spawn(broken(), "broken")
            await until(lambda: len(tasks) == 0)
    assert [(line["event"], line["task"]) for line in logs] == [("task_failed", "owner:broken")]


async def test_leaving_cancels_the_tasks_and_waits_for_them() -> None:
    done: list[str] = []

    async def tidy() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            done.append("tidied")

    async with TaskSet("owner") as tasks:
        tasks.spawn(tidy(), "tidy")
        await asyncio.sleep(0)
    assert done == ["tidied"]


async def test_a_task_that_missed_a_cancellation_is_cancelled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_common.runtime.tasks.INSIST", 0.01)
    missed: list[str] = []

    async def deaf_once() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            missed.append("what?")
        await asyncio.Event().wait()

    async with TaskSet("owner") as tasks:
        tasks.spawn(deaf_once(), "deaf")
        await asyncio.sleep(0)
    assert missed == ["what?"]


async def test_a_task_may_close_its_own_set() -> None:
    tasks = TaskSet("owner")
    async with asyncio.timeout(30):
        await tasks.spawn(tasks.close(), "closer")
