"""Uploads in the shape that OrcaSlicer sends to OctoPrint."""

import asyncio
import shutil
from collections.abc import Iterable
from hashlib import sha256
from io import BytesIO
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy.exc import SQLAlchemyError

from tests.common.waiting import until
from tests.control.harness import ADMIN_TOKEN, Answer, Api, Parts
from tests.simulators import threemf
from vprinter_common.access import MAX_FAILURES
from vprinter_common.contracts.live import UploadPhase
from vprinter_common.contracts.printer import Mode
from vprinter_control import deliveries
from vprinter_control.api import octoprint_form
from vprinter_control.deliveries import AT_ONCE
from vprinter_control.ingest import Ingest

CUBE = threemf.sliced()
BOUNDARY = "------------------------d74496d66958873e"
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


class OctoPrint:
    """What a slicer knows: an address and a key."""

    def __init__(self, api: Api, printer: str, key: str) -> None:
        self.api = api
        self.printer = printer
        self.key = key

    @property
    def url(self) -> str:
        """The address that a user enters."""
        return str(self.api.client.make_url("/"))

    async def __call__(self, method: str, path: str, **more: Any) -> Answer:
        headers = {"X-Api-Key": self.key} | more.pop("headers", {})
        async with self.api.client.request(method, path, headers=headers, **more) as answer:
            return Answer(answer.status, await answer.json(), dict(answer.headers))

    async def send(self, content: bytes, name: str = "cube.gcode.3mf", **fields: str) -> Answer:
        """An upload, its fields in the order that OrcaSlicer sends them."""
        form = FormData(quote_fields=False)
        for field, value in ({"print": "false", "path": ""} | fields).items():
            form.add_field(field, value)
        form.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
        return await self("POST", "/api/files/local", data=form)

    async def raw(self, *parts: bytes, end: bytes = b"--" + BOUNDARY.encode() + b"--\r\n") -> Answer:
        """A body as it is written."""
        body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + part + b"\r\n" for part in parts) + end
        headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return await self("POST", "/api/files/local", data=body, headers=headers)


def field(name: str, value: bytes, more: bytes = b"") -> bytes:
    """A part of a form."""
    return b'Content-Disposition: form-data; name="%s"%s\r\n\r\n%s' % (name.encode(), more, value)


def file(content: bytes, name: bytes = b"a.gcode", headers: bytes = b"") -> bytes:
    """The part with the file."""
    return b'Content-Disposition: form-data; name="file"; filename="%s"\r\n%s\r\n%s' % (name, headers, content)


async def octoprint_of(api: Api, **printer: Any) -> OctoPrint:
    """A printer with a key of its own."""
    body = {"name": "A", "model": "BL-P001", "mode": "immediate", **printer}
    made = await api.post("virtual-printers", body)
    token = await api.post("tokens", {"name": "Ada's Orca", "scopes": ["read"], "printer_id": made["id"]})
    return OctoPrint(api, made["id"], token["token"])


@pytest.fixture
async def orca(api: Api) -> OctoPrint:
    """OrcaSlicer with the key of a printer."""
    return await octoprint_of(api)


def leftovers(parts: Parts) -> list[str]:
    """What is in the store that should not be there."""
    return [path.name for path in (parts.blobs.root / "incoming").iterdir()]


def kept(parts: Parts) -> list[str]:
    """Hashes in the store."""
    return list(parts.blobs.hashes())


# -- what slicers check first ----------------------------------------------------------------------------------------


async def test_a_slicer_takes_it_for_octoprint(orca: OctoPrint) -> None:
    answer = await orca("GET", "/api/version")
    assert answer.status == 200
    assert answer.body["api"] == "0.1"
    assert answer.body["server"].startswith("1.10")
    assert answer.body["text"].startswith("OctoPrint")


@pytest.mark.parametrize(("method", "path"), [("GET", "/api/version"), ("POST", "/api/files/local")])
@pytest.mark.parametrize(
    ("headers", "code"),
    [({"X-Api-Key": "wrong"}, "wrong_key"), ({"X-Api-Key": ""}, "no_key"), ({"X-Api-Key": ADMIN_TOKEN}, "unbound_key")],
)
async def test_a_key_that_is_none_or_of_no_printer_is_refused(
    orca: OctoPrint, method: str, path: str, headers: dict[str, str], code: str
) -> None:
    answer = await orca(method, path, headers=headers)
    assert (answer.status, answer.body["code"]) == (403, code)
    assert answer.body["error"]
    assert "printer_id" in answer.body["hint"]


