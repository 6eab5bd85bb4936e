"""STOR from the first line to the last reply, and what is left of it."""

import asyncio
import errno
import hashlib
import os
import socket
from contextlib import suppress
from functools import partial

import pytest

from tests.ftps.client import RawClient
from tests.ftps.conftest import Serve
from tests.ftps.rig import FakeBus, as_client, container, until
from vprinter_common.blobs import Part
from vprinter_common.contracts.facts import FailureReason
from vprinter_common.contracts.live import UploadPhase
from vprinter_common.contracts.printer import Mode
from vprinter_ftps.receive import BUFFER

THREEMF = container(300_000)


async def test_a_file_sent_as_a_slicer_does_is_in_custody_when_226_comes(serve: Serve) -> None:
    rig = await serve()
    stored = {"printer": "p1", "direction": "upload", "outcome": "stored", "reason": ""}
    assert rig.registry.get_sample_value("vprinter_ftps_transfers_total", stored) == 0
    assert (await as_client(rig, lambda client: client.store("Cube.gcode.3mf", THREEMF))).startswith("226")
    assert [path.name for path in rig.blobs] == [hashlib.sha256(THREEMF).hexdigest()]
    assert rig.blobs[0].read_bytes() == THREEMF
    [receipt] = [rig.house.publisher._outbox.read(path) for path in rig.outbox]
    assert receipt is not None
    assert (receipt.filename, receipt.size, receipt.mode) == ("Cube.gcode.3mf", len(THREEMF), Mode.IMMEDIATE)
    assert (receipt.client, receipt.access_code, receipt.node) == ("127.0.0.1", "c1", "node1")
    assert not rig.parts
    assert rig.metric("vprinter_ftps_transfers_total", **stored) == 1
    assert rig.metric("vprinter_ingest_bytes_total", printer="p1") == len(THREEMF)
    for stage in ("receive", "check", "fsync", "receipt"):
        assert rig.metric("vprinter_ingest_duration_seconds_count", stage=stage) == 1


async def test_the_bus_hears_that_an_upload_starts_and_is_stored(serve: Serve) -> None:
    rig = await serve()
    await as_client(rig, lambda client: client.store("Cube.gcode.3mf", THREEMF))
    phases = [upload.phase for upload in rig.bus.uploads]
    assert phases[0] is UploadPhase.STARTED
    assert phases[-1] is UploadPhase.STORED
    assert rig.bus.uploads[-1].received == len(THREEMF)


async def test_progress_is_told_while_a_slow_upload_runs(serve: Serve) -> None:
    rig = await serve(upload_rate=400_000)
    # Up to a whole buffer comes at the end at once, and the rest takes longer than the time between two messages.
    content = container(BUFFER + 400_000)
    await as_client(rig, lambda client: client.store("Cube.gcode.3mf", content))
    progress = [upload.received for upload in rig.bus.uploads if upload.phase is UploadPhase.PROGRESS]
    assert progress
    assert progress == sorted(set(progress))


async def test_the_rate_limit_slows_an_upload_down(serve: Serve) -> None:
    rig = await serve(upload_rate=1_000_000)
    content = container(BUFFER + 500_000)
    loop = asyncio.get_running_loop()
    started = loop.time()
    assert (await as_client(rig, lambda client: client.store("Cube.gcode.3mf", content))).startswith("226")
    assert loop.time() - started > 0.5, "a whole buffer may come at the end at once"


async def test_the_probe_gets_226_and_leaves_no_trace(serve: Serve) -> None:
    rig = await serve()
    reply = await as_client(rig, lambda client: client.store("verify_job", b"just a test file"))
    assert reply.startswith("226")
    assert rig.nothing_is_left()
    assert not rig.bus.uploads
    assert not rig.bus.facts


async def test_the_probe_is_taken_even_when_its_client_ends_without_close_notify(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: ragged(client, "verify_job", b"just a test file"))).startswith("226")
    assert rig.nothing_is_left()


async def test_a_large_file_named_like_the_probe_is_a_file(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: client.store("verify_job", bytes(2000)))).startswith("226")
    assert len(rig.outbox) == 1


