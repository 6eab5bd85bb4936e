"""Tokens: the first one, what scopes open, last use, expiry."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.control.harness import NOON, Api, Clock, Parts
from vprinter_control import tokens
from vprinter_control.api.app import ROUTES
from vprinter_control.api.routing import Access
from vprinter_control.store.database import Database


async def who(database: Database, token: str) -> tokens.Identity | None:
    """Who holds a token."""
    async with database.read() as session:
        return await tokens.identify(session, token, NOON)


async def test_a_first_token_is_left_to_be_shown_once(database: Database, clock: Clock, tmp_path: Path) -> None:
    await tokens.bootstrap(database, clock, None, tmp_path / "control")
    file = tmp_path / "control" / "admin-token"
    assert file.stat().st_mode & 0o777 == 0o600
    identity = await who(database, file.read_text().strip())
    assert identity is not None
    assert identity.is_admin
    file.unlink()
    await tokens.bootstrap(database, clock, None, tmp_path / "control")
    assert not file.exists()


async def test_a_given_token_replaces_the_one_given_before(database: Database, clock: Clock, tmp_path: Path) -> None:
    first, second = "first token of many letters", "second token of many letters"
    for given in (first, first, second):
        await tokens.bootstrap(database, clock, given, tmp_path)
    assert await who(database, first) is None
    identity = await who(database, second)
    assert identity is not None
    assert identity.is_admin
    assert list(tmp_path.glob("admin-token")) == []


SCOPES = {
    "read": {"archive"},
    "files": {"archive", "projects"},
    "queue": {"archive", "queue"},
    "printers": {"archive", "virtual-printers"},
    "admin": {"archive", "projects", "queue", "virtual-printers", "tokens"},
}


@pytest.mark.parametrize("scope", SCOPES)
async def test_a_scope_opens_its_own_room_and_reading(api: Api, parts: Parts, scope: str) -> None:
    made = await api.post("tokens", {"name": scope, "scopes": [scope]})
    holder = Api(api.client, made["token"])
    attempts = {
        "archive": await holder("GET", "archive"),
        "projects": await holder("POST", "projects", {"name": "Fan"}),
        "queue": await holder("POST", "queue", {"archive_id": "none"}),
        "virtual-printers": await holder("DELETE", "virtual-printers/none"),
        "tokens": await holder("GET", "tokens"),
    }
    refused = {room for room, answer in attempts.items() if answer.status == 403}
    assert attempts.keys() - refused == SCOPES[scope]
    assert {attempts[room].code for room in refused} <= {"missing_scope"}


def test_nothing_is_changed_by_who_may_only_read() -> None:
    open_to_all = [
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.method != "GET" and route.needs in (Access.PUBLIC, Access.READ)
    ]
    assert open_to_all == ["POST /session", "DELETE /session"]


async def test_the_last_use_is_shown_at_once_and_written_later(api: Api, parts: Parts) -> None:
    made = await api.post("tokens", {"name": "Script", "scopes": ["read"]})
    assert made["last_used_at"] is None
    parts.clock.forward(60)
    await Api(api.client, made["token"]).items("archive")
    commits = parts.database.commits.count
    for _ in range(2):
        *_, listed = await api.items("tokens")
        assert listed["last_used_at"] == "2026-05-04T12:01:00Z"
        await parts.control.uses.write()
    assert parts.database.commits.count == commits + 2  # and not one for each request


async def test_a_token_may_end_by_itself(api: Api, parts: Parts) -> None:
    expires = parts.clock() + timedelta(hours=1)
    made = await api.post("tokens", {"name": "Guest", "expires_at": expires.isoformat()})
    assert await Api(api.client, made["token"]).items("archive") == []
    parts.clock.forward(3600)
    assert (await Api(api.client, made["token"])("GET", "archive")).code == "wrong_token"
    past = await api("POST", "tokens", {"name": "Guest", "expires_at": expires.isoformat()})
    assert (past.status, past.code) == (422, "expired_already")


async def test_an_admin_token_that_expired_is_no_reason_to_delete_the_other(api: Api, parts: Parts) -> None:
    admin, _ = await api.items("tokens")
    expires = (parts.clock() + timedelta(hours=1)).isoformat()
    await api.post("tokens", {"name": "Guest", "scopes": ["admin"], "expires_at": expires})
    parts.clock.forward(3600)
    assert (await api("DELETE", f"tokens/{admin['id']}")).code == "last_admin_token"


async def test_a_token_for_one_printer_opens_nothing_of_the_api_and_goes_with_the_printer(api: Api) -> None:
    printer = await api.post("virtual-printers", {"name": "Bench", "model": "BL-P001"})
    made = await api.post("tokens", {"name": "Orca", "scopes": ["admin"], "printer_id": printer["id"]})
    assert (await Api(api.client, made["token"])("GET", "archive")).code == "bound_token"
    await api.delete(f"virtual-printers/{printer['id']}")
    assert "Orca" not in [token["name"] for token in await api.items("tokens")]
    answer = await api("POST", "tokens", {"name": "Orca", "printer_id": "none"})
    assert (answer.status, answer.code) == (404, "not_found")


async def test_a_given_token_that_was_a_lesser_one_becomes_the_admins(
    database: Database, clock: Clock, tmp_path: Path
) -> None:
    given = "a token of many letters"
    async with database.write() as session:
        await tokens.add(session, clock, "script", [tokens.Scope.READ], given)
    await tokens.bootstrap(database, clock, given, tmp_path)
    identity = await who(database, given)
    assert identity is not None
    assert identity.is_admin
