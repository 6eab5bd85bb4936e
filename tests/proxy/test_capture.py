"""Copies of relayed files."""

import asyncio
import random
import socket
import struct
from pathlib import Path

import pytest

from tests.ftps.client import RawClient
from tests.ftps.rig import container
from tests.proxy.ftps_rig import House, house
from tests.simulators.printer.printer import Character
from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.contracts.facts import UploadStored
from vprinter_common.contracts.printer import Mode

THREEMF = container(500_000)
CAPTURE = {"capture": True}


def copies(here: House) -> list[UploadStored]:
    return [fact for fact in here.rig.bus.facts if isinstance(fact, UploadStored)]


def blobs(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "data" / "blobs" / "sha256").glob("??/*"))


async def test_a_relayed_file_is_kept_once_the_printer_has_it(tmp_path: Path) -> None:
    async with house(tmp_path, Character.LATE, relay=CAPTURE, final_delay=0.1) as here:
        here.rig.tasks.spawn(here.rig.edge.captures.run(), "captures")
        assert (await here.talk(lambda client: client.store("verify_job", b"just a test file"))).startswith("226")
        assert (await here.talk(lambda client: client.store("cache/cube.gcode.3mf", THREEMF))).startswith("226")
        await here.rig.until(lambda: copies(here))
        (fact,) = copies(here)
        assert (fact.service, fact.mode, fact.filename) == ("proxy", Mode.PROXY, "cube.gcode.3mf")
        assert (fact.folder, fact.size, fact.client) == ("/cache", len(THREEMF), "127.0.0.1")
        (kept,) = blobs(tmp_path)
        assert kept.name == fact.sha256
        assert kept.read_bytes() == THREEMF
        await here.rig.until(lambda: not list((tmp_path / "data" / "outbox").rglob("*.json")))


async def test_nothing_is_kept_of_what_the_printer_did_not_take(tmp_path: Path) -> None:
    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(THREEMF[:300_000])
            secured.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return client.reply()

    async with house(tmp_path, Character.LATE, relay=CAPTURE, final_delay=0.0) as here:
        assert (await here.talk(talk)).startswith("426")
        await here.rig.until(lambda: here.rig.metric("vprinter_proxy_captures_total", outcome="dropped") == 1)
        assert blobs(tmp_path) == []


async def test_a_full_disk_is_no_matter_to_the_relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DirectoryBlobs, "free_bytes", lambda _: -1)
    content = random.Random(6).randbytes(5_000_000)
    async with house(tmp_path, Character.LATE, relay=CAPTURE, final_delay=0.0) as here:
        assert (await here.talk(lambda client: client.store("cube.bin", content))).startswith("226")
        assert here.stored("cube.bin") == content
        await here.rig.until(lambda: here.rig.metric("vprinter_proxy_captures_total", outcome="failed") == 1)


async def test_the_relay_does_not_wait_for_ever_for_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stuck(_: DirectoryBlobs) -> int:
        asyncio.run_coroutine_threadsafe(release.wait(), loop).result(30)
        return 1 << 40

    monkeypatch.setattr(DirectoryBlobs, "free_bytes", stuck)
    monkeypatch.setattr("vprinter_proxy.ftp.capture.PATIENCE", 0.2)
    content = random.Random(7).randbytes(5_000_000)
    async with house(tmp_path, Character.LATE, relay=CAPTURE, final_delay=0.0) as here:
        assert (await here.talk(lambda client: client.store("cube.bin", content))).startswith("226")
        assert here.stored("cube.bin") == content
        release.set()
        await here.rig.until(lambda: here.rig.metric("vprinter_proxy_captures_total", outcome="dropped") == 1)
        assert blobs(tmp_path) == []
