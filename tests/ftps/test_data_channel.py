"""The data connection: when it is made, by whom, in TLS or in the clear."""

import random
import socket
import ssl
from functools import partial

import pytest

from tests.common.ports import free_port, free_row
from tests.common.printers import as_certificate, virtual_printer
from tests.ftps.client import TIMEOUT, RawClient
from tests.ftps.conftest import Ca, Serve
from tests.ftps.rig import ADDRESS, FOREIGNER, PASSIVE, as_client, as_stranger, container, until
from vprinter_common.contracts.facts import TlsFailed
from vprinter_common.contracts.printer import PortRange
from vprinter_common.passive import NoFreePort, bind_passive
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import HandshakeFailure
from vprinter_ftps.datachannel import DataChannel
from vprinter_ftps.refusal import Refusal

THREEMF = container(200_000)


def clear(client: RawClient, data: socket.socket) -> str:
    """STOR without TLS on the data connection."""
    assert client.code("STOR Cube.gcode.3mf") == 150
    with data:
        data.sendall(THREEMF)
    return client.reply()


async def test_the_handshake_may_come_before_stor(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> str:
        with client.secure(client.connect_data()) as secured:
            assert client.code("STOR Cube.gcode.3mf") == 150
            secured.sendall(THREEMF)
            secured.unwrap()
        return client.reply()

    assert (await as_client(rig, talk)).startswith("226")


async def test_the_client_may_even_connect_after_150(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> str:
        port = client.epsv()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(socket.create_connection((ADDRESS, port), TIMEOUT)) as secured:
            secured.sendall(THREEMF)
            secured.unwrap()
        return client.reply()

    assert (await as_client(rig, talk)).startswith("226")


@pytest.mark.parametrize("prot", ["P", "C", None])
async def test_a_cleartext_upload_is_understood_whatever_prot_said(serve: Serve, prot: str | None) -> None:
    rig = await serve()
    reply = await as_stranger(rig, lambda client: clear(client.login(prot=prot), client.connect_data()))
    assert reply.startswith("226")
    assert rig.blobs[0].read_bytes() == THREEMF
    assert rig.metric("vprinter_ftps_data_channels_total", security="clear") == 1


@pytest.mark.parametrize(("resume", "security"), [(True, "tls_resumed"), (False, "tls")])
async def test_the_session_of_the_control_channel_can_be_resumed(serve: Serve, resume: bool, security: str) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[bool | None, str | None]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data, resume=resume) as secured:
            facts = secured.session_reused, secured.version()
            secured.sendall(THREEMF)
            secured.unwrap()
        assert client.reply().startswith("226")
        return facts

    assert await as_client(rig, talk) == (resume, "TLSv1.2")
    assert rig.metric("vprinter_ftps_data_channels_total", security=security) == 1


async def test_a_foreign_peer_is_turned_away_and_the_client_still_served(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[bytes, str]:
        port = client.epsv()
        with socket.create_connection((ADDRESS, port), TIMEOUT, (FOREIGNER, 0)) as thief:
            stolen = thief.recv(1)
        data = socket.create_connection((ADDRESS, port), TIMEOUT)
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(THREEMF)
            secured.unwrap()
        return stolen, client.reply()

    stolen, reply = await as_client(rig, talk)
    assert (stolen, reply[:3]) == (b"", "226")
    assert rig.metric("vprinter_ftps_foreign_data_peers_total", printer="p1") == 1


async def test_the_listener_takes_one_connection_and_is_closed(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> bool:
        port = client.epsv()
        with socket.create_connection((ADDRESS, port), TIMEOUT):
            assert client.code("NOOP") == 200
            try:
                with socket.create_connection((ADDRESS, port), TIMEOUT) as second:
                    return second.recv(1) == b""
            except OSError:
                return True

    assert await as_client(rig, talk)


async def test_a_second_epsv_replaces_the_first(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> str:
        first = client.epsv()
        reply = client.store("Cube.gcode.3mf", THREEMF)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((ADDRESS, first), TIMEOUT)
        return reply

    assert (await as_client(rig, talk)).startswith("226")


async def test_the_range_exhausted_is_425_and_over_when_a_port_is_free_again(serve: Serve, ca: Ca) -> None:
    port = free_port()
    ports = {"low": port, "high": port}
    printer = virtual_printer(passive_ports=ports, certificate=as_certificate(ca[1]))
    rig = await serve(printer=printer)

    def talk(client: RawClient) -> tuple[int, int, str]:
        with socket.create_server((ADDRESS, port)):
            refused = client.code("EPSV"), client.code("PASV")
        return *refused, client.store("Cube.gcode.3mf", THREEMF)

    epsv, pasv, reply = await as_client(rig, talk)
    assert (epsv, pasv, reply[:3]) == (425, 425, "226")


def test_every_port_of_the_range_is_tried() -> None:
    low = free_row(3)
    ports = PortRange(low=low, high=low + 2)
    listening = [bind_passive(ADDRESS, ports, random.Random(1)) for _ in range(3)]
    try:
        assert {one.getsockname()[1] for one in listening} == {low, low + 1, low + 2}
        with pytest.raises(NoFreePort, match=f"{low}-{low + 2}"):
            bind_passive(ADDRESS, ports, random.Random(1))
    finally:
        for one in listening:
            one.close()


@pytest.mark.parametrize(
    ("changes", "advertise", "expected"),
    [
        ({}, ADDRESS, "(127,0,0,1,"),
        ({}, "192.0.2.7", "(192,0,2,7,"),
        ({}, None, "(127,0,0,1,"),
        ({"pasv_address": "198.51.100.9"}, ADDRESS, "(198,51,100,9,"),
    ],
)
async def test_pasv_tells_the_advertised_address(
    serve: Serve, ca: Ca, changes: dict[str, str], advertise: str | None, expected: str
) -> None:
    printer = virtual_printer(passive_ports=PASSIVE, certificate=as_certificate(ca[1]), **changes)
    rig = await serve(printer=printer, advertise=advertise)
    assert expected in await as_client(rig, lambda client: client.command("PASV"))


async def test_a_setting_forces_the_address_of_all_printers(serve: Serve) -> None:
    rig = await serve(pasv_address="203.0.113.4")
    assert "(203,0,113,4," in await as_client(rig, lambda client: client.command("PASV"))


async def test_epsv_knows_its_arguments(serve: Serve) -> None:
    rig = await serve()
    codes = await as_client(rig, lambda client: [client.code(line) for line in ("EPSV 1", "EPSV ALL", "EPSV 2")])
    assert codes == [229, 200, 522]


async def test_a_broken_handshake_on_the_data_connection_is_425_and_published(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[str, int]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with data:
            data.sendall(b"\x16\x03 this is no hello")
            return client.reply(), client.code("NOOP")

    reply, noop = await as_client(rig, talk)
    assert (reply[:3], noop) == ("425", 200)
    assert rig.nothing_is_left()
    await until(lambda: any(isinstance(fact, TlsFailed) for _, fact in rig.bus.facts))


async def test_a_client_that_does_not_trust_us_is_reported(serve: Serve) -> None:
    rig = await serve()

    def talk() -> None:
        with pytest.raises(ssl.SSLCertVerificationError), socket.create_connection((ADDRESS, rig.port)) as raw:
            ssl.create_default_context().wrap_socket(raw, server_hostname=ADDRESS)

    talking = rig.clients.submit(talk)
    await until(lambda: any(isinstance(fact, TlsFailed) for _, fact in rig.bus.facts))
    await until(talking.done)
    assert talking.result() is None
    assert rig.metric("vprinter_tls_handshakes_total", listener="ftps", outcome="failed", reason="unknown_ca") == 1


async def test_a_silent_client_in_the_clear_gets_its_listing(serve: Serve) -> None:
    rig = await serve(silence=0.2)

    def fetch(client: RawClient) -> tuple[bytes, str]:
        data = client.connect_data()
        assert client.code("NLST") == 150
        content = b""
        with data:
            while piece := data.recv(1000):
                content += piece
        return content, client.reply()

    def fetch_unprotected(client: RawClient, prot: str | None) -> tuple[bytes, str]:
        return fetch(client.login(prot=prot))

    for prot in (None, "C"):
        content, reply = await as_stranger(rig, partial(fetch_unprotected, prot=prot))
        assert (content.split(), reply[:3]) == ([b"cache", b"model", b"sdcard", b"timelapse"], "226")


async def test_a_slow_tls_client_gets_its_listing_after_the_silence(serve: Serve) -> None:
    rig = await serve(silence=0.05)

    def fetch(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("NLST") == 150
        data.settimeout(0.3)
        with pytest.raises(TimeoutError):
            data.recv(1)
        data.settimeout(TIMEOUT)
        with client.secure(data) as secured:
            assert secured.recv(1000).startswith(b"cache")
            secured.unwrap()
        return client.reply()

    assert (await as_client(rig, fetch)).startswith("226")


async def test_a_client_that_takes_nothing_is_stalled(serve: Serve) -> None:
    rig = await serve()
    large = container(30_000_000)

    def talk(client: RawClient) -> tuple[str, str]:
        stored = client.store("Large.gcode.3mf", large)
        rig.limit(stall_timeout=0.5)
        with client.connect_data() as data:
            assert client.code("RETR Large.gcode.3mf") == 150
            with client.secure(data):
                return stored, client.reply()

    stored, reply = await as_client(rig, talk)
    assert (stored[:3], reply[:3]) == ("226", "426")


async def test_abor_ends_a_download(serve: Serve) -> None:
    rig = await serve()
    large = container(30_000_000)

    def talk(client: RawClient) -> list[str]:
        assert client.store("Large.gcode.3mf", large).startswith("226")
        with client.connect_data() as data:
            assert client.code("RETR Large.gcode.3mf") == 150
            with client.secure(data):
                return [client.command("ABOR"), client.reply(), client.command("NOOP")]

    assert [reply[:3] for reply in await as_client(rig, talk)] == ["426", "226", "200"]


async def test_a_channel_given_up_after_it_opened_is_closed_and_not_handed_out(serve: Serve) -> None:
    rig = await serve()

    def no_handshake(_client: str, _failure: HandshakeFailure | None) -> None:
        """The client speaks in the clear."""

    listening = bind_passive(ADDRESS, PortRange.model_validate(PASSIVE), random.Random(1))
    async with TaskSet("test") as tasks:
        data = DataChannel(
            listening,
            ADDRESS,
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            workers=rig.house.workers,
            tasks=tasks,
            on_handshake=no_handshake,
            foreign=lambda _: None,
        )
        with socket.create_connection((ADDRESS, data.port), TIMEOUT) as client:
            client.sendall(b"PK")
            await until(data._opened.done)
            data.close()
            with pytest.raises(Refusal, match="aborted"):
                await data.for_upload(1, 1)
