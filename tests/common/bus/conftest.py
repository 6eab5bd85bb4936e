from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.common.nats_server import NatsServer


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("connection", "buckets", "facts"):
        monkeypatch.setattr(f"vprinter_common.bus.{module}.RETRY", 0.1)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    with NatsServer(tmp_path) as running:
        yield running
