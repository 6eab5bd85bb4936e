"""The unchanged docker-compose.yml under a project name of its own, and what tests ask of its containers."""

import json
import os
import secrets
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.simulators.profiles import Profile
from tests.simulators.slicer import Place, Slicer
from tests.system.api import Api
from tests.system.processes import wait_for

ROOT = Path(__file__).parents[2]
SERVICES = ("discovery", "mqtt", "ftps", "proxy", "control")
RUNNING = ("nats", *SERVICES)
HEALTHY_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Compose:
    """One project. The engine must be there already."""

    env_file: Path
    project: str = "vprinter-test"
    files: tuple[str, ...] = ("docker-compose.yml",)

    def run(self, *arguments: str, timeout: float = 900) -> str:
        """`docker compose …`; its standard output."""
        files = [word for name in self.files for word in ("-f", name)]
        return docker(
            "compose", "--env-file", str(self.env_file), "-p", self.project, *files, *arguments, timeout=timeout
        )

    def container(self, service: str) -> dict[str, Any]:
        """What the engine says of a service's container."""
        (found,) = json.loads(docker("inspect", f"{self.project}-{service}-1"))
        return dict(found)

    def pid(self, service: str) -> int:
        """The main process of a service, in the host's numbers."""
        return int(self.container(service)["State"]["Pid"])

    def await_healthy(self, *services: str) -> None:
        """Wait until the engine finds the services well."""
        for service in services:
            wait_for(lambda service=service: self._is_healthy(service), f"{service} healthy", HEALTHY_WITHIN)  # type: ignore[misc]

    def _is_healthy(self, service: str) -> bool:
        state = self.container(service)["State"]
        return bool(state["Running"] and state["Health"]["Status"] == "healthy")

    def crash(self, service: str) -> None:
        """Kill a service's process and wait until the engine has started another."""
        before = self.pid(service)
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: self.pid(service) not in (0, before), f"{service} started again", 30)
        self.await_healthy(service)


def docker(*arguments: str, timeout: float = 900) -> str:
    """Run docker; its standard output, or an error with what it said."""
    done = subprocess.run(
        ["docker", *arguments], check=False, cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr[-4000:]}"
    return done.stdout


def environment(path: Path, **more: str) -> Path:
    """An .env file as a user writes it from .env.example."""
    given: Mapping[str, str] = {"NATS_PASSWORD": secrets.token_hex(16), **more}
    lines = [
        f"{name}={given[name]}" if (name := line.partition("=")[0]) in given else line
        for line in (ROOT / ".env.example").read_text().splitlines()
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


@dataclass(frozen=True, slots=True)
class Deployed:
    """A running system seen from outside: where it is and how to get in."""

    api: Api
    place: Place
    access_code: str

    def send(self, filename: str, content: bytes, profile: Profile) -> str:
        """Send a file as a slicer does; its SHA-256."""
        ca = self.api.raw("GET", "certificate-authority.pem").decode()
        with Slicer(self.place, ca_pem=ca, access_code=self.access_code, profile=profile) as slicer:
            slicer.add()
            slicer.connect()
            return slicer.send(filename, content).sha256

    def await_archived(self, sha256: str) -> dict[str, Any]:
        """Wait for the one archive entry of a file."""
        wait_for(lambda: self.api.items("archive", sha256=sha256), f"{sha256[:12]} in the archive", 30)
        (found,) = self.api.items("archive", sha256=sha256)
        return found
