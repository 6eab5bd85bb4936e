"""The processes of a system: under `vprinter up`, or each by itself for tests that kill and restart them one by one."""

import os
import signal
import subprocess
import sys
import sysconfig
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

import psutil

STOP_WITHIN = 30.0
SERVICES = ("discovery", "ftps", "mqtt", "proxy", "control")
NATS = "nats"


def wait_for(condition: Callable[[], object], what: str, timeout: float = 30.0) -> None:
    """Wait until the condition holds; AssertionError says for what we waited in vain."""
    until = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what}: not within {timeout:g} s")
        time.sleep(0.03)


class Processes(ABC):
    """How the system's processes run. Every line they write is kept in `logs`."""

    def __init__(self, environ: Mapping[str, str], logs: Path) -> None:
        self.environ = {**os.environ, **environ, "PYTHONUNBUFFERED": "1"}
        self.logs = logs
        logs.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def start(self) -> None:
        """Start everything."""

    @abstractmethod
    def stop(self) -> None:
        """Stop everything gracefully; AssertionError when it takes too long or leaves an orphan."""

    @abstractmethod
    def pid(self, name: str) -> int | None:
        """The process of a service, or of "nats"; None while it is not there."""

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal to a service; returns the pid it had."""
        pid = self.pid(name)
        assert pid is not None, f"{name} does not run"
        os.kill(pid, number)
        return pid

    def log_files(self) -> list[Path]:
        """All logs so far."""
        return sorted(self.logs.glob("*.log"))


class Supervised(Processes):
    """`vprinter up`, as users run it."""

    def __init__(self, environ: Mapping[str, str], logs: Path) -> None:
        super().__init__(environ, logs)
        self._up: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    @property
    def log(self) -> Path:
        """The whole output."""
        return self.logs / "up.log"

    def start(self) -> None:
        self._log = self.log.open("ab")
        command = [sys.executable, "-m", "vprinter_cli", "up"]
        self._up = subprocess.Popen(
            command,
            env=self.environ,
            cwd=self.logs,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def stop(self) -> None:
        assert self._up is not None, "start() comes first"
        children = self._children()
        self._up.terminate()
        try:
            self._up.wait(STOP_WITHIN + 2)
        except subprocess.TimeoutExpired:
            self._up.kill()
            self._up.wait()
            raise AssertionError(f"`vprinter up` did not stop within {STOP_WITHIN:g} s") from None
        finally:
            if self._log is not None:
                self._log.close()
            orphans = [child for child in children if child.is_running()]
            for orphan in orphans:
                orphan.kill()
        assert not orphans, f"orphans: {orphans}"

    @property
    def supervisor(self) -> int:
        """The pid of `vprinter up` itself."""
        assert self._up is not None, "start() comes first"
        return self._up.pid

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.supervisor).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def pid(self, name: str) -> int | None:
        for child in self._children():
            try:
                if _is(name, child.cmdline()):
                    return child.pid
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
        return None


class Separate(Processes):
    """Every process by itself: nothing restarts what a test has stopped."""

    def __init__(
        self, environ: Mapping[str, str], logs: Path, data_dir: Path, nats_port: int, python: str = sys.executable
    ) -> None:
        """`python`: the interpreter that runs the services."""
        super().__init__(environ, logs)
        self._python = python
        self._data_dir = data_dir
        self._nats_port = nats_port
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self.environ |= {
            "VPRINTER_NATS__URL": f"nats://127.0.0.1:{nats_port}",
            "VPRINTER_LOG__FORMAT": "json",
        }

    def start(self) -> None:
        for name in (NATS, *SERVICES):
            self.start_one(name)

    def start_one(self, name: str, **more: str) -> None:
        """Start a service or NATS; `more`: environment for this start only."""
        assert self.pid(name) is None, f"{name} runs already"
        environ = {**self.environ, **more}
        if name in SERVICES:
            environ["VPRINTER_ADMIN__PORT"] = environ[f"ADMIN_PORT_{name}"]
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                self._command(name),
                env=environ,
                cwd=self.logs,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def _command(self, name: str) -> list[str]:
        if name in SERVICES:
            return [self._python, "-m", f"vprinter_{name}"]
        store = self._data_dir / "nats"
        store.mkdir(parents=True, exist_ok=True)
        config = store / "nats.conf"
        config.write_text(
            f'listen: "127.0.0.1:{self._nats_port}"\njetstream {{ store_dir: "{store}", sync_interval: always }}\n'
        )
        return [str(Path(sysconfig.get_path("scripts")) / "nats-server"), "-c", str(config)]

    def stop_one(self, name: str) -> None:
        """Stop a service gracefully."""
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"{name} did not stop within {STOP_WITHIN:g} s") from None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        pid = super().kill(name, number)
        if number == signal.SIGKILL:
            self._running.pop(name).wait()
        return pid

    def stop(self) -> None:
        late = []
        for name in (*SERVICES, NATS):
            if self.pid(name) is not None:
                try:
                    self.stop_one(name)
                except AssertionError as error:
                    late.append(str(error))
        assert not late, "; ".join(late)

    def pid(self, name: str) -> int | None:
        process = self._running.get(name)
        return process.pid if process is not None and process.poll() is None else None


def _is(name: str, command: list[str]) -> bool:
    """Whether a command line is that of a service; the wrapper in front of it has become it by then, or is not it."""
    if name == NATS:
        return bool(command) and command[0].endswith("nats-server")
    return command[-2:] == ["-m", f"vprinter_{name}"] and "leash" not in " ".join(command)