async def test_the_same_file_twice_is_stored_once_and_listed_twice(serve: Serve) -> None:
    rig = await serve()
    for _ in range(2):
        assert (await as_client(rig, lambda client: client.store("Cube.gcode.3mf", THREEMF))).startswith("226")
    assert len(rig.blobs) == 1
    assert len(rig.outbox) == 2


async def test_two_uploads_of_one_name_at_once_do_not_touch_each_other(serve: Serve) -> None:
    rig = await serve()
    contents = [container(400_000, seed) for seed in range(4)]
    replies = await asyncio.gather(
        *(as_client(rig, partial(RawClient.store, name="Cube.gcode.3mf", content=content)) for content in contents)
    )
    assert all(reply.startswith("226") for reply in replies)
    assert {path.name for path in rig.blobs} == {hashlib.sha256(content).hexdigest() for content in contents}
    assert len(rig.outbox) == 4


async def test_twenty_uploads_with_two_slots_all_arrive(serve: Serve) -> None:
    rig = await serve(parallel_uploads=2)
    replies = await asyncio.gather(
        *(
            as_client(rig, partial(RawClient.store, name=f"{number}.gcode.3mf", content=container(50_000, number)))
            for number in range(20)
        )
    )
    assert all(reply.startswith("226") for reply in replies)
    assert len(rig.outbox) == 20


async def test_nats_being_away_is_no_reason_to_refuse(serve: Serve) -> None:
    bus = FakeBus()
    bus.down = True
    rig = await serve(bus=bus)
    assert (await as_client(rig, lambda client: client.store("Cube.gcode.3mf", THREEMF))).startswith("226")
    assert len(rig.outbox) == 1


@pytest.mark.parametrize(
    ("name", "content", "code", "reason"),
    [
        ("empty.gcode.3mf", b"", "426", FailureReason.EMPTY),
        ("empty.gcode", b"", "426", FailureReason.EMPTY),
        ("cut.gcode.3mf", THREEMF[:-100], "426", FailureReason.BROKEN),
        ("half.gcode.3mf", THREEMF[: len(THREEMF) // 2], "426", FailureReason.BROKEN),
        ("nonsense.3MF", b"not a zip at all", "426", FailureReason.BROKEN),
    ],
)
async def test_an_empty_or_broken_file_leaves_nothing_behind(
    serve: Serve, name: str, content: bytes, code: str, reason: FailureReason
) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[str, str]:
        return client.store(name, content), client.store("good.gcode.3mf", THREEMF)

    first, second = await as_client(rig, talk)
    assert first.startswith(code)
    assert second.startswith("226"), "the control connection goes on"
    assert len(rig.blobs) == len(rig.outbox) == 1
    await until(lambda: rig.bus.failed)
    assert [fact.reason for fact in rig.bus.failed] == [reason]


def ragged(client: RawClient, name: str, content: bytes) -> str:
    """Send all, then close TCP without close_notify."""
    data = client.connect_data()
    assert client.code(f"STOR {name}") == 150
    with client.secure(data) as secured:
        secured.sendall(content)
        secured.shutdown(socket.SHUT_WR)
    return client.reply()


async def test_a_whole_3mf_is_taken_even_without_close_notify(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: ragged(client, "Cube.gcode.3mf", THREEMF))).startswith("226")


async def test_another_file_without_close_notify_may_be_cut_and_is_refused(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: ragged(client, "part.gcode", b"G28\n" * 1000))).startswith("426")
    assert rig.nothing_is_left()


async def test_plain_gcode_is_kept(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: client.store("part.gcode", b"G28\n"))).startswith("226")
    assert len(rig.outbox) == 1


async def test_a_client_that_vanishes_mid_upload_leaves_nothing(serve: Serve) -> None:
    rig = await serve()

    def vanish(client: RawClient) -> None:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        secured = client.secure(data)
        secured.sendall(THREEMF[:100_000])
        client.control.shutdown(socket.SHUT_RDWR)
        secured.close()

    await as_client(rig, vanish)
    await until(lambda: rig.bus.failed)
    assert rig.bus.failed[0].reason in {FailureReason.DISCONNECTED, FailureReason.BROKEN}
    await until(lambda: not rig.parts)
    assert rig.nothing_is_left()


