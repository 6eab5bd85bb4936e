"""The NATS server is private to this user and this host."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import nats
import pytest

from vprinter_cli import nats_server
from vprinter_cli.child import Timing
from vprinter_cli.supervisor import kept_running


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_password_and_the_configuration_are_for_this_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        nats_server.prepare(tmp_path / "nats", 0, {})
    finally:
        os.umask(before)
    assert _mode(tmp_path / "nats") == 0o700
    assert _mode(tmp_path / "nats" / "nats.conf") == 0o600
    assert _mode(tmp_path / "nats" / "password") == 0o600


def test_the_password_is_made_once(tmp_path: Path) -> None:
    first = nats_server.prepare(tmp_path, 0, {})
    again = nats_server.prepare(tmp_path, 0, {})
    other = nats_server.prepare(tmp_path / "other", 0, {})
    assert first.password == again.password != other.password
    assert len(first.password) >= 32


def test_what_a_killed_start_left_behind_does_not_stop_the_next(tmp_path: Path) -> None:
    (tmp_path / "password.part").write_text("half")
    assert len(nats_server.prepare(tmp_path, 0, {}).password) >= 32


def test_every_acknowledged_fact_is_synced_to_disk(tmp_path: Path) -> None:
    text = nats_server.configuration(tmp_path, 4222, "secret")
    assert "sync_interval: always" in text
    assert 'listen: "127.0.0.1:4222"' in text


def test_a_taken_port_is_replaced_by_a_free_one() -> None:
    with socket.create_server((nats_server.HOST, 0)) as taken:
        port = taken.getsockname()[1]
        chosen = nats_server.choose_port(port)
    assert chosen not in (0, port)
    assert nats_server.choose_port(chosen) == chosen


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("[12] [INF] Server is ready", False),
        ("[12] [WRN] Plaintext passwords detected, use nkeys or bcrypt", False),
        ("[12] [ERR] JetStream out of resources", True),
        ("nats-server: nats.conf:3: unknown field", True),
    ],
)
def test_only_what_people_can_act_on_is_shown(line: str, shown: bool) -> None:
    assert nats_server.worth_showing(line) is shown


def test_the_binary_is_the_one_of_this_environment() -> None:
    assert nats_server.binary().is_absolute()


def test_a_missing_binary_is_reported_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _name: str(tmp_path))
    with pytest.raises(FileNotFoundError, match="make up"):
        nats_server.binary()


async def test_the_server_runs_with_its_configuration_and_lets_nobody_in_without_the_password(tmp_path: Path) -> None:
    quotable = tmp_path / 'a "quoted" \\ directory'
    server = nats_server.prepare(quotable, 0, dict(os.environ))
    said: list[str] = []
    async with kept_running([server.program], lambda _name, line: said.append(line), Timing(grace=30)):
        assert await nats_server.wait_ready(server.port, within=60)
        assert "Authorization Violation" in await _answer_without_password(server.port)
        client = await nats.connect(server.url, user=nats_server.USER, password=server.password)
        await client.jetstream().add_stream(name="ANY", subjects=["any"])
        await client.close()
    assert (quotable / "jetstream").is_dir()
    assert [line for line in said if "authentication error" not in line] == []


async def _answer_without_password(port: int) -> str:
    reader, writer = await asyncio.open_connection(nats_server.HOST, port)
    try:
        await reader.readline()
        writer.write(b"CONNECT {}\r\nPING\r\n")
        async with asyncio.timeout(30):
            return (await reader.read()).decode()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_waiting_for_a_server_that_never_comes_ends() -> None:
    assert not await nats_server.wait_ready(nats_server.choose_port(0), within=0.2)


async def test_something_else_on_the_port_does_not_count_as_ready() -> None:
    async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 not nats\r\n")
        writer.close()

    async with await asyncio.start_server(other, nats_server.HOST, 0) as listening:
        assert not await nats_server.wait_ready(listening.sockets[0].getsockname()[1], within=0.3)
