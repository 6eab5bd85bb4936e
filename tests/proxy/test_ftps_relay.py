"""FTPS with TLS on both sides, by public clients and by one that is told every step, at each character of printer."""

import asyncio
import hashlib
import io
import random
import socket
import ssl
from functools import partial
from pathlib import Path

import pytest

from tests.ftps.client import ImplicitFtp, RawClient
from tests.proxy.ftps_rig import PRINTER, PROXY, house
from tests.simulators.printer import vsftpd
from tests.simulators.printer.identity import device_ca_pem
from tests.simulators.printer.printer import Character

CONTENT = random.Random(4).randbytes(3_000_000)
CHARACTERS = [
    pytest.param(
        Character.VSFTPD,
        marks=pytest.mark.skipif(vsftpd.why_not() is not None, reason=str(vsftpd.why_not())),
    ),
    Character.ESP,
    Character.LATE,
]


@pytest.mark.parametrize("character", CHARACTERS)
@pytest.mark.parametrize("way", ["--ftp-pasv", "--disable-epsv"])
async def test_curl_sends_lists_reads_and_deletes(tmp_path: Path, character: Character, way: str) -> None:
    (tmp_path / "cube").write_bytes(CONTENT)
    async with house(tmp_path, character, final_delay=0.5) as here:
        await here.curl(way, "-T", str(tmp_path / "cube"), f"{here.url}/cube.gcode.3mf")
        assert here.stored("cube.gcode.3mf") == CONTENT
        assert b"cube.gcode.3mf" in await here.curl(way, f"{here.url}/")
        assert await here.curl(way, f"{here.url}/cube.gcode.3mf") == CONTENT
        await here.curl(way, "-Q", "DELE cube.gcode.3mf", f"{here.url}/")
        assert not (here.printer.root / "cube.gcode.3mf").exists()


@pytest.mark.parametrize("character", CHARACTERS)
async def test_ftplib_does_the_same(tmp_path: Path, character: Character) -> None:
    def talk(client: ImplicitFtp) -> tuple[str, list[str], bytes]:
        said = client.storbinary("STOR cube.gcode.3mf", io.BytesIO(CONTENT))
        names = client.nlst()
        fetched = io.BytesIO()
        client.retrbinary("RETR cube.gcode.3mf", fetched.write)
        client.delete("cube.gcode.3mf")
        return said, names, fetched.getvalue()

    async with house(tmp_path, character, final_delay=0.5) as here:
        said, names, fetched = await here.ftplib(talk, epsv=character is not Character.ESP)
        assert said.startswith("226")
        assert any(name.endswith("cube.gcode.3mf") for name in names)
        assert fetched == CONTENT
        assert not (here.printer.root / "cube.gcode.3mf").exists()


async def test_two_slicers_send_at_once(tmp_path: Path) -> None:
    async with house(tmp_path, Character.LATE, final_delay=0.1) as here:
        replies = await asyncio.gather(*(here.talk(partial(sends, f"{n}.gcode.3mf")) for n in range(2)))
        assert [reply[:3] for reply in replies] == ["226", "226"]
        assert here.stored("0.gcode.3mf") == here.stored("1.gcode.3mf") == CONTENT
        assert here.rig.metric("vprinter_proxy_transfers_total", direction="upload", outcome="passed") == 2


async def test_the_data_handshake_may_come_before_stor(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        with client.secure(client.connect_data()) as secured:
            assert client.code("STOR cube.gcode.3mf") == 150
            secured.sendall(CONTENT)
            secured.unwrap()
        return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.1) as here:
        assert (await here.talk(talk)).startswith("226")
        assert here.stored("cube.gcode.3mf") == CONTENT


async def test_a_cleartext_upload_is_understood_although_prot_said_private(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR cube.gcode.3mf") == 150
        with data:
            data.sendall(CONTENT)
        return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.1) as here:
        assert (await here.talk(talk)).startswith("226")
        assert here.stored("cube.gcode.3mf") == CONTENT


