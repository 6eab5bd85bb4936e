"""What the tests of ftps share."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.common.printers import certificate
from tests.ftps.rig import Rig, served
from vprinter_common.certs import Leaf

Serve = Callable[..., Awaitable[Rig]]
Ca = tuple[Path, Leaf]


@pytest.fixture(scope="session")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Ca:
    """The CA's file and a printer's certificate."""
    directory = tmp_path_factory.mktemp("ca")
    _, leaf = certificate(directory)
    return directory / "bbl_ca.crt", leaf


@pytest.fixture
async def serve(tmp_path: Path, ca: Ca) -> AsyncIterator[Serve]:
    """Serve a printer with settings of its own until the test ends."""
    ca_file, leaf = ca
    async with AsyncExitStack() as stack:

        async def start(**options: Any) -> Rig:
            return await stack.enter_async_context(served(tmp_path / "data", leaf, ca_file, **options))

        yield start
