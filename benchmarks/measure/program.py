"""Programs that are measured, or that make the load, as processes of their own."""

import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.system.harness import accepts

ROOT = Path(__file__).resolve().parents[2]
OURS = (sys.executable,)
PEERS = (str(ROOT / ".venv-bench" / "peers" / "bin" / "python"),)
"""The peers' own environment: amqtt insists on versions that would otherwise bind us too."""
READY_WITHIN = 20.0
STOP_WITHIN = 10.0


class Program:
    """One running process; its output goes to a file next to its data."""

    def __init__(self, command: Sequence[str], log: Path, *, talks: bool = False) -> None:
        """`talks`: standard input and output are pipes for `say` and `hear`."""
        self._log = log.open("wb")
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE if talks else subprocess.DEVNULL,
            stdout=subprocess.PIPE if talks else self._log,
            stderr=self._log,
        )
        self.pid = self._process.pid

    def say(self, line: str) -> None:
        """Write a line to the program."""
        assert self._process.stdin is not None, "not a program that talks"
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Read a line of the program; RuntimeError if it ended instead."""
        assert self._process.stdout is not None, "not a program that talks"
        if not (line := self._process.stdout.readline()):
            raise RuntimeError(f"the program ended, see {self._log.name}:\n{Path(self._log.name).read_text()[-2000:]}")
        return line.decode().strip()

    def await_listening(self, address: str, port: int) -> None:
        """Wait until it accepts connections."""
        until = time.monotonic() + READY_WITHIN
        while not accepts(address, port):
            if self._process.poll() is not None or time.monotonic() > until:
                said = Path(self._log.name).read_text()[-2000:]
                raise RuntimeError(f"nothing listens at {address}:{port}, see {self._log.name}:\n{said}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        try:
            self._process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._log):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def peer(name: str, *arguments: str) -> tuple[str, ...]:
    """The command of a peer that is a Python library."""
    return (*PEERS, str(ROOT / "benchmarks" / "peers" / f"{name}.py"), *arguments)


def as_installed(service: str) -> str:
    """The interpreter of one of our services with no more packages than its container has: some are used if they are there."""
    python = ROOT / ".venv-bench" / service / "bin" / "python"
    if not python.exists():
        sys.exit(f"the environment of {service} is missing: run `requirements/bootstrap bench`")
    return str(python)


def load(name: str, *arguments: str) -> tuple[str, ...]:
    """The command of a program that makes load."""
    return (*OURS, "-m", f"benchmarks.load.{name}", *arguments)


def require(*programs: str, python_peers: bool = True) -> None:
    """End with a sentence if a program is not installed (Debian's package names are the same)."""
    missing = [program for program in programs if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if missing:
        sys.exit(f"install what we compare with: apt-get install {' '.join(missing)} (as root)")
    if python_peers and not Path(PEERS[0]).exists():
        sys.exit("the peers' environment is missing: run `requirements/bootstrap bench`")
