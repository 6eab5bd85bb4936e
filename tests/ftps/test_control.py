"""The control connection: greeting, login, order of commands, limits and time limits."""

import asyncio
import gc
import socket
import ssl
import time

import pytest

from tests.common.printers import CODE
from tests.ftps.client import TIMEOUT, RawClient
from tests.ftps.conftest import Serve
from tests.ftps.rig import ADDRESS, as_client, as_stranger, container, until
from vprinter_common.contracts.facts import AuthFailed
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_ftps.server import MAX_UNREADABLE

ALWAYS = {"FEAT": 211, "SYST": 215, "NOOP": 200, "OPTS UTF8 ON": 200, "OPTS FOO": 501, "PBSZ 0": 200, "PROT P": 200}

LOGGED_IN = {
    "PROT C": 200,
    "PROT E": 504,
    "TYPE I": 200,
    "TYPE A": 200,
    "TYPE E": 504,
    "PWD": 257,
    "XPWD": 257,
    "CWD cache": 250,
    "CDUP": 250,
    "CWD /sdcard": 250,
    "CWD nowhere": 550,
    "MKD /model": 257,
    "MKD new": 257,
    "MKD ..": 553,
    "MKD nowhere/new": 550,
    "SIZE none.3mf": 550,
    "MDTM none.3mf": 550,
    "DELE none.3mf": 550,
    "RETR none.3mf": 550,
    "LIST nowhere": 550,
    "LIST": 425,
    "STOR Cube.3mf": 425,
    "ALLO 1000": 200,
    "ALLO 1000 R 10": 200,
    "ALLO many": 501,
    "AVBL": 213,
    "EPSV": 229,
    "PASV": 227,
    "ABOR": 226,
    "PASS again": 503,
    "REST 100": 502,
    "APPE Cube.3mf": 502,
    "RNFR Cube.3mf": 502,
    "RMD cache": 502,
    "SITE HELP": 502,
    "PORT 127,0,0,1,4,1": 502,
    "AUTH TLS": 502,
    "USER anonymous": 530,
}


