"""One system for most tests: starting it costs seconds."""

from collections.abc import Iterator

import pytest

from tests.system.harness import System


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system under `vprinter up`, as a user runs it."""
    with System(tmp_path_factory.mktemp("system")) as running:
        yield running
