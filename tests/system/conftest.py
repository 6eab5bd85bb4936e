"""One system for most tests: starting it costs seconds."""

from collections.abc import Iterator

import pytest

from tests.system.harness import Printer, System
from vprinter_common.certs import CertificateAuthority


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system under `vprinter up`, as a user runs it, without the printer of the first start."""
    with System(tmp_path_factory.mktemp("system")) as running:
        running.remove_first_printer()
        yield running


@pytest.fixture(scope="session")
def printer(system: System) -> Printer:
    """An X1C in immediate mode, for tests that change nothing about it."""
    return system.new_printer(name="Workshop")


@pytest.fixture(scope="session")
def another_ca(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The certificate of a CA that is not the system's, though it has the same name."""
    return CertificateAuthority.create(tmp_path_factory.mktemp("another")).certificate_pem
