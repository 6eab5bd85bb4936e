"""Files in an S3-compatible store: the same custody and control, and a node without files of its own serves them."""

import asyncio
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.common import s3
from tests.simulators import threemf
from tests.simulators.profiles import STUDIO_27
from tests.system.harness import Printer, System
from tests.system.ports import free_ports
from tests.system.processes import wait_for

ROOT = Path(__file__).parents[2]
SUITES = ("tests/ftps", "tests/control/test_files.py", "tests/control/test_ingest.py", "tests/control/test_octoprint.py",
          "tests/control/test_review.py", "tests/control/test_collect.py", "tests/control/test_prints.py")  # fmt: skip


def send(system: System, printer: Printer, name: str) -> tuple[str, bytes]:
    content = threemf.sliced(title=name)
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        return slicer.send(f"{name}.gcode.3mf", content).sha256, content


LOOKS_INTO_THE_DIRECTORY = (
    "tests/ftps/test_card_over_ftp.py::test_a_file_that_the_archive_removed_vanishes_from_the_card"
)


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_custody_and_control_do_with_it_what_they_do_with_a_directory() -> None:
    with s3.server() as settings:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not full", *SUITES),
            *("--deselect", LOOKS_INTO_THE_DIRECTORY),
            cwd=ROOT,
            env={**os.environ, s3.SETTINGS: s3.as_environment(settings)[s3.SETTINGS]},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()


@pytest.mark.full
def test_files_outlive_the_node_and_uploads_outlast_the_store(tmp_path: Path) -> None:
    port = free_ports().base
    with s3.server(port) as settings, System(tmp_path, environ=s3.as_environment(settings)) as system:
        system.remove_first_printer()
        printer = system.new_printer()
        sha256, content = send(system, printer, "first")
        (entry,) = system.await_archived(sha256)
        shutil.rmtree(system.data / "blobs" / "sha256")
        (system.data / "blobs" / "sha256").mkdir()
        assert system.api.raw("GET", f"archive/{entry['id']}/file") == content
        system.secrets.add("testing-testing")
    with System(tmp_path, environ=s3.as_environment(settings), token=system.token) as again:
        printer_again = Printer(printer.id, printer.serial, printer.address, printer.code, printer.model)
        wait_for(lambda: again.api.items("virtual-printers"), "the API knows its printers")
        again.await_reachable(printer_again, 30)
        sha256, _ = send(again, printer_again, "while it is away")  # 226: the spool has it
        assert again.archived(sha256) == []
        with s3.server(port):
            again.await_archived(sha256, timeout=60)
