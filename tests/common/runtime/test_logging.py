import asyncio
import json

from tests.common.runtime.programs import program
from tests.common.runtime.service_program import SECRET
from vprinter_common.runtime.logging import redact


async def test_logs_are_lines_of_json_without_secrets() -> None:
    async with program("talks") as process:
        assert process.stderr is not None
        lines = [await process.stderr.readline() for _ in range(4)]
        log = [json.loads(line) for line in lines]
    assert [line["event"] for line in log] == ["secrets", "wrapped", "from the standard library", "failed"]
    assert all(line["service"] == "proxy" and line["level"] and line["timestamp"] for line in log)
    assert SECRET.encode() not in b"".join(lines)
    assert "ValueError: a cause" in log[3]["exception"]


async def test_the_console_format_is_for_people() -> None:
    async with program("talks", VPRINTER_LOG__FORMAT="console") as process:
        assert process.stderr is not None
        first = await process.stderr.readline()
    assert b"secrets" in first
    assert SECRET.encode() not in first
    assert not first.startswith(b"{")


async def test_no_url_with_a_password_is_shown() -> None:
    async with program("runs") as process:
        assert process.stderr is not None
        async with asyncio.timeout(60):
            while b"nats_unreachable" not in (line := await process.stderr.readline()):
                assert SECRET.encode() not in line
    assert SECRET.encode() not in line
    assert b"nats://127.0.0.1:" in line


def test_redaction_leaves_everything_else_as_it_is() -> None:
    event = {"event": "x", "port": 990, "exc_info": (ValueError, ValueError("x"), None), "items": [1, {"key": "k"}]}
    shown = redact(None, "info", dict(event))
    assert shown == event | {"items": [1, {"key": "[redacted]"}]}
