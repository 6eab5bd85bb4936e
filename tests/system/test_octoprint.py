"""Sending over HTTP, as OrcaSlicer does to OctoPrint, in the real system."""

import http.client
import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.simulators import threemf
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def key_of(system: System, printer: Printer) -> str:
    """A key of the printer."""
    body = {"name": "Ada's Orca", "scopes": ["read"], "printer_id": printer.id}
    key: str = system.api.post("tokens", body)["token"]
    system.secrets.add(key)
    return key


def upload(system: System, key: str, path: Path, *, wants_print: bool = False) -> tuple[int, dict[str, Any]]:
    """Send a file as OrcaSlicer does; status and body of the answer."""
    command = [
        "curl", "-sS", "-m", "60", "-A", "OrcaSlicer/2.3.1", "-H", f"X-Api-Key: {key}",
        "-F", f"print={'true' if wants_print else 'false'}", "-F", "path=",
        "-F", f"file=@{path};type=application/octet-stream", "-w", "\n%{http_code}",
        f"{system.api.url}/api/files/local",
    ]  # fmt: skip
    output = subprocess.run(command, capture_output=True, check=False, timeout=70).stdout.decode()
    body, _, status = output.rpartition("\n")
    return int(status), json.loads(body) if body else {}


def test_a_file_goes_the_way_of_the_printer_of_its_key(system: System, tmp_path: Path) -> None:
    content = threemf.sliced(seed=501)
    sent = tmp_path / "Würfel 方块.gcode.3mf"
    sent.write_bytes(content)
    hashed = sha256(content).hexdigest()
    by_mode = {mode: system.new_printer(name=f"HTTP {mode}", mode=mode) for mode in ("immediate", "review", "queue")}
    for mode, printer in by_mode.items():
        status, body = upload(system, key_of(system, printer), sent, wants_print=mode == "queue")
        assert status == 201, body
        assert body["files"]["local"]["name"] == sent.name
    # At once: the answer comes when the file is where it belongs.
    archived = system.archived(hashed)
    assert {item["mode"] for item in archived} == {"immediate", "queue"}
    assert {item["owner"] for item in archived} == {"Ada's Orca"}
    (pending,) = [one for one in system.api.items("pending") if one["sha256"] == hashed]
    assert pending["filename"] == sent.name
    (queued,) = [item["id"] for item in archived if item["mode"] == "queue"]
    assert [one for one in system.api.items("queue") if one["archive_id"] == queued]
    assert system.api.raw("GET", f"archive/{queued}/file") == content
    assert not system.leftovers()
    for printer in by_mode.values():
        system.remove(printer)


def test_a_wrong_key_is_refused(system: System, tmp_path: Path) -> None:
    path = tmp_path / "a.gcode"
    path.write_bytes(b"G28")
    status, body = upload(system, "no key of ours", path)
    assert (status, body["code"]) == (403, "wrong_key")


def test_a_broken_file_is_refused_with_its_reason(system: System, printer: Printer, tmp_path: Path) -> None:
    path = tmp_path / "cut.gcode.3mf"
    path.write_bytes(threemf.sliced(seed=502)[:-40])
    status, body = upload(system, key_of(system, printer), path)
    assert (status, body["code"]) == (422, "broken_container")
    assert not system.leftovers()


def test_control_that_is_killed_during_an_upload_leaves_nothing(system: System, printer: Printer) -> None:
    key, boundary = key_of(system, printer), "b0undary"
    before = system.blobs()
    host, _, port = system.api.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    connection.putrequest("POST", "/api/files/local")
    connection.putheader("X-Api-Key", key)
    connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
    connection.putheader("Content-Length", str(64 << 20))
    connection.endheaders(
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.gcode"\r\n\r\n'.encode()
    )
    connection.send(b"G1 X1\n" * (1 << 20))
    wait_for(lambda: any(path.stat().st_size > 1 << 20 for path in system.leftovers()), "a part on the disk")
    assert [one["filename"] for one in system.api.items("uploads")] == ["a.gcode"]
    system.kill("control")
    connection.close()
    system.await_ready("control")
    wait_for(lambda: not system.leftovers(), "the part is swept")
    assert system.blobs() == before
    assert system.api.items("uploads") == []