async def test_the_key_may_come_as_a_bearer_token(orca: OctoPrint) -> None:
    headers = {"X-Api-Key": "", "Authorization": f"Bearer {orca.key}"}
    assert (await orca("GET", "/api/version", headers=headers)).status == 200


async def test_guessing_keys_is_braked(orca: OctoPrint) -> None:
    for _ in range(MAX_FAILURES):
        await orca("GET", "/api/version", headers={"X-Api-Key": "guess"})
    answer = await orca("GET", "/api/version")
    assert (answer.status, answer.body["code"]) == (429, "too_many_failures")
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_key_opens_nothing_else(orca: OctoPrint) -> None:
    answer = await orca("GET", "/api/v1/archive", headers={"Authorization": f"Bearer {orca.key}"})
    assert (answer.status, answer.body["code"]) == (403, "bound_token")


async def test_the_key_of_a_deleted_printer_is_refused(orca: OctoPrint, api: Api) -> None:
    await api.delete(f"virtual-printers/{orca.printer}")
    assert (await orca("GET", "/api/version")).status == 403


async def test_a_disabled_printer_takes_nothing(orca: OctoPrint, api: Api, parts: Parts) -> None:
    await api.post(f"virtual-printers/{orca.printer}/disable")
    answer = await orca.send(CUBE)
    assert (answer.status, answer.body["code"]) == (409, "printer_disabled")
    assert kept(parts) == []


# -- a file takes its printer's way ----------------------------------------------------------------------------------


async def test_a_sent_file_is_in_the_archive_when_the_answer_comes(orca: OctoPrint, api: Api, parts: Parts) -> None:
    answer = await orca.send(CUBE, "Würfel 方块.gcode.3mf")
    assert answer.status == 201
    assert answer.body["done"] is True
    local = answer.body["files"]["local"]
    assert (local["name"], local["origin"], local["size"]) == ("Würfel 方块.gcode.3mf", "local", len(CUBE))
    assert answer.headers["Location"] == local["refs"]["resource"]
    (item,) = await api.items("archive")
    assert item["sha256"] == sha256(CUBE).hexdigest()
    assert (item["filename"], item["owner"]) == ("Würfel 方块.gcode.3mf", "Ada's Orca")
    assert local["refs"]["resource"].endswith(f"/api/v1/archive/{item['id']}")
    assert leftovers(parts) == []


async def test_a_plain_gcode_file_is_taken_too(orca: OctoPrint, api: Api) -> None:
    assert (await orca.send(b"G28\n", "part.gcode")).status == 201
    assert (await api.items("archive"))[0]["filename"] == "part.gcode"


async def test_a_printer_that_reviews_lets_it_wait(api: Api) -> None:
    orca = await octoprint_of(api, mode="review")
    answer = await orca.send(CUBE)
    (item,) = await api.items("pending")
    assert answer.headers["Location"].endswith(f"/api/v1/pending/{item['id']}")
    assert await api.items("archive") == []


@pytest.mark.parametrize(("wanted", "effective"), [("true", True), ("false", False)])
async def test_a_wish_to_print_is_a_job_of_that_file(api: Api, parts: Parts, wanted: str, effective: bool) -> None:
    orca = await octoprint_of(api, mode="queue")
    answer = await orca.send(CUBE, print=wanted)
    assert answer.body["effectivePrint"] is effective
    assert len(await api.items("queue")) == 1
    assert ("job.matched" in await api.events()) is effective


async def test_fields_may_come_after_the_file(api: Api) -> None:
    orca = await octoprint_of(api, mode="queue")
    answer = await orca.raw(file(b"G28"), field("print", b"true"), field("path", b"a/../b"))
    assert answer.status == 201
    assert answer.body["effectivePrint"] is True
    assert answer.body["files"]["local"]["path"] == "b/a.gcode"


@pytest.mark.parametrize("name", [b"../../etc/passwd", b"..\\\\..\\\\a.gcode", b"/a.gcode"])
async def test_a_name_leads_nowhere(orca: OctoPrint, api: Api, name: bytes) -> None:
    assert (await orca.raw(file(b"G28", name))).status == 201
    (item,) = await api.items("archive")
    assert item["filename"] in ("passwd", "a.gcode")


async def test_two_at_once_with_one_name_never_touch(orca: OctoPrint, api: Api) -> None:
    contents = [threemf.sliced(seed=number) for number in range(2)]
    answers = await asyncio.gather(*(orca.send(content) for content in contents))
    assert [answer.status for answer in answers] == [201, 201]
    assert {item["sha256"] for item in await api.items("archive")} == {sha256(one).hexdigest() for one in contents}