async def test_a_client_that_never_closes_its_data_connection_has_finished_with_close_notify(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        with client.secure(client.connect_data()) as secured:
            assert client.code("STOR cube.gcode.3mf") == 150
            secured.sendall(CONTENT)
            secured.unwrap()
            return client.reply()  # the socket is still open

    async with house(tmp_path, Character.LATE, final_delay=0.1) as here:
        assert (await here.talk(talk)).startswith("226")
        assert here.stored("cube.gcode.3mf") == CONTENT


async def test_a_listing_in_the_clear_comes_to_a_client_that_says_nothing(tmp_path: Path) -> None:
    def talk(client: RawClient) -> tuple[bytes, str]:
        assert client.code("PROT C") == 200
        numbers = client.command("PASV").partition("(")[2].partition(")")[0].split(",")
        assert numbers[:4] == PROXY.split(".")
        with socket.create_connection((PROXY, int(numbers[4]) << 8 | int(numbers[5]))) as data:
            assert client.code("LIST") == 150
            listing = data.makefile("rb").read()
        return listing, client.reply()

    async with house(tmp_path, Character.ESP) as here:
        listing, reply = await here.talk(talk)
        assert b"timelapse" in listing
        assert reply.startswith("226")


async def test_data_connections_of_others_are_turned_away(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        port = client.epsv()
        with socket.create_connection((PROXY, port), source_address=("127.0.0.9", 0)) as foreign:
            assert foreign.recv(1) == b""
        data = socket.create_connection((PROXY, port))
        assert client.code("STOR cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(CONTENT)
            secured.unwrap()
        return client.reply()

    async with house(tmp_path, Character.LATE, final_delay=0.1) as here:
        assert (await here.talk(talk)).startswith("226")


async def test_the_printers_address_is_in_nothing_that_the_slicer_is_told(tmp_path: Path) -> None:
    def talk(client: RawClient) -> list[str]:
        lines = ("SYST", "FEAT", "PWD", "TYPE I", "EPSV", "PASV", "STAT", "SIZE x", "HELP", "PORT 1,2,3,4,5,6", "QUIT")
        return [client.command(line) for line in lines]

    for character in (Character.ESP, Character.LATE):
        async with house(tmp_path / character, character) as here:
            said = "\n".join(await here.talk(talk))
            assert PRINTER not in said
            assert PRINTER.replace(".", ",") not in said
            assert "0,0,0,0," not in said


@pytest.mark.parametrize("allow", ["view", "files"])
async def test_the_policy_is_told_in_words_and_kept(tmp_path: Path, allow: str) -> None:
    def talk(client: RawClient) -> tuple[str, str]:
        port = client.command("EPSV")
        assert port.startswith("550" if allow == "view" else "229")
        return client.command("DELE cube.gcode.3mf"), client.command("SITE CHMOD 777 cube.gcode.3mf")

    async with house(tmp_path, Character.LATE, relay={"allow": allow}) as here:
        (here.printer.root / "cube.gcode.3mf").write_bytes(b"x")
        deleted, changed = await here.talk(talk)
        assert deleted[:3] == ("550" if allow == "view" else "250")
        assert changed.startswith("550 SITE is not allowed")
        assert (here.printer.root / "cube.gcode.3mf").exists() is (allow == "view")
        await here.rig.until(lambda: len(here.rig.bus.facts) == 2)
        told = [(fact.command, fact.detail, fact.outcome) for fact in here.rig.bus.facts]  # type: ignore[attr-defined]
        assert told[0] == ("DELE", "cube.gcode.3mf", "refused" if allow == "view" else "passed")
        assert told[1] == ("SITE", "CHMOD 777 cube.gcode.3mf", "refused")


async def test_who_brings_wrong_codes_is_braked_before_the_printer_is_asked_again(tmp_path: Path) -> None:
    def guess(port: int, ca_file: Path) -> str:
        with RawClient(port, ca_file, PROXY) as client:
            client.reply()
            client.command("USER bblp")
            return client.command("PASS 00000000")

    async with house(tmp_path) as here:
        said = [await asyncio.to_thread(guess, here.port, here.ca_file) for _ in range(6)]
        assert all(reply.startswith("530") for reply in said[:5])
        assert said[5].startswith("421 too many failed logins")


async def test_another_certificate_than_the_pinned_one_is_refused_with_the_reason(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        await asyncio.to_thread(here.printer.change_certificate)
        code, _, error = await here.try_curl("-v", f"{here.url}/")
        assert code != 0
        assert "421" in error
        assert "shows another certificate than before" in error
        reason = "certificate_changed"
        assert here.rig.metric("vprinter_proxy_upstream_failures_total", reason=reason) == 1


async def test_what_passes_through_is_the_printers_own_tls(tmp_path: Path) -> None:
    (tmp_path / "cube").write_bytes(CONTENT)
    (tmp_path / "device.pem").write_text(device_ca_pem())
    async with house(tmp_path, Character.LATE, relay={"ftp": "passthrough"}, model="O1D", final_delay=0.1) as here:
        here.ca_file = tmp_path / "device.pem"
        await here.curl("-k", "-T", str(tmp_path / "cube"), f"{here.url}/cube.gcode.3mf")
        assert here.stored("cube.gcode.3mf") == CONTENT
        shown = await asyncio.to_thread(ssl.get_server_certificate, (PROXY, here.port))
        assert hashlib.sha256(ssl.PEM_cert_to_DER_cert(shown)).hexdigest() == here.printer.identity.fingerprint


def sends(name: str, client: RawClient) -> str:
    """The whole upload; its last reply."""
    return client.store(name, CONTENT)
