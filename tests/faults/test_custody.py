"""`kill -9` of ftps at every step of custody: what got 226 is there exactly once, what did not has left nothing."""

import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.houses import FusedSystem
from tests.faults.ledger import Ledger
from tests.simulators import threemf
from tests.system.harness import Printer
from tests.system.processes import wait_for

pytestmark = pytest.mark.full

WITHOUT_RECEIPT = ("received", "checked", "fsynced", "renamed", "directory_synced", "receipt_written")
PLACED = frozenset({"renamed", "directory_synced", "receipt_written"})
"""Steps after which the file itself is in its place already."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusedSystem]:
    # Files that nothing refers to are collected while the tests run, as eagerly as it can be set.
    environ = {"VPRINTER_CONTROL__GC_INTERVAL": "1", "VPRINTER_CONTROL__GC_GRACE": "3"}
    with FusedSystem(tmp_path_factory.mktemp("custody"), environ) as running:
        running.remove_first_printer()
        yield running


@pytest.fixture(scope="module")
def printer(system: FusedSystem) -> Printer:
    return system.new_printer(name="Custody")


@pytest.fixture(scope="module")
def ledger(system: FusedSystem, printer: Printer) -> Ledger:
    return Ledger(system, printer, system.ca_pem())


def restart(system: FusedSystem, printer: Printer) -> None:
    """What the supervisor does."""
    system.fused.await_death("ftps")
    system.restart("ftps")
    system.await_reachable(printer)


@pytest.mark.parametrize("step", WITHOUT_RECEIPT)
def test_death_before_the_receipt_means_no_226_and_nothing_stays(
    system: FusedSystem, printer: Printer, ledger: Ledger, step: str
) -> None:
    content = threemf.sliced(title=step, padding=300_000)
    system.fuse("ftps").arm(step)
    assert ledger.upload(f"{step}.gcode.3mf", content) == ""
    restart(system, printer)
    ledger.settle()
    assert not ledger.listed()[ledger.entry(f"{step}.gcode.3mf", content)]
    ledger.await_collected()


def test_death_with_the_receipt_written_but_no_226_yet_shows_the_file_once(
    system: FusedSystem, printer: Printer, ledger: Ledger
) -> None:
    content = threemf.sliced(title="receipt_renamed")
    system.fuse("ftps").arm("receipt_renamed")
    assert ledger.upload("receipt_renamed.gcode.3mf", content) == ""
    restart(system, printer)
    ledger.settle()
    assert ledger.listed()[ledger.entry("receipt_renamed.gcode.3mf", content)] == 1


def test_death_right_after_the_226_loses_nothing(system: FusedSystem, printer: Printer, ledger: Ledger) -> None:
    content = threemf.sliced(title="replied")
    system.fuse("ftps").arm("replied")
    assert ledger.upload("replied.gcode.3mf", content).startswith("226")
    restart(system, printer)
    ledger.settle()
    assert ledger.listed()[ledger.entry("replied.gcode.3mf", content)] == 1


def test_death_between_publishing_and_removing_the_receipt_lists_the_file_once(
    system: FusedSystem, printer: Printer, ledger: Ledger
) -> None:
    content = threemf.sliced(title="published")
    system.fuse("ftps").arm("published")
    ledger.upload("published.gcode.3mf", content)
    restart(system, printer)
    ledger.settle()
    assert ledger.listed()[ledger.entry("published.gcode.3mf", content)] == 1


def test_death_while_bytes_arrive_leaves_nothing(system: FusedSystem, printer: Printer, ledger: Ledger) -> None:
    content = threemf.sliced(title="half", padding=8 << 20)
    with ledger.session() as session:
        session.begin_store("half.gcode.3mf")
        session.write(content[: len(content) // 2])
        wait_for(system.leftovers, "the part is on the disk")
        system.kill("ftps")
    system.restart("ftps")
    system.await_reachable(printer)
    ledger.settle()


def test_random_deaths_among_parallel_uploads_lose_nothing(
    system: FusedSystem, printer: Printer, ledger: Ledger
) -> None:
    done = threading.Event()

    def keep_sending(slicer: int) -> None:
        number = 0
        while not done.is_set():
            number += 1
            told = ledger.upload(
                f"slicer {slicer} file {number}.gcode.3mf", threemf.sliced(title=f"{slicer}/{number}", padding=200_000)
            )
            done.wait(0 if told else 0.2)

    slicers = [threading.Thread(target=keep_sending, args=(slicer,)) for slicer in range(3)]
    for thread in slicers:
        thread.start()
    try:
        for life in (0.4, 0.9, 0.6, 1.2):
            acknowledged = ledger.kept.total()
            wait_for(lambda seen=acknowledged: ledger.kept.total() > seen, "service")  # type: ignore[misc]
            time.sleep(life)  # not waited for: the moment of death is meant to be arbitrary
            system.kill("ftps")
            system.restart("ftps")
    finally:
        done.set()
        for thread in slicers:
            thread.join()
    ledger.settle()
    assert ledger.unknown, "no upload was hit"
