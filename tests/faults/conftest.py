"""One supervised system for all that is done to it from outside."""

import resource
from collections.abc import Iterator

import pytest

from tests.faults.ledger import Ledger
from tests.faults.neighbour import Neighbour
from tests.faults.vitals import Vitals
from tests.system.harness import Printer, System
from tests.system.processes import SERVICES

ORDINARY_DESCRIPTORS = 1024
"""Open files that an ordinary user's process may have on most systems."""


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system under `vprinter up`, with no more descriptors than most users have."""
    with System(tmp_path_factory.mktemp("house")) as running:
        running.remove_first_printer()
        for service in SERVICES:
            pid = running.processes.pid(service)
            assert pid is not None, f"{service} does not run"
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (ORDINARY_DESCRIPTORS, ORDINARY_DESCRIPTORS))
        yield running


@pytest.fixture(scope="session")
def ledger(house: System) -> Ledger:
    """The books of the printer that everything is done to; one for all, so that what piles up is found."""
    return Ledger(house, house.new_printer(name="Target"), house.ca_pem())


@pytest.fixture(scope="session")
def target(ledger: Ledger) -> Printer:
    """That printer."""
    return ledger.printer


@pytest.fixture
def attacker(house: System) -> str:
    """The address that trouble comes from."""
    return house.fresh_address()


@pytest.fixture
def peace(house: System, ledger: Ledger) -> Iterator[Vitals]:
    """The test must disturb neither a slicer at the same printer nor the services; in the end the books must be right."""
    with Vitals(house) as vitals, Neighbour(ledger):
        yield vitals
    ledger.settle()
