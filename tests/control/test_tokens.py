"""The first admin token."""

from pathlib import Path

from tests.control.harness import Clock
from vprinter_control import tokens
from vprinter_control.store.database import Database


async def who(database: Database, token: str) -> tokens.Identity | None:
    """Who holds a token."""
    async with database.read() as session:
        return await tokens.identify(session, token)


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
