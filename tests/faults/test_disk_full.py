"""A disk that fills up: uploads are refused in time, the rest goes on, and space that comes back is used."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ledger import Ledger
from tests.faults.vitals import Vitals
from tests.simulators import threemf
from tests.system.harness import System
from tests.system.processes import Supervised, wait_for

pytestmark = pytest.mark.full

MIB = 1 << 20
DISK, KEPT_FREE, FILE = 144 * MIB, 48 * MIB, 20 * MIB
MOUNT = 'mount -t tmpfs -o size={} tmpfs "$0" && exec "$@"'
"""For a shell in a mount namespace of its own, which every user may make unless the host forbids it."""


class OnSmallDisk(Supervised):
    """`vprinter up` with its data on a tmpfs that nobody else sees."""

    data: Path

    def start(self) -> None:
        self.data.mkdir()
        self._log = self.log.open("ab")
        command = [*confined(self.data, DISK), sys.executable, "-m", "vprinter_cli", "up"]
        self._up = subprocess.Popen(
            command, env=self.environ, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT
        )


def confined(directory: Path, size: int) -> list[str]:
    """What runs the command after it with a small disk on `directory`; unshare and sh become that command."""
    return ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", MOUNT.format(size), str(directory)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    probe = tmp_path_factory.mktemp("probe")
    if (
        shutil.which("unshare") is None
        or subprocess.run([*confined(probe, DISK), sys.executable, "-c", ""], check=False).returncode
    ):
        pytest.skip("this host lets nobody make a mount namespace; the tests with a quota run everywhere")
    running = System(
        tmp_path_factory.mktemp("small-disk"),
        environ={
            "VPRINTER_FTPS__MIN_FREE_BYTES": str(KEPT_FREE),
            "VPRINTER_CONTROL__GC_INTERVAL": "1",
            "VPRINTER_CONTROL__GC_GRACE": "1",
        },
    )
    up = OnSmallDisk(running.processes.environ, running.processes.logs)
    up.data = running.data
    running.processes = up
    with running:
        running.data = Path(f"/proc/{up.supervisor}/root{running.data}")
        running.remove_first_printer()
        yield running


@pytest.fixture(scope="module")
def ledger(system: System) -> Ledger:
    return Ledger(system, system.new_printer(name="Small"), system.ca_pem())


def free(system: System) -> int:
    """Bytes that the small disk still takes."""
    space = os.statvfs(system.data)
    return space.f_bavail * space.f_frsize


def file(title: str) -> bytes:
    return threemf.sliced(title=title, padding=FILE)


def fill(ledger: Ledger) -> list[tuple[str, bytes]]:
    """Send files until one is refused; the files that were taken."""
    taken: list[tuple[str, bytes]] = []
    for number in range(DISK // FILE):
        name, content = f"fills {number}.gcode.3mf", file(f"fills {number}")
        told = ledger.upload(name, content)
        if not told.startswith("226"):
            assert told.startswith("452"), told
            assert "not enough free space; delete files in the archive" in told
            return taken
        taken.append((name, content))
    raise AssertionError("the disk never filled up")


def clear(ledger: Ledger) -> None:
    """Delete everything in the archive, as a user does who needs room."""
    api = ledger.system.api
    wait_for(lambda: not ledger.kept - ledger.listed(), "all that was taken is listed")
    for item in api.items("archive"):
        api.delete(f"archive/{item['id']}")
        ledger.kept[item["filename"], item["sha256"]] -= 1
    wait_for(lambda: not ledger.system.blobs(), "deleted files are gone")


def test_uploads_stop_above_the_watermark_and_begin_again_when_files_are_deleted(
    system: System, ledger: Ledger
) -> None:
    with Vitals(system):
        assert len(fill(ledger)) >= 2
        assert free(system) > KEPT_FREE - FILE, "the database and NATS have room"
        assert not system.leftovers()
        clear(ledger)
        assert ledger.upload("fits again.gcode.3mf", file("fits again")).startswith("226")
    ledger.settle()


def test_a_disk_that_another_program_fills_mid_upload_is_452_and_nothing_stays(system: System, ledger: Ledger) -> None:
    clear(ledger)
    name, content = "meets the end.gcode.3mf", file("meets the end")
    filler = system.data / "filler"

    def upload() -> str:
        with ledger.session() as session:
            session.begin_store(name)
            session.write(content[: FILE // 4])
            wait_for(system.leftovers, "the part is on the disk")
            fill_up(filler)
            return session.finish_store(content[FILE // 4 :]).text

    told = ledger.told(name, content, upload)
    assert told.startswith("452"), told
    assert not [path for path in system.leftovers() if path.suffix == ".part"]
    filler.unlink()
    ledger.settle()
    assert ledger.upload(name, content).startswith("226")
    ledger.settle()


def fill_up(path: Path) -> None:
    """Write until the disk takes no more."""
    block = bytes(MIB)
    try:
        with path.open("wb", buffering=0) as out:
            while True:
                out.write(block)
    except OSError:
        pass
