"""`kill -9` of control while it takes an upload: the fact comes again, the upload is listed once."""

from collections.abc import Iterator

import pytest

from tests.faults.houses import REDELIVERED_WITHIN, FusedSystem
from tests.faults.ledger import Ledger
from tests.simulators import threemf
from tests.system.harness import accepts
from tests.system.processes import wait_for

pytestmark = [pytest.mark.full, pytest.mark.timeout(3 * REDELIVERED_WITHIN)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusedSystem]:
    with FusedSystem(tmp_path_factory.mktemp("control")) as running:
        running.remove_first_printer()
        yield running


def test_an_upload_that_control_died_over_is_listed_once(system: FusedSystem) -> None:
    """Both deaths in one test, because each waits until NATS gives up on the dead consumer."""
    ledgers = {}
    for step in ("before_commit", "before_ack"):
        ledgers[step] = Ledger(system, system.new_printer(name=step), system.ca_pem())
        system.fuse("control").arm(step)
        for copy in range(2):  # the second one was handed to the dead control, or waits behind the first
            name, content = f"{step} {copy}.gcode.3mf", threemf.sliced(title=f"{step} {copy}")
            assert ledgers[step].upload(name, content).startswith("226")
        system.fused.await_death("control")
        system.restart("control")
    for ledger in ledgers.values():
        ledger.settle(REDELIVERED_WITHIN)


def test_edges_serve_while_control_is_dead(system: FusedSystem) -> None:
    ledger = Ledger(system, system.new_printer(name="Headless"), system.ca_pem())
    system.kill("control")
    system.fused.kill("ftps")
    system.restart("ftps")
    wait_for(lambda: accepts(ledger.printer.address, system.ports.ftps), "ftps serves what the bucket says")
    content = threemf.sliced(title="headless")
    assert ledger.upload("headless.gcode.3mf", content).startswith("226")
    system.restart("control")
    ledger.settle(REDELIVERED_WITHIN)
    assert ledger.listed()[ledger.entry("headless.gcode.3mf", content)] == 1
