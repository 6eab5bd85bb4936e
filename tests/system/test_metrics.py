"""What services export is what is declared of them."""

import pytest

from tests.simulators import threemf
from tests.simulators.profiles import ORCA
from tests.system.exposition import faults
from tests.system.harness import Printer, System
from tests.system.processes import SERVICES


@pytest.fixture(scope="module")
def used(system: System, printer: Printer) -> System:
    """The system, after a print."""
    with system.slicer(printer, ORCA) as slicer:
        slicer.add()
        slicer.connect()
        system.await_archived(slicer.print("measured.gcode.3mf", threemf.sliced(title="measured")).sha256)
    return system


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_exports_what_is_declared_and_nothing_else(used: System, service: str) -> None:
    assert faults(service, used.health(service, "metrics")[1]) == []