async def test_progress_is_shown_while_it_comes(orca: OctoPrint, api: Api, parts: Parts) -> None:
    more = asyncio.Event()

    async def slowly() -> Any:
        yield b"--" + BOUNDARY.encode() + b"\r\n" + file(b"x" * 300_000)
        await more.wait()
        yield b"\r\n--" + BOUNDARY.encode() + b"--\r\n"

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    sending = asyncio.gather(orca("POST", "/api/files/local", data=slowly(), headers=headers))
    await until(parts.control.live.uploads.under_way)
    (upload,) = await api.items("uploads")
    assert (upload["filename"], upload["service"], upload["printer_id"]) == ("a.gcode", "octoprint", orca.printer)
    assert (await api.get(f"virtual-printers/{orca.printer}/sessions"))["last_slicer"]["service"] == "octoprint"
    more.set()
    assert (await sending)[0].status == 201
    assert await api.items("uploads") == []


# -- what is refused leaves nothing ----------------------------------------------------------------------------------


async def test_a_broken_container_is_refused_with_the_reason(orca: OctoPrint, parts: Parts, api: Api) -> None:
    answer = await orca.send(CUBE[:-60])
    assert (answer.status, answer.body["code"]) == (422, "broken_container")
    assert "incomplete or corrupt" in answer.body["error"]
    assert (kept(parts), leftovers(parts)) == ([], [])
    assert (await api.events())[-1] == "upload.failed"


async def test_an_empty_file_is_refused(orca: OctoPrint, parts: Parts) -> None:
    answer = await orca.send(b"", "a.gcode")
    assert (answer.status, answer.body["code"]) == (400, "empty")
    assert leftovers(parts) == []


async def test_a_file_that_is_announced_too_large_is_refused_before_it_comes(orca: OctoPrint, parts: Parts) -> None:
    answer = await orca.send(b"x" * 2_100_000, "a.gcode")
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert "VPRINTER_CONTROL__MAX_UPLOAD_BYTES" in answer.body["hint"]
    assert leftovers(parts) == []


async def test_a_file_that_becomes_too_large_is_refused(orca: OctoPrint, parts: Parts) -> None:
    async def endless() -> Any:
        yield b"--" + BOUNDARY.encode() + b"\r\n" + file(b"")
        for _ in range(3):
            yield b"x" * 1_000_000

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await orca("POST", "/api/files/local", data=endless(), headers=headers)
    assert (answer.status, answer.body["code"]) == (413, "too_large")
    assert leftovers(parts) == []


async def test_a_full_disk_refuses(orca: OctoPrint, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(parts.blobs), "free_bytes", lambda _: -1)
    answer = await orca.send(CUBE)
    assert (answer.status, answer.body["code"]) == (507, "disk_full")
    assert leftovers(parts) == []


