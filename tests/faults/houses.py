"""Systems to break: with fuses in the services that have something to lose."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import tests
from tests.faults.fuse import FUSE_VARIABLE, Fuse
from tests.system.harness import System
from tests.system.processes import Separate

REPOSITORY = Path(next(iter(tests.__path__))).parent
REDELIVERED_WITHIN = 60.0
"""Seconds: what a dead control had in hand is delivered again after 20."""
FUSED = ("ftps", "control")


class Fused(Separate):
    """Every process by itself; nothing restarts what died but the test."""

    fuses: Mapping[str, Fuse]

    def _command(self, name: str) -> list[str]:
        if name in FUSED:
            return [sys.executable, "-m", "tests.faults.crashing", name]
        return super()._command(name)

    def start_one(self, name: str, **more: str) -> None:
        """Start a service with its fuse."""
        if name in FUSED:
            path = os.pathsep.join(filter(None, (str(REPOSITORY), self.environ.get("PYTHONPATH"))))
            more = {FUSE_VARIABLE: str(self.fuses[name].path), "PYTHONPATH": path, **more}
        super().start_one(name, **more)

    def await_death(self, name: str, timeout: float = 15.0) -> None:
        """Wait until a service has died of its fuse."""
        self._running.pop(name).wait(timeout)


class FusedSystem(System):
    """A system whose processes a test starts and kills one by one."""

    def __init__(self, directory: Path, environ: Mapping[str, str] | None = None) -> None:
        super().__init__(directory, supervised=False, environ=environ)
        plain = self.processes
        self.fused = Fused(plain.environ, plain.logs, self.data, self.ports.nats)
        self.fused.fuses = {name: Fuse(directory / f"{name}.fuse") for name in FUSED}
        self.processes = self.fused

    def fuse(self, service: str) -> Fuse:
        """The fuse of a service."""
        return self.fused.fuses[service]

    def restart(self, service: str, **more: str) -> None:
        """Start a service that died, as a supervisor does, and wait until it works."""
        self.fused.start_one(service, **more)
        self.await_ready(service)