async def test_when_the_control_connection_ends_the_upload_is_broken_off(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> bytes:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(THREEMF[:100_000])
            client.control.shutdown(socket.SHUT_RDWR)
            try:
                return secured.recv(1)
            except OSError:
                return b""

    assert await as_client(rig, talk) == b""
    await until(lambda: rig.bus.failed)
    assert rig.bus.failed[0].reason is FailureReason.DISCONNECTED
    await until(rig.nothing_is_left)


async def test_a_file_larger_than_the_limit_is_refused_with_552(serve: Serve) -> None:
    rig = await serve(max_upload_bytes=100_000)

    def talk(client: RawClient) -> tuple[str, int]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        secured = client.secure(data)
        try:
            secured.sendall(THREEMF)
            secured.unwrap()
        except OSError:
            pass
        finally:
            secured.close()
        return client.reply(), client.code("NOOP")

    reply, noop = await as_client(rig, talk)
    assert (reply[:3], noop) == ("552", 200)
    assert rig.nothing_is_left()


async def test_an_announced_size_beyond_the_limit_is_refused_before_150(serve: Serve) -> None:
    rig = await serve(max_upload_bytes=100_000)

    def talk(client: RawClient) -> str:
        assert client.code("ALLO 100001") == 200
        client.epsv()
        return client.command("STOR Cube.gcode.3mf")

    assert (await as_client(rig, talk)).startswith("552")


async def test_a_full_disk_is_told_before_150(serve: Serve) -> None:
    rig = await serve(min_free_bytes=1 << 60)
    assert (await as_client(rig, lambda client: client.store("Cube.gcode.3mf", THREEMF))).startswith("452")
    await until(lambda: rig.bus.failed)
    assert rig.bus.failed[0].reason is FailureReason.DISK_FULL
    assert rig.nothing_is_left()


async def test_a_disk_that_fills_up_during_an_upload_ends_it(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = await serve(min_free_bytes=1000, free_check_bytes=1)
    answers = iter([10_000])
    monkeypatch.setattr(type(rig.house.custody.blobs), "free_bytes", lambda _: 0)
    object.__setattr__(rig.house.custody, "free_bytes", lambda: next(answers, 0))

    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured, suppress(OSError):
            secured.sendall(container(2_000_000))
        return client.reply()

    assert (await as_client(rig, talk)).startswith("452")
    assert rig.nothing_is_left()


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "452"), (errno.EDQUOT, "452"), (errno.EIO, "451")])
async def test_a_failing_disk_leaves_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, number: int, code: str
) -> None:
    rig = await serve()

    def fail(_part: Part, _data: memoryview) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Part, "write", fail)

    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            try:
                secured.sendall(THREEMF)
                secured.unwrap()
            except OSError:
                pass
        return client.reply()

    assert (await as_client(rig, talk)).startswith(code)
    assert rig.nothing_is_left()


async def test_a_stalled_upload_is_broken_off(serve: Serve) -> None:
    rig = await serve(stall_timeout=1.0)

    def talk(client: RawClient) -> tuple[str, int]:
        with client.secure(client.connect_data()) as secured:  # before STOR, from which on the time counts
            assert client.code("STOR Cube.gcode.3mf") == 150
            with suppress(OSError):
                secured.sendall(THREEMF[:1000])
            return client.reply(), client.code("NOOP")

    reply, noop = await as_client(rig, talk)
    assert (reply[:3], noop) == ("426", 200)
    assert rig.nothing_is_left()


async def test_a_client_that_connects_and_says_nothing_is_stalled_too(serve: Serve) -> None:
    rig = await serve(stall_timeout=0.3)

    def talk(client: RawClient) -> str:
        with client.connect_data():
            assert client.code("STOR Cube.gcode.3mf") == 150
            return client.reply()

    assert (await as_client(rig, talk)).startswith("426")


