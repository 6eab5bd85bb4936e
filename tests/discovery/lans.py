"""Networks of their own for tests: namespaces that end with the processes in them."""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import pytest

from tests.discovery.radio import Radio
from vprinter_common.wire import ssdp

INSIDE = "VPRINTER_TEST_NETNS"
"""Set in the environment of tests that run in a network namespace."""
_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
T = TypeVar("T")


def namespace_command() -> list[str] | None:
    """What runs a command in a network namespace of its own, as root or as anybody; None if neither is allowed."""
    for command in (["unshare", "-n"], ["unshare", "-rn"]):  # with -r there is one user only
        if subprocess.run([*command, "true"], check=False, capture_output=True).returncode == 0:
            return command
    return None


def ip(*words: str) -> None:
    """The `ip` tool in this host's namespace."""
    subprocess.run(["ip", *words], check=True)


class Host:
    """A computer in a network namespace of its own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 1800"], stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        self._process.stdout.readline()  # by now it is in its namespace
        self._process.stdout.close()
        self.pid = self._process.pid
        self._netns = f"/proc/{self.pid}/ns/net"
        self.enter = ("nsenter", f"--net={self._netns}")
        """What to put before a command that is to run there."""

    def ip(self, *words: str) -> None:
        """The `ip` tool there."""
        self.inside("ip", *words)

    def inside(self, *words: str) -> None:
        """Run a command there."""
        subprocess.run([*self.enter, *words], check=True)

    def there(self, make: Callable[[], T]) -> T:
        """Make something (a socket) in that namespace, where it stays."""
        with Path("/proc/thread-self/ns/net").open() as here, Path(self._netns).open() as there:
            _enter(there.fileno())
            try:
                return make()
            finally:
                _enter(here.fileno())

    def close(self) -> None:
        """Take it away."""
        self._process.kill()
        self._process.wait()


class Lan(Host):
    """A network with one slicer, in its own namespace, plugged to our `device`, or to that of the host of another one."""

    def __init__(self, device: str, ours: str, theirs: str, router: "Lan | None" = None) -> None:
        super().__init__()
        self.device, self.address = device, theirs
        self._near = ip if router is None else router.ip
        self._near("link", "add", device, "type", "veth", "peer", "name", "s0", "netns", str(self.pid))
        self._near("addr", "add", f"{ours}/24", "brd", "+", "dev", device)
        self._near("link", "set", device, "up")
        for words in (["addr", "add", f"{theirs}/24", "brd", "+", "dev", "s0"], ["link", "set", "s0", "up"]):
            self.ip(*words)

    def radio(self, address: str = "0.0.0.0") -> Radio:
        """The slicer's SSDP port."""
        return self.there(lambda: Radio(ssdp.PORT, address))

    def close(self) -> None:
        super().close()
        with suppress(subprocess.CalledProcessError):  # gone already, with the other end of it
            self._near("link", "del", self.device)


def _enter(descriptor: int) -> None:
    if _libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextmanager
def lan(device: str, ours: str, theirs: str, router: Lan | None = None) -> Iterator[Lan]:
    made = Lan(device, ours, theirs, router)
    try:
        yield made
    finally:
        made.close()


def run_scenarios(file: Path, timeout: float) -> None:
    """Run a file's tests in a network namespace of their own, which ends with the processes in it."""
    command = namespace_command()
    if command is None:
        pytest.skip("needs root or unprivileged user namespaces: `unshare -rn true` is refused on this host")
    run = subprocess.run(
        [*command, sys.executable, "-m", "pytest", str(file), "-q", "-p", "no:cacheprovider"],
        check=False,
        capture_output=True,
        text=True,
        cwd=file.parents[2],
        timeout=timeout,
        env=os.environ | {INSIDE: "1"},
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "skipped" not in run.stdout
