"""The beat that all printers share."""

import asyncio

import pytest

from vprinter_common.runtime.tasks import TaskSet
from vprinter_mqtt.beat import Beat


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_mqtt.beat.PERIOD", 0.001)


async def test_everyone_who_follows_is_called_even_after_another_one_failed() -> None:
    beat, calls = Beat(), asyncio.Semaphore(0)

    def broken() -> None:
        raise ValueError("broken printer")

    async with TaskSet("test") as tasks, asyncio.timeout(30):
        with beat.followed_by(broken), beat.followed_by(calls.release):
            tasks.spawn(beat.run(), "beat")
            for _ in range(3):
                await calls.acquire()


async def test_who_follows_no_more_is_not_called() -> None:
    beat, others, left = Beat(), asyncio.Semaphore(0), 0

    def leaving() -> None:
        nonlocal left
        left += 1

    async with TaskSet("test") as tasks, asyncio.timeout(30):
        with beat.followed_by(others.release):
            tasks.spawn(beat.run(), "beat")
            with beat.followed_by(leaving):
                await others.acquire()
            calls = left
            for _ in range(3):
                await others.acquire()
    assert left == calls
