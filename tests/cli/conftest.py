"""The command against the real API, in one process: control's own parts, and the command in a thread."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from json import loads
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.control.conftest import api, authority, bus, clock, database, empty_database, parts
from tests.control.harness import ADMIN_TOKEN, Api
from vprinter_cli.command import main

__all__ = ["api", "authority", "bus", "clock", "database", "empty_database", "parts"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its answer, if it was asked for JSON."""
        assert self.code == 0, self.err
        return loads(self.out)


Command = Callable[..., Awaitable[Ended]]


@pytest.fixture
def vprinter(api: Api, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run a command against the API, with an admin's token."""
    monkeypatch.setenv("VPRINTER_URL", str(api.client.make_url("")))
    monkeypatch.setenv("VPRINTER_TOKEN", ADMIN_TOKEN)

    async def run(*arguments: object) -> Ended:
        capsys.readouterr()
        with capture_logs():  # control runs in this process and would log to the same terminal
            try:
                code = await asyncio.to_thread(main, [str(one) for one in arguments])
            except SystemExit as ended:
                code = int(ended.code or 0)
        printed = capsys.readouterr()
        return Ended(code, printed.out, printed.err)

    return run
