"""Children are kept running, stopped in order, and never outlive `vprinter up`."""

import asyncio
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from vprinter_cli import leash
from vprinter_cli.child import MAX_LINE, Child, Program, Timing
from vprinter_cli.supervisor import kept_running

QUICK = Timing(first_delay=0.01, longest_delay=0.04, stable=60.0, grace=30.0)


class Screen:
    """What the children said, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._more = asyncio.Event()

    def say(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._more.set()

    def of(self, name: str) -> list[str]:
        return [line for whose, line in self.lines if whose == name]

    async def until(self, met: Callable[["Screen"], object]) -> None:
        async with asyncio.timeout(60):
            while not met(self):
                self._more.clear()
                await self._more.wait()


def shell(script: str, name: str = "fake") -> Program:
    return Program(name, ("/bin/sh", "-c", script), dict(os.environ))


def python(script: str, name: str = "fake") -> Program:
    return Program(name, (sys.executable, "-S", "-c", script), dict(os.environ))


async def gone(pid: int) -> None:
    """Wait until a process has ended, whoever its parent is."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, ended.set)
    try:
        async with asyncio.timeout(30):
            await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def test_what_a_child_writes_is_shown_line_by_line() -> None:
    screen = Screen()
    script = "trap 'printf three; exit' TERM; echo one; echo two >&2; while :; do sleep 0.02; done"
    async with kept_running([shell(script)], screen.say, QUICK):
        await screen.until(lambda seen: {"one", "two"} <= set(seen.of("fake")))
    assert sorted(screen.of("fake")) == ["one", "three", "two"]


async def test_a_line_without_end_is_shown_in_pieces() -> None:
    screen = Screen()
    writer = python(f"print('x' * {3 * MAX_LINE}, flush=True); import time; time.sleep(60)")
    async with kept_running([writer], screen.say, QUICK):
        await screen.until(lambda seen: sum(len(line) for line in seen.of("fake")) == 3 * MAX_LINE)
    assert all(len(line) <= 2 * MAX_LINE for line in screen.of("fake"))


async def test_lines_that_are_not_worth_showing_are_dropped() -> None:
    screen = Screen()
    program = Program(
        "fake", ("/bin/sh", "-c", "echo noise; echo news; exec sleep 60"), {}, shows=lambda line: line == "news"
    )
    async with kept_running([program], screen.say, QUICK):
        await screen.until(lambda seen: seen.of("fake"))
    assert screen.of("fake") == ["news"]


async def test_a_child_that_dies_is_started_again_after_growing_delays() -> None:
    screen = Screen()
    async with kept_running([shell("exit 3")], screen.say, QUICK):
        await screen.until(lambda seen: len(seen.of("fake")) >= 4)
    assert screen.of("fake")[:4] == [
        f"ended with exit code 3; starting it again in {delay} s" for delay in ("0.01", "0.02", "0.04", "0.04")
    ]


async def test_a_child_that_ran_for_long_starts_again_with_the_first_delay() -> None:
    screen = Screen()
    clock = itertools.count(step=61.0)
    child = Child(shell("exit 0"), screen.say, QUICK, lambda: next(clock))
    async with asyncio.TaskGroup() as group:
        group.create_task(child.keep())
        await screen.until(lambda seen: len(seen.of("fake")) >= 3)
        child.stop()
    assert {line.rpartition("; ")[2] for line in screen.of("fake")} == {"starting it again in 0.01 s"}


async def test_a_killed_child_is_named_by_its_signal_and_comes_back() -> None:
    screen = Screen()
    async with kept_running([shell("echo $$; exec sleep 60")], screen.say, QUICK):
        await screen.until(lambda seen: seen.of("fake"))
        os.kill(int(screen.of("fake")[0]), signal.SIGKILL)
        await screen.until(lambda seen: len(seen.of("fake")) == 3)
    assert screen.of("fake")[1] == "ended by SIGKILL; starting it again in 0.01 s"
    assert screen.of("fake")[2].isdigit()


