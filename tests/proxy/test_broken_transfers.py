"""Whatever breaks in the middle of a transfer is a failure for whoever is still there, and the next try works."""

import asyncio
import random
import socket
import ssl
import struct
from pathlib import Path
from unittest.mock import Mock

from tests.ftps.client import RawClient
from tests.proxy.ftps_rig import house
from tests.simulators.printer.printer import Character
from vprinter_common.listen import listening_socket
from vprinter_proxy.ftp.data import Client, DataRelay

CONTENT = random.Random(5).randbytes(2_000_000)
RESET = struct.pack("ii", 1, 0)


def begin(client: RawClient, name: str = "cube.gcode.3mf") -> socket.socket:
    """Half of an upload."""
    data = client.connect_data()
    assert client.code(f"STOR {name}") == 150
    secured = client.secure(data)
    secured.sendall(CONTENT[:1_000_000])
    return secured


async def test_a_slicer_whose_connection_is_reset_has_sent_nothing(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        with begin(client) as data:
            data.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:
        assert (await here.talk(talk)).startswith("426")
        assert here.rig.metric("vprinter_proxy_transfers_total", outcome="passed") == 0
        assert (await here.talk(lambda client: client.store("cube.gcode.3mf", CONTENT))).startswith("226")
        assert here.stored("cube.gcode.3mf") == CONTENT


async def test_an_end_without_close_notify_is_the_printers_to_judge(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        with begin(client) as data:
            data.shutdown(socket.SHUT_WR)
            return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:
        assert (await here.talk(talk)).startswith("226")  # as many printers say, for there are clients that end so
        assert here.stored("cube.gcode.3mf") == CONTENT[:1_000_000]


async def test_a_file_of_a_client_that_just_closes_is_whole(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(CONTENT)
        return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:
        for _ in range(5):  # OpenSSL answers such an end with an alert, at which the client's kernel resets
            assert (await here.talk(talk)).startswith("226")
            assert here.stored("cube.gcode.3mf") == CONTENT


async def test_a_printer_that_loses_its_power_is_a_failure_for_the_slicer(tmp_path: Path) -> None:
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def talk(client: RawClient) -> str:
        with begin(client) as data:
            asyncio.run_coroutine_threadsafe(pull_the_plug(), loop).result(20)
            try:
                for _ in range(200):
                    data.sendall(CONTENT)
            except OSError:
                pass
        try:
            return client.reply()
        except OSError:
            return ""

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:

        async def pull_the_plug() -> None:
            await asyncio.to_thread(here.printer.power_off)
            gone.set()

        reply = await here.talk(talk)
        assert gone.is_set()
        assert not reply.startswith("2")
        await asyncio.to_thread(here.printer.power_on)
        assert (await here.talk(lambda client: client.store("cube.gcode.3mf", CONTENT))).startswith("226")
        assert here.stored("cube.gcode.3mf") == CONTENT
        await here.rig.until(lambda: not here.rig.serving.sessions)


async def test_a_slicer_that_is_disconnected_gets_no_success_and_nobody_else_notices(tmp_path: Path) -> None:
    loop = asyncio.get_running_loop()

    def talk(client: RawClient) -> str:
        with begin(client):
            asyncio.run_coroutine_threadsafe(disconnect(), loop).result(20)
        try:
            return client.reply()
        except OSError:
            return ""

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:

        async def disconnect() -> None:
            await here.rig.disconnect(list(here.rig.serving.sessions)[-1])

        def other(client: RawClient) -> str:
            with begin(client, "other.gcode.3mf") as data:
                talked = asyncio.run_coroutine_threadsafe(here.talk(talk), loop).result(20)
                assert not talked.startswith("2")
                data.sendall(CONTENT[1_000_000:])
                data.unwrap()  # type: ignore[attr-defined]
            return client.reply()

        reply = await here.talk(other)
        assert reply.startswith("226")
        assert here.stored("other.gcode.3mf") == CONTENT


async def test_slicers_that_come_and_go_leave_no_task(tmp_path: Path) -> None:
    def talk(client: RawClient) -> None:
        client.connect_data().close()

    async with house(tmp_path, Character.LATE, final_delay=0.0) as here:
        before = asyncio.all_tasks()
        await asyncio.gather(*(here.talk(talk) for _ in range(20)))
        await here.rig.until(lambda: not here.rig.serving.sessions)
        await here.rig.until(lambda: asyncio.all_tasks() <= before)


async def test_no_data_connection_is_left_if_closing_it_is_broken_off() -> None:
    ours, theirs = socket.socketpair()
    listening = listening_socket("127.0.0.1", 0)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = Client(listening, "127.0.0.1", context, on_handshake=lambda *_: None, foreign=lambda _: None)
    data = DataRelay(Mock(), ours, client)
    with theirs:
        async with asyncio.TaskGroup() as group:
            closing = group.create_task(data.close())
            await asyncio.sleep(0)
            closing.cancel()
        assert ours.fileno() == -1
        await client.close()
        assert listening.fileno() == -1
