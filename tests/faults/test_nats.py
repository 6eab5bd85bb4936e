"""NATS dies for half a minute: uploads are taken, receipts wait, and all are listed once when it is back."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.houses import FusedSystem
from tests.faults.ledger import Ledger
from tests.simulators import threemf
from tests.simulators.profiles import STUDIO_27
from tests.system.processes import NATS

pytestmark = [pytest.mark.full, pytest.mark.timeout(240)]

AWAY = 30.0


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FusedSystem]:
    with FusedSystem(tmp_path_factory.mktemp("nats")) as running:
        running.remove_first_printer()
        yield running


def receipts(system: FusedSystem) -> list[Path]:
    return list((system.data / "outbox").glob("*.json"))


def test_uploads_go_on_while_nats_is_dead(system: FusedSystem) -> None:
    ledger = Ledger(system, system.new_printer(name="Islander"), system.ca_pem())
    printer = ledger.printer
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        system.kill(NATS)
        back = time.monotonic() + AWAY
        number = 0
        while time.monotonic() < back:
            number += 1
            name, content = f"away {number}.gcode.3mf", threemf.sliced(title=f"away {number}", padding=100_000)
            assert ledger.upload(name, content).startswith("226")
            slicer.watch(lambda device, seen=slicer.device.pushes: device.pushes > seen, "reports", timeout=3)  # type: ignore[misc]
        assert len(receipts(system)) == number
        assert system.health("ftps", "readyz")[0] == 200, "it serves, degraded"
        system.fused.start_one(NATS)
        ledger.settle(timeout=60)
    assert ledger.kept.total() >= number