async def test_a_program_that_is_not_there_does_not_stop_the_others() -> None:
    screen = Screen()
    missing = Program("missing", ("/nowhere/at/all",), {})
    async with kept_running([missing, shell("echo here; exec sleep 60")], screen.say, QUICK):
        await screen.until(lambda seen: "here" in seen.of("fake") and seen.of("missing"))
    assert screen.of("missing")[0] == "/nowhere/at/all cannot be run: No such file or directory"


async def test_children_get_sigterm_and_time_to_finish() -> None:
    screen = Screen()
    polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    async with kept_running([shell(polite)], screen.say, QUICK):
        await screen.until(lambda seen: "ready" in seen.of("fake"))
    assert screen.of("fake") == ["ready", "bye"]


async def test_a_child_that_ignores_sigterm_is_killed_with_all_its_group() -> None:
    screen = Screen()
    stubborn = "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"
    async with kept_running([shell(stubborn)], screen.say, Timing(grace=0.1)):
        await screen.until(lambda seen: seen.of("fake"))
    assert screen.of("fake")[1:] == ["did not stop within 0.1 s: killed"]
    await gone(int(screen.of("fake")[0]))


async def test_what_was_started_first_is_stopped_last() -> None:
    screen = Screen()
    polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done"
    async with (
        kept_running([shell(polite, "nats")], screen.say, QUICK),
        kept_running([shell(polite, "ftps"), shell(polite, "mqtt")], screen.say, QUICK),
    ):
        await screen.until(lambda seen: len(seen.lines) == 3)
    assert {name for name, _ in screen.lines[3:5]} == {"ftps", "mqtt"}
    assert screen.lines[5:] == [("nats", "bye")]


async def test_children_stop_gracefully_when_the_supervised_part_fails() -> None:
    screen = Screen()
    polite = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done"

    async def failing() -> None:
        async with kept_running([shell(polite)], screen.say, QUICK):
            await screen.until(lambda seen: "ready" in seen.of("fake"))
            raise RuntimeError("the body failed")

    with pytest.raises(ExceptionGroup, match="unhandled"):
        await failing()
    assert screen.of("fake") == ["ready", "bye"]


async def test_a_stop_does_not_wait_for_the_delay_before_a_restart() -> None:
    screen = Screen()
    async with asyncio.timeout(30), kept_running([shell("exit 1")], screen.say, Timing(first_delay=3600)):
        await screen.until(lambda seen: seen.of("fake"))


async def test_children_are_in_process_groups_of_their_own() -> None:
    """Otherwise a Ctrl-C at the terminal would reach them beside us, and NATS would go before the services."""
    screen = Screen()
    async with kept_running([shell("echo $$; exec sleep 60")], screen.say, QUICK):
        await screen.until(lambda seen: seen.of("fake"))
        pid = int(screen.of("fake")[0])
        assert os.getpgid(pid) == pid


SUPERVISOR = """
import asyncio, os
from vprinter_cli.child import Program, Timing
from vprinter_cli.supervisor import kept_running

async def main():
    stubborn = Program("fake", ("/bin/sh", "-c", "trap '' TERM; echo $$; while :; do sleep 1; done"), dict(os.environ))
    async with kept_running([stubborn, stubborn], lambda name, line: print(line, flush=True), Timing()):
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_no_child_outlives_a_supervisor_that_is_killed() -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SUPERVISOR, stdout=subprocess.PIPE)
    assert process.stdout is not None
    async with asyncio.timeout(60):
        pids = [int(await process.stdout.readline()) for _ in range(2)]
        process.kill()
        await process.wait()
    for pid in pids:
        await gone(pid)


def test_a_child_whose_parent_is_already_dead_does_not_start(tmp_path: Path) -> None:
    marker = tmp_path / "started"
    not_its_parent = 1 if os.getpid() != 1 else 2
    done = subprocess.run(
        [sys.executable, "-I", "-S", leash.__file__, str(not_its_parent), "/usr/bin/touch", str(marker)],
        check=False,
        timeout=20,
    )
    assert (done.returncode, marker.exists()) == (1, False)