async def test_without_a_data_connection_the_answer_is_425(serve: Serve) -> None:
    rig = await serve(connect_timeout=0.2)

    def talk(client: RawClient) -> tuple[str, str, str]:
        without = client.command("STOR Cube.gcode.3mf")
        client.epsv()
        assert client.code("STOR Cube.gcode.3mf") == 150
        return without, client.reply(), client.store("Cube.gcode.3mf", THREEMF)

    without, late, good = await as_client(rig, talk)
    assert (without[:3], late[:3], good[:3]) == ("425", "425", "226")


async def test_abor_ends_an_upload_with_426_and_226(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(THREEMF[:1000])
            return [client.command(b"\xff\xf4\xff\xf2ABOR"), client.reply(), client.command("NOOP")]

    replies = await as_client(rig, talk)
    assert [reply[:3] for reply in replies] == ["426", "226", "200"]
    assert rig.nothing_is_left()


async def test_abor_ends_the_wait_for_a_data_connection(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        client.epsv()
        assert client.code("STOR Cube.gcode.3mf") == 150
        return [client.command("ABOR"), client.reply()]

    assert [reply[:3] for reply in await as_client(rig, talk)] == ["426", "226"]


async def test_abor_without_a_transfer_is_fine(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> int:
        client.epsv()
        return client.code("ABOR")

    assert await as_client(rig, talk) == 226


async def test_quit_during_an_upload_waits_for_it(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        secured = client.secure(data)
        client.send("QUIT")
        secured.sendall(THREEMF)
        secured.unwrap().close()
        return [client.reply(), client.reply(), client.reply()]

    assert [reply[:3] for reply in await as_client(rig, talk)] == ["226", "221", ""]
    assert len(rig.outbox) == 1


async def test_while_a_transfer_runs_no_second_one_begins(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> list[str]:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            refused = [client.command(verb) for verb in ("EPSV", "PASV", "STOR other.gcode.3mf", "LIST", "NOOP")]
            secured.sendall(THREEMF)
            secured.unwrap()
        return [*refused, client.reply()]

    assert [reply[:3] for reply in await as_client(rig, talk)] == ["503", "503", "425", "425", "200", "226"]


@pytest.mark.parametrize(
    ("argument", "filename", "folder"),
    [
        ("../../../passwd.3mf", "passwd.3mf", "/"),
        ("/cache/Cube.3mf", "Cube.3mf", "/cache"),
        ("sdcard/Cube.3mf", "Cube.3mf", "/"),
        ("C:\\models\\Cube.3mf", "Cube.3mf", "/"),
        ("Würfel mit Löchern.3mf", "Würfel mit Löchern.3mf", "/"),
    ],
)
async def test_names_lead_nowhere_but_into_the_card(serve: Serve, argument: str, filename: str, folder: str) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: client.store(argument, THREEMF))).startswith("226")
    [receipt] = [rig.house.publisher._outbox.read(path) for path in rig.outbox]
    assert receipt is not None
    assert (receipt.filename, receipt.folder) == (filename, folder)


@pytest.mark.parametrize("argument", ["", "..", "/", "nowhere/Cube.3mf", "../../etc/passwd.3mf", "\x01"])
async def test_names_that_are_none_are_refused(serve: Serve, argument: str) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: client.store(argument, THREEMF))).startswith("553")


async def test_stopping_the_server_breaks_off_what_runs(serve: Serve) -> None:
    rig = await serve()
    sent = asyncio.Event()
    loop = asyncio.get_running_loop()

    def talk(client: RawClient) -> str:
        data = client.connect_data()
        assert client.code("STOR Cube.gcode.3mf") == 150
        with client.secure(data) as secured:
            secured.sendall(THREEMF[:1000])
            loop.call_soon_threadsafe(sent.set)
            return client.reply()

    talking = asyncio.gather(as_client(rig, talk), return_exceptions=True)
    await sent.wait()
    await rig.server.close()
    await talking
    assert rig.nothing_is_left()