async def test_the_greeting_comes_at_once_and_without_login_little_is_answered(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[str, dict[str, int], dict[str, int]]:
        greeting = client.reply()
        return (
            greeting,
            {line: client.code(line) for line in ALWAYS},
            {line: client.code(line) for line, code in LOGGED_IN.items() if code not in {502, 503, 530}},
        )

    greeting, always, others = await as_stranger(rig, talk)
    assert greeting.startswith("220")
    assert always == ALWAYS
    assert {code for line, code in others.items() if not line.startswith("PROT")} == {530}


async def test_every_verb_has_its_reply(serve: Serve) -> None:
    rig = await serve(min_free_bytes=0)
    assert await as_client(rig, lambda client: {line: client.code(line) for line in LOGGED_IN}) == LOGGED_IN


async def test_login_in_its_order(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[int]:
        client.reply()
        lines = ("PASS x", "USER root", "PASS x", "USER BBLP", "PASS wrong", f"PASS {CODE}", "PWD", "QUIT")
        return [client.code(line) for line in lines]

    assert await as_stranger(rig, talk) == [503, 530, 503, 331, 530, 230, 257, 221]
    await until(lambda: any(isinstance(fact, AuthFailed) for _, fact in rig.bus.facts))
    await until(lambda: len(rig.bus.live) == 2)
    sessions = [message.phase for _, message in rig.bus.live if isinstance(message, SessionLive)]
    assert sessions == [SessionPhase.CONNECTED, SessionPhase.DISCONNECTED]
    assert len({message.session for _, message in rig.bus.live if isinstance(message, SessionLive)}) == 1
    assert not rig.serving.sessions
    assert rig.serving.connections == 0
    assert rig.serving.last_client is not None
    assert rig.serving.last_client.address == ADDRESS


async def test_five_wrong_codes_close_the_door_for_the_right_one_too(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[list[int], str]:
        client.reply()
        client.code("USER bblp")
        return [client.code(f"PASS wrong{number}") for number in range(5)], client.command(f"PASS {CODE}")

    codes, reply = await as_stranger(rig, talk)
    assert codes == [530] * 5
    assert reply.startswith("530 too many failed logins from 127.0.0.1; try again in ")
    assert rig.metric("vprinter_logins_total", printer="p1", outcome="braked") == 1


async def test_a_new_access_code_is_valid_at_once(serve: Serve) -> None:
    rig = await serve()
    codes = [{"id": "c2", "code": "Another1", "owner": "Ann"}]
    rig.serving.spec = rig.serving.spec.model_validate(rig.serving.spec.model_dump() | {"access_codes": codes})
    reply = await as_stranger(rig, lambda client: client.login("Another1").store("Cube.3mf", container()))
    assert reply.startswith("226")
    receipt = rig.house.publisher._outbox.read(rig.outbox[0])
    assert receipt is not None
    assert (receipt.access_code, receipt.owner) == ("c2", "Ann")


async def test_commands_sent_together_are_answered_in_order(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        client.reply()
        client.send(f"USER bblp\r\nPASS {CODE}\r\nCWD cache\r\nPWD\r\nSIZE a\r\nNOOP\r\nQUIT")
        return [client.reply()[:3] for _ in range(8)]

    assert await as_stranger(rig, talk) == ["331", "230", "250", "257", "550", "200", "221", ""]


async def test_a_line_without_end_is_refused(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[str, str]:
        client.control.sendall(b"STOR " + b"x" * 20_000)
        return client.reply(), client.reply()

    reply, end = await as_client(rig, talk)
    assert (reply[:3], end) == ("500", "")


@pytest.mark.parametrize("line", [b"", b"\x00\xff\xfe", b"12345", b"VERYLONGVERB x", b"{}"])
async def test_what_is_no_command_is_500_and_the_session_goes_on(serve: Serve, line: bytes) -> None:
    rig = await serve()
    assert await as_client(rig, lambda client: (client.code(line), client.code("NOOP"))) == (500, 200)


async def test_a_flood_of_lines_that_are_no_commands_ends_with_421(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        client.control.sendall(b"<html>\r\n" * 100)
        return [client.reply()[:3] for _ in range(MAX_UNREADABLE + 1)]

    assert await as_client(rig, talk) == ["500"] * (MAX_UNREADABLE - 1) + ["421", ""]


async def test_a_command_between_unreadable_lines_is_forgiveness(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[int]:
        return [client.code(line) for line in [*[b"<html>"] * (MAX_UNREADABLE - 1), b"NOOP"] * 2]

    assert await as_client(rig, talk) == [*[500] * (MAX_UNREADABLE - 1), 200] * 2


async def test_one_address_gets_so_many_sessions_and_no_more(serve: Serve) -> None:
    rig = await serve(sessions_per_address=2)

    def talk() -> list[str]:
        clients = [RawClient(rig.port, rig.context_file) for _ in range(3)]
        replies = [client.reply()[:3] for client in clients]
        clients[0].code("QUIT")
        for client in clients:
            client.close()
        return replies

    replies = await asyncio.get_running_loop().run_in_executor(rig.clients, talk)
    assert sorted(replies) == ["220", "220", "421"]
    await until(lambda: rig.metric("vprinter_ftps_sessions", printer="p1") == 0)
    assert (await as_stranger(rig, RawClient.reply)).startswith("220")


async def test_all_together_get_so_many_sessions_and_no_more(serve: Serve) -> None:
    rig = await serve(sessions_total=1)

    def talk(first: RawClient) -> str:
        first.reply()
        with RawClient(rig.port, rig.context_file, source="127.0.0.5") as second:
            return second.reply()

    assert (await as_stranger(rig, talk)).startswith("421")


async def test_who_does_not_log_in_is_sent_away(serve: Serve) -> None:
    rig = await serve(login_timeout=0.3)

    def talk(client: RawClient) -> list[str]:
        return [client.reply()[:3], client.reply()[:3], client.reply()]

    assert await as_stranger(rig, talk) == ["220", "421", ""]


async def test_an_idle_session_ends(serve: Serve) -> None:
    rig = await serve(idle_timeout=0.3)

    def talk(client: RawClient) -> list[str]:
        client.login(prot=None)  # any further command could come too late
        return [client.reply()[:3], client.reply()]

    assert await as_stranger(rig, talk) == ["421", ""]


async def test_a_running_upload_is_no_idleness(serve: Serve) -> None:
    rig = await serve()
    content = container(100_000)

    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            rig.limit(idle_timeout=0.2)
            assert client.code("NOOP") == 200
            for start in range(0, len(content), 20_000):
                secured.sendall(content[start : start + 20_000])
                time.sleep(0.2)  # the upload itself takes several idle times
            secured.unwrap()
        return client.reply()

    assert (await as_client(rig, talk)).startswith("226")


async def test_a_client_that_reads_no_replies_costs_no_memory_and_is_let_go(serve: Serve) -> None:
    rig = await serve(stall_timeout=0.5)

    def talk(client: RawClient) -> bool:
        client.control.settimeout(TIMEOUT)
        try:
            while True:
                client.control.sendall(b"CWD " + b"x" * 4000 + b"\r\n")  # the reply is as long
        except OSError:
            return True

    assert await as_client(rig, talk)
    await until(lambda: rig.metric("vprinter_ftps_sessions", printer="p1") == 0)


async def test_half_open_connections_do_not_disturb_a_slicer(serve: Serve) -> None:
    rig = await serve()
    idle = [socket.create_connection((ADDRESS, rig.port)) for _ in range(50)]
    try:
        assert (await as_client(rig, lambda client: client.store("Cube.3mf", container()))).startswith("226")
    finally:
        for one in idle:
            one.close()


async def test_a_session_that_ended_leaves_nothing_to_the_garbage_collector(serve: Serve) -> None:
    rig = await serve()
    gc.collect()
    gc.disable()
    try:
        await as_client(rig, lambda client: client.code("QUIT"))
        await until(lambda: rig.serving.connections == 0)
        await until(lambda: not any(isinstance(each, ssl.SSLObject) for each in gc.get_objects()))
    finally:
        gc.enable()
