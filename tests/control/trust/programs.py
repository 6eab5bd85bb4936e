"""The installers as programs that a person runs."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.control.trust.bundles import BROUGHT, OURS
from tests.control.trust.powershell import interpreter
from vprinter_control.trust.installers import Platform, installer

FINGERPRINT = "AA:" * 31 + "AA"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, and what it said."""

    code: int
    text: str


Run = Callable[..., Outcome]
"""Called with the tree's root, then options and paths as the shell has them."""


@dataclass(frozen=True, slots=True)
class Program:
    """A shell with the tools it finds. `awk`: the awk in its PATH; `busybox`: nothing but busybox is there."""

    name: str
    command: tuple[str, ...]
    awk: str | None = None
    busybox: bool = False

    @property
    def missing(self) -> str | None:
        """What this computer lacks for it."""
        wanted = [self.command[0], *([self.awk] if self.awk else [])] if self.command else []
        return next((name for name in wanted if shutil.which(name) is None), None)

    def prepare(self, directory: Path) -> Run:
        """Make the installer; the result runs it."""
        if not self.command:
            return _windows
        tools = directory / "tools"
        tools.mkdir()
        path = f"{tools}:{os.environ['PATH']}"
        if self.busybox:
            busybox = shutil.which("busybox") or ""
            subprocess.run([busybox, "--install", "-s", tools], check=True)
            path = str(tools)
        elif self.awk:
            (tools / "awk").symlink_to(shutil.which(self.awk) or "")
        program = directory / Platform.LINUX.filename
        program.write_text(installer(Platform.LINUX, OURS, FINGERPRINT, [BROUGHT]))

        def run(root: Path, *arguments: str | Path, as_user: tuple[str, ...] = ()) -> Outcome:
            command = [
                *as_user,
                shutil.which(self.command[0]) or "",
                *self.command[1:],
                program,
                "--root",
                root,
                *arguments,
            ]
            done = subprocess.run(command, check=False, env={"PATH": path}, capture_output=True, text=True, timeout=60)
            return Outcome(done.returncode, done.stdout + done.stderr)

        return run


def _windows(root: Path, *arguments: str | Path) -> Outcome:
    source = installer(Platform.WINDOWS, OURS, FINGERPRINT, [BROUGHT])
    options = {"--check": "Check", "--remove": "Remove", "--keep-others": "KeepOthers"}
    given = {options[str(one)]: True for one in arguments if str(one) in options}
    paths = [str(one) for one in arguments if str(one) not in options]
    return Outcome(*interpreter.run(source, {"Root": str(root), "Path": paths, **given}))


PROGRAMS = (
    Program("dash", ("dash",)),
    # The tools of macOS are of the BSD family: its awk is this one.
    Program("bash with BSD awk", ("bash",), awk="original-awk"),
    Program("busybox alone", ("busybox", "sh"), busybox=True),
    Program("powershell", ()),
)
