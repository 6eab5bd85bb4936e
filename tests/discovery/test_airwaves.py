import asyncio
import errno
import socket
from collections.abc import AsyncIterator

import pytest

from tests.common.ports import free_port
from tests.discovery.radio import BROADCAST, Radio
from vprinter_common.wire.ssdp import GROUP
from vprinter_discovery.airwaves import Airwaves, Arrival


class Inbox:
    def __init__(self) -> None:
        self.port = free_port()
        self.came: asyncio.Queue[tuple[bytes, Arrival]] = asyncio.Queue()
        self.airwaves = Airwaves(self.port, lambda data, arrival: self.came.put_nowait((data, arrival)))

    async def next(self) -> tuple[bytes, Arrival]:
        async with asyncio.timeout(30):
            return await self.came.get()


@pytest.fixture
async def inbox() -> AsyncIterator[Inbox]:
    box = Inbox()
    yield box
    box.airwaves.close()


async def test_the_port_is_shared_with_a_slicer_on_this_host_and_both_hear_a_broadcast(inbox: Inbox) -> None:
    with Radio(inbox.port) as slicer, Radio(0) as printer:
        inbox.airwaves.open()
        printer.say(b"hello", (BROADCAST, inbox.port))
        assert (await slicer.receive())[0] == b"hello"
        assert (await inbox.next())[0] == b"hello"


async def test_a_broadcast_tells_the_interface_it_came_by_and_our_address_there(inbox: Inbox) -> None:
    inbox.airwaves.open()
    with Radio(0) as printer:
        printer.say(b"x", (BROADCAST, inbox.port))
        _, arrival = await inbox.next()
        assert (arrival.device, arrival.local, arrival.unicast) == ("lo", "127.0.0.1", False)
        assert arrival.peer == ("127.0.0.1", printer.port)


async def test_a_unicast_datagram_tells_which_of_our_addresses_was_meant(inbox: Inbox) -> None:
    inbox.airwaves.open()
    with Radio(0) as asker:
        asker.say(b"x", ("127.0.0.5", inbox.port))
        assert (await inbox.next())[1].local == "127.0.0.5"
        asker.say(b"x", ("127.0.0.6", inbox.port))
        _, arrival = await inbox.next()
        assert (arrival.local, arrival.unicast) == ("127.0.0.6", True)


async def test_datagrams_leave_from_the_ssdp_port_and_the_address_asked_for(inbox: Inbox) -> None:
    inbox.airwaves.open()
    with Radio(0) as slicer:
        inbox.airwaves.send(b"x", (BROADCAST, slicer.port), source="127.0.0.7", device="lo")
        assert await slicer.receive() == (b"x", ("127.0.0.7", inbox.port))


async def test_searches_sent_to_the_group_are_heard_once_joined(inbox: Inbox) -> None:
    inbox.airwaves.join(["lo", "no-such-device"])
    inbox.airwaves.open()
    inbox.airwaves.join(["lo"])
    with Radio(0) as asker:
        asker._socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        asker.say(b"anyone?", (GROUP, inbox.port))
        assert (await inbox.next())[0] == b"anyone?"


async def test_while_the_port_is_another_programs_datagrams_leave_from_another_one(inbox: Inbox) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as selfish, Radio(0) as slicer:
        selfish.bind(("0.0.0.0", inbox.port))
        with pytest.raises(OSError) as refused:
            inbox.airwaves.open()
        assert refused.value.errno == errno.EADDRINUSE
        assert not inbox.airwaves.is_open
        inbox.airwaves.send(b"x", (BROADCAST, slicer.port), source="127.0.0.7", device="lo")
        data, (host, port) = await slicer.receive()
        assert (data, host) == (b"x", "127.0.0.7")
        assert port != inbox.port
    share = await inbox.airwaves.listen("0.0.0.0", inbox.port)
    share.close()
    inbox.airwaves.open()
    assert inbox.airwaves.is_open, "one printer's part may close; the port stays ours"


async def test_a_device_that_is_gone_is_an_error_of_the_send(inbox: Inbox) -> None:
    with pytest.raises(OSError):
        inbox.airwaves.send(b"x", (BROADCAST, inbox.port), device="no-such-device")


async def test_a_flood_is_read_in_turns(inbox: Inbox) -> None:
    inbox.airwaves.open()
    with Radio(0) as flood:
        for _ in range(100):
            flood.say(b"x", ("127.0.0.1", inbox.port))
        for _ in range(100):
            await inbox.next()


async def test_closing_twice_is_fine(inbox: Inbox) -> None:
    inbox.airwaves.open()
    inbox.airwaves.close()
    inbox.airwaves.close()