@pytest.mark.parametrize(
    "parts_of_form",
    [
        [field("print", b"true")],
        [field("file", b"no name")],
        [file(b"G28"), file(b"G28")],
        [file(b"G28", b" .. ")],
        [field(f"f{number}", b"") for number in range(17)],
        [field("path", b"x" * 5_000), file(b"G28")],
        [file(b"RzI4", headers=b"Content-Transfer-Encoding: base64\r\n")],
        [b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b--\r\n", file(b"G28")],
        [],
    ],
    ids=["no file", "no filename", "two files", "no name", "many fields", "long field", "base64", "nested", "nothing"],
)
async def test_a_form_that_is_none_is_refused(
    orca: OctoPrint, parts: Parts, api: Api, parts_of_form: Iterable[bytes]
) -> None:
    answer = await orca.raw(*parts_of_form)
    assert (answer.status, answer.body["code"]) == (400, "invalid_form")
    assert leftovers(parts) == []
    assert await api.items("archive") == []


async def test_a_body_that_is_no_form_is_refused(orca: OctoPrint) -> None:
    answer = await orca("POST", "/api/files/local", json={"file": "x"})
    assert (answer.status, answer.body["code"]) == (400, "invalid_form")


@pytest.mark.parametrize("end", [b"", b"--" + BOUNDARY.encode()[:10]])
async def test_a_form_without_its_end_keeps_nothing(orca: OctoPrint, parts: Parts, api: Api, end: bytes) -> None:
    answer = await orca.raw(file(b"G28"), end=end)
    assert answer.status == 400
    assert leftovers(parts) == []
    assert await api.items("archive") == []


async def test_a_silent_client_is_given_up(orca: OctoPrint, parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(octoprint_form, "STALL_TIMEOUT", 0.05)

    async def silent() -> Any:
        yield b"--" + BOUNDARY.encode() + b"\r\n" + file(b"G28")
        await asyncio.Event().wait()

    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    answer = await orca("POST", "/api/files/local", data=silent(), headers=headers)
    assert (answer.status, answer.body["code"]) == (408, "stalled")
    assert leftovers(parts) == []


async def test_a_client_that_goes_away_leaves_nothing(orca: OctoPrint, parts: Parts) -> None:
    address = orca.api.client.make_url("/")
    _, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(
        b"POST /api/files/local HTTP/1.1\r\nHost: here\r\nX-Api-Key: %s\r\nContent-Length: 1000000\r\n"
        b"Content-Type: multipart/form-data; boundary=%s\r\n\r\n--%s\r\n%s"
        % (orca.key.encode(), BOUNDARY.encode(), BOUNDARY.encode(), file(b"x" * 1_000))
    )
    await until(parts.control.live.uploads.under_way)
    writer.close()
    await until(lambda: not parts.control.deliveries.under_way)
    assert (leftovers(parts), kept(parts), parts.control.live.uploads.under_way()) == ([], [], [])


async def test_more_than_a_few_at_once_are_sent_away(orca: OctoPrint, parts: Parts) -> None:
    parts.control.deliveries.under_way = AT_ONCE
    answer = await orca.send(CUBE)
    assert (answer.status, answer.body["code"]) == (503, "too_many_uploads")
    assert answer.headers["Retry-After"]


async def test_a_database_that_fails_keeps_no_promise(
    orca: OctoPrint, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ingest, "_stored", _unwell)
    answer = await orca.send(CUBE)
    assert (answer.status, answer.body["code"]) == (500, "internal_error")
    assert leftovers(parts) == []
    assert parts.control.live.uploads.under_way() == []


async def _unwell(*_: object) -> bool:
    raise SQLAlchemyError("gone")


async def test_a_file_between_store_and_database_is_not_collected(orca: OctoPrint, parts: Parts) -> None:
    assert not parts.control.deliveries.is_committing
    with parts.control.deliveries.committing():
        assert parts.control.deliveries.is_committing
    assert not parts.control.deliveries.is_committing


async def test_progress_comes_at_most_four_times_a_second(orca: OctoPrint, parts: Parts) -> None:
    sender = deliveries.Sender(orca.printer, Mode.IMMEDIATE, "192.0.2.7", "")
    told: list[str] = []
    async with parts.control.deliveries.opened(sender, "a.gcode", None) as delivery:
        delivery.tell = lambda phase: told.append(phase.value)  # type: ignore[method-assign, assignment, misc]
        for _ in range(1_000):
            await delivery.add(b"x")
        await delivery.keep("/", wants_print=False)
    assert told == [UploadPhase.PROGRESS.value, UploadPhase.STORED.value]


# -- curl, whose library is the slicers' own -------------------------------------------------------------------------


@needs_curl
async def test_curl_sends_it_as_orcaslicer_does(orca: OctoPrint, api: Api, tmp_path: Any) -> None:
    sent = tmp_path / "Würfel 方块.gcode.3mf"
    sent.write_bytes(threemf.sliced(seed=9))
    arguments = [
        "curl", "-sS", "-m", "20", "-A", "OrcaSlicer/2.3.1", "-H", f"X-Api-Key: {orca.key}",
        "-F", "print=true", "-F", "path=", "-F", f"file=@{sent};type=application/octet-stream",
        "-w", "%{http_code}", "-o", str(tmp_path / "answer"), f"{orca.url}api/files/local",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    assert output == b"201"
    (item,) = await api.items("archive")
    assert (item["filename"], item["sha256"]) == (sent.name, sha256(sent.read_bytes()).hexdigest())


@needs_curl
async def test_curl_learns_that_a_file_is_too_large_without_sending_it_all(orca: OctoPrint, tmp_path: Any) -> None:
    large = tmp_path / "large.gcode"
    with large.open("wb") as stream:
        stream.truncate(64 << 20)
    arguments = [
        "curl", "-sS", "-m", "20", "-H", f"X-Api-Key: {orca.key}", "-H", "Expect:", "-F", "print=false",
        "-F", f"file=@{large}", "-w", "%{http_code} %{size_upload}", "-o", str(tmp_path / "answer"),
        f"{orca.url}api/files/local",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(*arguments, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    status, uploaded = output.split()
    assert status == b"413"
    assert int(uploaded) < 64 << 20
    assert "too large" in (tmp_path / "answer").read_text()
