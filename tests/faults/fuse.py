"""A fuse: the process that reaches the step named in a file kills itself there, as a crash would."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

FUSE_VARIABLE = "FAULTS_FUSE"
"""Environment variable that tells a service started by `crashing.py` where its fuse is."""


@dataclass(frozen=True, slots=True)
class Fuse:
    """Both ends: a test arms it, the service calls it at every step."""

    path: Path

    def arm(self, step: str) -> None:
        """The next process that comes to this step dies there."""
        self.path.write_text(step)

    @property
    def burnt(self) -> bool:
        """Whether what was armed has struck."""
        return not self.path.exists()

    def __call__(self, step: str) -> None:
        try:
            armed = self.path.read_text()
        except FileNotFoundError:
            return
        if armed == step:
            self.path.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
