"""The commands that ask the API, against the API."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.control.harness import READ_TOKEN, Api, FakeBus, Parts, stored
from tests.control.targets import CODE, FIRST, SECOND, add, fares, heard, hears, sees
from tests.simulators.threemf import Plate, sliced
from vprinter_common.contracts.printer import Mode

Receive = Callable[..., Awaitable[bytes]]


@pytest.fixture
def receive(parts: Parts) -> Receive:
    """Let a file arrive; returns its bytes."""

    async def receive(name: str, mode: Mode = Mode.IMMEDIATE, plates: int = 1, **more: object) -> bytes:
        content = sliced(*(Plate(index + 1) for index in range(plates)), title=name)
        parts.keep(content)
        await parts.take(stored(content, filename=f"{name}.gcode.3mf", mode=mode, **more))
        return content

    return receive


async def test_a_printer_is_made_changed_shown_disabled_and_deleted(vprinter: Command) -> None:
    made = (await vprinter("printers", "create", "Desk", "--model", "P1S", "--mode", "review", "--json")).json
    assert (made["name"], made["mode"], made["enabled"]) == ("Desk", "review", True)
    listed = await vprinter("printers")
    assert listed.out.splitlines()[0].split() == ["ID", "NAME", "MODEL", "MODE", "ADDRESS", "STATE"]
    assert f"{made['id'][:8]}  Desk" in listed.out
    changed = (
        await vprinter("printers", "change", "Desk", "--name", "Table", "--address", "192.0.2.11", "--json")
    ).json
    assert (changed["name"], changed["bind"]["address"]) == ("Table", "192.0.2.11")
    shown = await vprinter("printers", "show", made["id"][:8])
    assert "access code" in shown.out
    assert (await vprinter("printers", "disable", "Table", "--json")).json["enabled"] is False
    assert (await vprinter("printers", "enable", "Table", "--json")).json["enabled"] is True
    assert (await vprinter("printers", "delete", "Table")).code == 2
    assert (await vprinter("printers", "delete", "Table", "--yes")).code == 0
    assert (await vprinter("printers", "list", "--json")).json == []
    assert "BL-P001" in (await vprinter("printers", "models")).out


async def test_access_codes_are_added_named_rotated_and_revoked(vprinter: Command) -> None:
    await vprinter("printers", "create", "Desk", "--model", "X1C")
    (added,) = (await vprinter("printers", "codes", "Desk", "--add", "Ann", "--json")).json
    codes = (await vprinter("printers", "codes", "Desk", "--json")).json
    assert [one["owner"] for one in codes][1:] == ["Ann"]
    (rotated,) = (await vprinter("printers", "codes", "Desk", "--rotate", added["id"], "--json")).json
    assert (rotated["owner"], rotated["code"] != added["code"]) == ("Ann", True)
    (renamed,) = (await vprinter("printers", "codes", "Desk", "--rename", added["id"][:8], "Eve", "--json")).json
    assert renamed["owner"] == "Eve"
    assert (await vprinter("printers", "codes", "Desk", "--revoke", added["id"])).code == 0
    assert len((await vprinter("printers", "codes", "Desk", "--json")).json) == 1


async def test_files_are_listed_searched_shown_downloaded_and_deleted(
    vprinter: Command, receive: Receive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = await receive("gear")
    await receive("box")
    found = (await vprinter("archive", "list", "-q", "gear", "--json")).json
    assert [one["filename"] for one in found] == ["gear.gcode.3mf"]
    assert "gear" in (await vprinter("archive")).out
    assert sha256(content).hexdigest() in (await vprinter("archive", "show", found[0]["id"][:8])).out
    monkeypatch.chdir(tmp_path)
    saved = await vprinter("archive", "download", found[0]["name"])
    assert saved.code == 0, saved.err
    assert (tmp_path / "gear.gcode.3mf").read_bytes() == content
    again = await vprinter("archive", "download", found[0]["id"])
    assert (again.code, "--force" in again.err) == (1, True)
    assert (await vprinter("archive", "download", found[0]["id"], "--force")).code == 0
    assert (await vprinter("archive", "delete", found[0]["id"], "--yes")).code == 0
    assert (await vprinter("archive", "show", found[0]["id"])).code == 5
    assert [path.name for path in tmp_path.glob("*.part")] == []


async def test_pending_files_are_approved_discarded_and_restored(vprinter: Command, receive: Receive) -> None:
    for name in ("one", "two", "three"):
        await receive(name, Mode.REVIEW)
    ids = {one["name"]: one["id"] for one in (await vprinter("pending", "--json")).json}
    done = await vprinter("pending", "approve", ids["one"], "--to", "queue", "--tag", "blue", "--notes", "for Ann")
    assert (done.code, done.out) == (0, "1 done\n"), done.err
    (archived,) = (await vprinter("archive", "list", "--json")).json
    assert (archived["tags"], archived["notes"]) == (["blue"], "for Ann")
    assert len((await vprinter("queue", "--json")).json) == 1
    assert (await vprinter("pending", "discard", ids["two"][:8])).code == 0
    assert len((await vprinter("pending", "list", "--discarded", "--json")).json) == 1
    assert (await vprinter("pending", "restore", "--all")).code == 0
    assert len((await vprinter("pending", "--json")).json) == 2
    assert (await vprinter("pending", "approve", "--all")).code == 0
    assert (await vprinter("pending", "--json")).json == []
    assert (await vprinter("pending", "approve")).code == 2


async def test_what_fails_among_many_is_said_and_the_rest_is_done(vprinter: Command, receive: Receive) -> None:
    await receive("one", Mode.REVIEW)
    (one,) = (await vprinter("pending", "--json")).json
    ended = await vprinter("pending", "approve", one["id"], "0" * 32)
    assert ended.code == 1
    assert "0" * 32 in ended.err
    assert len((await vprinter("archive", "--json")).json) == 1


async def test_the_queue_is_filled_reordered_held_assigned_and_emptied(
    vprinter: Command, receive: Receive, api: Api, bus: FakeBus
) -> None:
    shop = (await add(api, bus, name="Shop"))["id"]
    await receive("gear", plates=3)
    for plate in (1, 2, 3):
        assert (await vprinter("queue", "add", "gear", "--plate", plate)).code == 0

    async def order() -> list[int]:
        return [one["plate"] for one in (await vprinter("queue", "--json")).json]

    assert await order() == [1, 2, 3]
    ids = [one["id"] for one in (await vprinter("queue", "--json")).json]
    for arguments, expected in (
        ((ids[2], "--first"), [3, 1, 2]),
        ((ids[2], "--after", ids[0]), [1, 3, 2]),
        ((ids[1], "--before", ids[0]), [2, 1, 3]),
        (("#1", "--last"), [1, 3, 2]),
    ):
        moved = await vprinter("queue", "move", *arguments)
        assert moved.code == 0, moved.err
        assert await order() == expected
    assert (await vprinter("queue", "hold", "#1", "--json")).json[0]["hold"] is True
    assert (await vprinter("queue", "release", "#1", "--json")).json[0]["hold"] is False
    assert (await vprinter("queue", "assign", "#1", "Shop", "--json")).json[0]["printer_id"] == shop
    assert (await vprinter("queue", "assign", "#1", "--json")).json[0]["printer_id"] is None
    assert (await vprinter("queue", "remove", ids[0], ids[1][:8], "#2")).code == 0
    assert await order() == []
    assert (await vprinter("queue", "hold", "#9")).code == 5


async def test_tokens_are_made_listed_and_revoked(vprinter: Command, api: Api) -> None:
    made = await vprinter("tokens", "create", "script", "--scope", "files", "--scope", "queue")
    assert (await Api(api.client, made.out.strip())("GET", "archive")).status == 200
    assert "script" in (await vprinter("tokens")).out
    assert (await vprinter("tokens", "revoke", "script")).code == 0
    assert (await Api(api.client, made.out.strip())("GET", "archive")).status == 401


async def test_the_ca_is_shown_exported_imported_and_renewed(
    vprinter: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await vprinter("ca", "--json")).json
    assert before["sha256"] in (await vprinter("ca", "show")).out
    assert (await vprinter("ca", "pem")).out.startswith("-----BEGIN CERTIFICATE-----")
    script = tmp_path / "trust.sh"
    assert (await vprinter("ca", "installer", "linux", "-o", script)).code == 0
    assert script.read_text().startswith("#!/bin/sh")
    sealed = tmp_path / "ca.pem"
    monkeypatch.setenv("VPRINTER_PASSPHRASE", "correct horse battery")
    assert (await vprinter("ca", "export", "-o", sealed)).code == 0
    assert sealed.stat().st_mode & 0o777 == 0o600
    unsure = await vprinter("ca", "renew", "--new-key")
    assert (unsure.code, "No slicer" in unsure.err) == (2, True)
    renewed = await vprinter("ca", "renew", "--new-key", "--yes", "--json")
    assert renewed.json["sha256"] != before["sha256"]
    assert "run the installer" in renewed.err
    assert (await vprinter("ca", "import", sealed, "--yes", "--json")).json["sha256"] == before["sha256"]
    (tmp_path / "wrong").write_text("another phrase\n")
    wrong = await vprinter("ca", "import", sealed, "--passphrase-file", tmp_path / "wrong", "--yes")
    assert (wrong.code, "pass phrase" in wrong.err) == (1, True)


async def test_refusals_have_exit_codes_of_their_own(
    vprinter: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (await vprinter("archive", "show", "0" * 32)).code == 5
    assert (await vprinter("archive", "show", "nothing by that name")).code == 5
    refused = await vprinter("printers", "create", "Desk", "--model", "nonsense")
    assert (refused.code, "GET /api/v1/models lists them" in refused.err) == (1, True)
    assert (await vprinter("archive", "frobnicate")).code == 2
    monkeypatch.setenv("VPRINTER_TOKEN", READ_TOKEN)
    assert (await vprinter("printers", "create", "Desk", "--model", "X1C")).code == 4
    monkeypatch.setenv("VPRINTER_TOKEN", "wrong")
    assert (await vprinter("archive")).code == 4
    monkeypatch.setenv("VPRINTER_TOKEN", "")
    monkeypatch.setenv("VPRINTER_DATA_DIR", str(tmp_path))
    without = await vprinter("archive")
    assert (without.code, "VPRINTER_TOKEN" in without.err) == (4, True)
    assert (await vprinter("archive", "--url", "http://127.0.0.1:1")).code == 3
    assert (await vprinter("archive", "--url", "nonsense")).code == 2


async def test_a_name_cannot_steer_the_terminal(vprinter: Command, receive: Receive) -> None:
    await receive("\x1b]0;owned\x07evil")
    listed = await vprinter("archive")
    assert "evil" in listed.out
    assert "\x1b" not in listed.out


async def test_a_real_printer_is_found_added_looked_at_changed_and_forgotten(
    vprinter: Command, bus: FakeBus, parts: Parts
) -> None:
    hears(bus, heard())
    (found,) = (await vprinter("real", "discovered", "--json")).json
    sees(bus)
    made = (await vprinter("real", "add", found["host"], "--code", CODE, "--name", "Shop", "--json")).json
    fares(parts, made["id"], online=False, trouble="certificate_changed", fingerprint=SECOND)
    shown = await vprinter("real", "show", "Shop")
    assert SECOND in shown.out
    assert "accept its new certificate" in shown.out
    accepted = (await vprinter("real", "accept", SECOND, "Shop", "--json")).json
    assert accepted["fingerprint"] == SECOND
    assert FIRST in (await vprinter("real", "probe", "Shop")).out
    changed = (await vprinter("real", "change", "Shop", "--host", "shop.example.org", "--json")).json
    assert changed["host"] == "shop.example.org"
    assert "Shop" in (await vprinter("real")).out
    assert (await vprinter("real", "commands", "Shop", "--json")).json == []
    assert (await vprinter("real", "delete", "Shop", "--yes")).code == 0
    assert (await vprinter("real", "list", "--json")).json == []


async def test_a_proxy_is_made_in_front_of_a_real_printer(vprinter: Command, api: Api, bus: FakeBus) -> None:
    await add(api, bus, name="Shop")
    made = await vprinter("printers", "create", "Door", "--mode", "proxy", "--target", "Shop", "--allow", "files")
    assert "the real printer's own" in made.out
    assert "files, terminate, camera" in made.out
    changed = (await vprinter("printers", "change", "Door", "--capture", "--json")).json
    assert changed["relay"] == {"allow": "files", "ftp": "terminate", "capture": True, "camera": True}
    assert (await vprinter("printers", "sessions", "Door", "--json")).json == []
    assert (await vprinter("printers", "sessions", "Door", "--disconnect", "s1")).code == 5
    mirror = await vprinter(
        "printers", "change", "Door", "--mode", "queue", "--model", "P1S", "--target", "none", "--json"
    )
    assert (mirror.json["target"], mirror.json["relay"]) == (None, None)
