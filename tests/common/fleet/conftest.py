from collections.abc import AsyncIterator

import pytest

from tests.common.fleet.rig import FakeEdge, Rig
from vprinter_common.fleet import reconcile


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    made = Rig(FakeEdge())
    yield made
    await made.fleet.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "RETRY_FIRST", 0.02)
