"""Clients that nobody here wrote: curl and the standard library's ftplib."""

import asyncio
import hashlib
import io
import re
import shutil
from pathlib import Path

import pytest

from tests.common.printers import CODE
from tests.ftps.client import ImplicitFtp, client_context
from tests.ftps.conftest import Serve
from tests.ftps.rig import ADDRESS, Rig, container

THREEMF = container(3_000_000)


async def curl(rig: Rig, *options: str, path: str = "") -> tuple[int, str]:
    """Exit status, and what it printed."""
    program = shutil.which("curl")
    assert program is not None, "curl is not installed: apt install curl"
    process = await asyncio.create_subprocess_exec(
        program,
        *("--silent", "--show-error", "--max-time", "30", "--cacert", str(rig.context_file), "--user", f"bblp:{CODE}"),
        *("--connect-to", f"00M00A123456789:990:{ADDRESS}:{rig.port}", *options),
        f"ftps://00M00A123456789:990/{path}",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode(errors="replace")


@pytest.mark.parametrize(
    "options", [(), ("--disable-epsv",), ("--ftp-ssl-control",), ("--no-sessionid",), ("--tlsv1.2",)]
)
async def test_curl_uploads_in_every_way(serve: Serve, tmp_path: Path, options: tuple[str, ...]) -> None:
    rig = await serve()
    file = tmp_path / "Cube.gcode.3mf"
    await asyncio.to_thread(file.write_bytes, THREEMF)
    status, output = await curl(rig, "--upload-file", str(file), *options)
    assert (status, output) == (0, "")
    assert [path.name for path in rig.blobs] == [hashlib.sha256(THREEMF).hexdigest()]
    assert rig.metric("vprinter_ftps_data_channels_total", security="clear") == ("--ftp-ssl-control" in options)


async def test_curl_ends_its_data_with_close_notify(serve: Serve, tmp_path: Path) -> None:
    rig = await serve()
    file = tmp_path / "part.gcode"
    await asyncio.to_thread(file.write_bytes, b"G28\n" * 100_000)
    assert await curl(rig, "--upload-file", str(file)) == (0, "")
    assert len(rig.outbox) == 1


async def test_curl_lists_and_fetches_what_it_sent(serve: Serve, tmp_path: Path) -> None:
    rig = await serve()
    file, back = tmp_path / "Cube.gcode.3mf", tmp_path / "back.3mf"
    await asyncio.to_thread(file.write_bytes, THREEMF)
    assert await curl(rig, "--upload-file", str(file), path="cache/") == (0, "")
    status, listing = await curl(rig, path="cache/")
    assert (status, listing.count("\n")) == (0, 1)
    assert re.search(rf" {len(THREEMF)} .* Cube\.gcode\.3mf\r?\n$", listing)
    assert await curl(rig, "--output", str(back), path="cache/Cube.gcode.3mf") == (0, "")
    assert await asyncio.to_thread(back.read_bytes) == THREEMF


async def test_curl_learns_that_a_file_was_refused(serve: Serve, tmp_path: Path) -> None:
    rig = await serve()
    file = tmp_path / "cut.gcode.3mf"
    await asyncio.to_thread(file.write_bytes, THREEMF[:-1])
    status, _ = await curl(rig, "--upload-file", str(file))
    assert status != 0
    assert rig.nothing_is_left()


@pytest.mark.parametrize("resume", [True, False])
@pytest.mark.parametrize("passive_v2", [True, False])
async def test_ftplib_uploads_lists_fetches_and_deletes(serve: Serve, resume: bool, passive_v2: bool) -> None:
    rig = await serve()

    def talk() -> tuple[list[str], bytes, int | None]:
        with ImplicitFtp(client_context(rig.context_file), resume=resume) as client:
            client.connect(ADDRESS, rig.port)
            client.login("bblp", CODE, secure=False)
            client.prot_p()
            client.use_epsv = passive_v2
            client.cwd("model")
            client.storbinary("STOR Cube.gcode.3mf", io.BytesIO(THREEMF))
            content = io.BytesIO()
            client.retrbinary("RETR Cube.gcode.3mf", content.write)
            size = client.size("Cube.gcode.3mf")
            names = [name for name, _ in client.mlsd()]
            client.delete("Cube.gcode.3mf")
            assert client.nlst() == []
            client.quit()
            return names, content.getvalue(), size

    names, content, size = await asyncio.get_running_loop().run_in_executor(rig.clients, talk)
    assert (names, content == THREEMF, size) == (["Cube.gcode.3mf"], True, len(THREEMF))
    reused = rig.metric("vprinter_ftps_data_channels_total", security="tls_resumed")
    assert bool(reused) is resume
