"""What a slicer sees of the memory card: lists, reads back, deletes."""

import asyncio

from tests.ftps.client import RawClient
from tests.ftps.conftest import Serve
from tests.ftps.rig import as_client, container

THREEMF = container(150_000)


async def test_what_was_sent_can_be_listed_read_back_and_deleted(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> dict[str, object]:
        assert client.store("Cube with blanks.gcode.3mf", THREEMF).startswith("226")
        assert client.store("cache/Other.3mf", container()).startswith("226")
        name = "Cube with blanks.gcode.3mf"
        return {
            "size": client.command(f"SIZE {name}"),
            "mdtm": client.code(f"MDTM {name}"),
            "list": client.fetch("LIST -la")[0].decode(),
            "folder": client.fetch("NLST /cache")[0],
            "sdcard": client.fetch("NLST /sdcard")[0],
            "mlsd": client.fetch("MLSD")[0].decode(),
            "one": client.fetch(f"LIST {name}")[0].decode(),
            "retr": client.fetch(f"RETR {name}"),
            "dele": client.code(f"DELE {name}"),
            "after": client.code(f"SIZE {name}"),
            "again": client.code(f"DELE {name}"),
        }

    seen = await as_client(rig, talk)
    assert seen["size"] == f"213 {len(THREEMF)}"
    assert seen["mdtm"] == 213
    assert seen["list"].count("\r\n") == 5
    assert f"{len(THREEMF)} " in seen["list"]
    assert seen["list"].rstrip().endswith("Cube with blanks.gcode.3mf")
    assert seen["folder"] == b"Other.3mf\r\n"
    assert b"Cube with blanks.gcode.3mf" in seen["sdcard"]
    assert f"type=file;size={len(THREEMF)};" in seen["mlsd"]
    assert seen["one"].count("\r\n") == 1
    content, reply = seen["retr"]
    assert (content, reply[:3]) == (THREEMF, "226")
    assert (seen["dele"], seen["after"], seen["again"]) == (250, 550, 550)
    assert len(rig.blobs) == 2, "the archive keeps what is deleted from the card"


async def test_a_folder_of_ones_own_lasts_as_long_as_the_session(serve: Serve) -> None:
    rig = await serve()

    def talk(client: RawClient) -> tuple[int, int, str, bytes, str]:
        return (
            client.code("MKD mine"),
            client.code("CWD mine"),
            client.store("Cube.3mf", THREEMF),
            client.fetch("NLST")[0],
            client.command("PWD"),
        )

    made, entered, stored, listed, where = await as_client(rig, talk)
    assert (made, entered, stored[:3], listed) == (257, 250, "226", b"Cube.3mf\r\n")
    assert '"/mine"' in where
    assert await as_client(rig, lambda client: client.code("CWD mine")) == 550


async def test_folders_of_ones_own_are_few(serve: Serve) -> None:
    rig = await serve()
    codes = await as_client(rig, lambda client: [client.code(f"MKD {number}") for number in range(33)])
    assert codes == [257] * 32 + [550]


async def test_a_file_that_the_archive_removed_vanishes_from_the_card(serve: Serve) -> None:
    rig = await serve()
    assert (await as_client(rig, lambda client: client.store("Cube.3mf", THREEMF))).startswith("226")
    await asyncio.to_thread(rig.blobs[0].unlink)
    assert await as_client(rig, lambda client: client.code("SIZE Cube.3mf")) == 550
    assert not rig.entries


async def test_a_card_that_cannot_be_written_is_no_reason_to_refuse_a_file(serve: Serve) -> None:
    rig = await serve()
    directory = rig.data / "ftps" / "p1"
    directory.rmdir()
    directory.write_text("in the way")
    assert (await as_client(rig, lambda client: client.store("Cube.3mf", THREEMF))).startswith("226")
    assert len(rig.outbox) == 1
