"""A code that is revoked or replaced ends the sessions that began with it, whatever they do, and no other."""

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from typing import TypeVar

import pytest

from tests.common.printers import CODE
from tests.ftps.client import RawClient
from tests.ftps.conftest import Serve
from tests.ftps.rig import Rig, container, until
from vprinter_common.contracts.facts import FailureReason
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.contracts.printer import VirtualPrinter

T = TypeVar("T")

ADA, BOB = ("c1", "Ada", CODE), ("c2", "Bob", "Another1")
WITHIN = 20.0
"""Seconds; an idle session lasts for minutes."""
CONTENT = container(1_000_000)


def publish(rig: Rig, *codes: tuple[str, str, str]) -> None:
    """Give the printer these codes: id, owner, code."""
    fields = [{"id": id_, "owner": owner, "code": code} for id_, owner, code in codes]
    spec = rig.serving.spec.model_dump(mode="json") | {"access_codes": fields}
    rig.serving.spec = VirtualPrinter.model_validate(spec)
    rig.serving.changed()


class Sender:
    """A client that does one thing after the other, each in a thread."""

    def __init__(self, rig: Rig, client: RawClient) -> None:
        self._rig = rig
        self._client = client
        self._data: ssl.SSLSocket | None = None

    async def does(self, step: Callable[[RawClient], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._rig.clients, step, self._client)

    async def begins(self, name: str) -> None:
        """Send half of the file."""

        def half(client: RawClient) -> ssl.SSLSocket:
            data = client.connect_data()
            assert client.code(f"STOR {name}") == 150
            secured = client.secure(data)
            secured.sendall(CONTENT[:500_000])
            return secured

        self._data = await self.does(half)

    async def finishes(self) -> str:
        """Send the other half; the last reply."""
        data = self._data
        assert data is not None

        def rest(client: RawClient) -> str:
            with data:
                data.sendall(CONTENT[500_000:])
                data.unwrap()
            return client.reply()

        return await self.does(rest)

    def gives_up(self) -> None:
        """Close what is left of the data connection."""
        if self._data is not None:
            self._data.close()

    async def is_sent_away(self) -> list[str]:
        """All replies until the server closes."""

        def rest(client: RawClient) -> list[str]:
            replies = []
            while reply := client.reply():
                replies.append(reply)
            return replies

        return await self.does(rest)


@pytest.fixture
async def rig(serve: Serve) -> Rig:
    """A printer with two owners' codes."""
    rig = await serve()
    publish(rig, ADA, BOB)
    return rig


@pytest.fixture
async def ada_and_bob(rig: Rig) -> AsyncIterator[tuple[Sender, Sender]]:
    """Both are logged in."""
    with ExitStack() as stack:

        def log_in(code: str) -> RawClient:
            return stack.enter_context(RawClient(rig.port, rig.context_file)).login(code)

        loop = asyncio.get_running_loop()
        ada, bob = [Sender(rig, await loop.run_in_executor(rig.clients, log_in, code)) for _, _, code in (ADA, BOB)]
        yield ada, bob
        ada.gives_up()


async def test_an_idle_session_is_sent_away_and_anothers_transfer_goes_on(
    rig: Rig, ada_and_bob: tuple[Sender, Sender]
) -> None:
    ada, bob = ada_and_bob
    await bob.begins("bob.gcode.3mf")
    began = time.monotonic()
    publish(rig, BOB)
    assert await ada.is_sent_away() == ["421 the access code was revoked; closing"]
    assert time.monotonic() - began < WITHIN
    assert (await bob.finishes()).startswith("226")
    (receipt,) = [rig.house.publisher._outbox.read(path) for path in rig.outbox]
    assert receipt is not None
    assert (receipt.access_code, receipt.owner) == ("c2", "Bob")


async def test_a_transfer_is_broken_off_and_leaves_nothing(rig: Rig, ada_and_bob: tuple[Sender, Sender]) -> None:
    ada, bob = ada_and_bob
    await ada.begins("ada.gcode.3mf")
    began = time.monotonic()
    publish(rig, BOB)
    replies = await ada.is_sent_away()
    assert [reply[:3] for reply in replies] == ["426", "421"]
    assert time.monotonic() - began < WITHIN
    assert rig.nothing_is_left()
    (failed,) = rig.bus.failed
    assert (failed.reason, failed.owner) == (FailureReason.ABORTED, "Ada")
    assert await bob.does(lambda client: client.code("NOOP")) == 200


async def test_a_code_that_was_replaced_lets_nobody_go_on(rig: Rig, ada_and_bob: tuple[Sender, Sender]) -> None:
    ada, _ = ada_and_bob
    publish(rig, ("c1", "Ada", "Replaced"), BOB)
    assert [reply[:3] for reply in await ada.is_sent_away()] == ["421"]
    left = [live for _, live in rig.bus.live if isinstance(live, SessionLive)]
    assert [live.access_code for live in left if live.phase is SessionPhase.DISCONNECTED] == ["c1"]


async def test_an_owner_who_is_named_anew_sends_on_and_under_the_new_name(
    rig: Rig, ada_and_bob: tuple[Sender, Sender]
) -> None:
    ada, _ = ada_and_bob
    publish(rig, ("c1", "Ada Lovelace", CODE), BOB)
    assert {session.owner for session in rig.serving.sessions.values()} == {"Ada Lovelace", "Bob"}
    assert (await ada.does(lambda client: client.store("named.gcode.3mf", CONTENT))).startswith("226")
    (receipt,) = [rig.house.publisher._outbox.read(path) for path in rig.outbox]
    assert receipt is not None
    assert (receipt.access_code, receipt.owner) == ("c1", "Ada Lovelace")


async def test_who_does_not_read_the_goodbye_is_cut_off_all_the_same(
    rig: Rig, ada_and_bob: tuple[Sender, Sender]
) -> None:
    publish(rig, BOB)
    began = time.monotonic()
    await until(lambda: rig.metric("vprinter_ftps_sessions", printer="p1") == 1)
    assert time.monotonic() - began < WITHIN
