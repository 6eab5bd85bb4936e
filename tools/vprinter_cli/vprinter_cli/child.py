"""One program that is kept running: started, listened to, restarted when it dies, stopped when asked."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vprinter_cli import leash

MAX_LINE = 64 * 1024
"""Bytes after which a line is written although it has not ended."""

Say = Callable[[str, str], None]
"""Writes a line under a program's name."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `shows` says which lines of its output are worth showing."""

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    shows: Callable[[str], bool] = lambda _line: True


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of everything a child waits for."""

    first_delay: float = 1.0
    """Before the first restart; doubled each time."""
    longest_delay: float = 30.0
    stable: float = 60.0
    """A program that ran this long starts again with the first delay."""
    grace: float = 8.5
    """From SIGTERM to SIGKILL."""


class Child:
    """A program and its current process."""

    def __init__(self, program: Program, say: Say, timing: Timing, clock: Callable[[], float] = time.monotonic) -> None:
        self._program = program
        self._say = say
        self._timing = timing
        self._clock = clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask it to end for good; `keep` returns when it has."""
        self._stopping.set()

    async def keep(self) -> None:
        """Keep the program running until `stop`."""
        delay = self._timing.first_delay
        while not self._stopping.is_set():
            began = self._clock()
            how = await self._run_once()
            if self._stopping.is_set():
                return
            if self._clock() - began >= self._timing.stable:
                delay = self._timing.first_delay
            self._say(self._program.name, f"{how}; starting it again in {delay:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._stopping.wait()
            delay = min(delay * 2, self._timing.longest_delay)

    async def _run_once(self) -> str:
        """Run the program to its end and say how it ended."""
        try:
            process = await self._start()
        except OSError as error:
            return f"cannot be started: {error}"
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._show(process))
                ender = group.create_task(self._end_on_stop(process))
                code = await process.wait()
                ender.cancel()
        finally:
            if process.returncode is None:
                _kill(process)
        return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    async def _start(self) -> asyncio.subprocess.Process:
        """The process, in a group of its own: a Ctrl-C at the terminal reaches only us, who then stop all in order."""
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(Path(leash.__file__)), str(os.getpid())),
            *self._program.command,
            env=self._program.environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )

    async def _end_on_stop(self, process: asyncio.subprocess.Process) -> None:
        await self._stopping.wait()
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.sleep(self._timing.grace)
        self._say(self._program.name, f"did not stop within {self._timing.grace:g} s: killed")
        _kill(process)

    async def _show(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101 - it was started with a pipe
        rest = b""
        while data := await process.stdout.read(MAX_LINE):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > MAX_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._show_line(line)
        if rest:
            self._show_line(rest)

    def _show_line(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if self._program.shows(text):
            self._say(self._program.name, text)


def _kill(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
