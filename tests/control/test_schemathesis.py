"""The API against requests made from its own description: no server error, and nothing that it does not describe."""

import asyncio
import sys
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import pytest

from tests.control.harness import ADMIN_TOKEN, Api, Parts, stored
from tests.control.targets import add, fares, heard, hears, proxy
from tests.simulators import threemf
from vprinter_common.access import LoginBrake
from vprinter_common.contracts.printer import Mode

# An endless answer, followed by tests of its own.
_EXCLUDED = ("/api/v1/events",)
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
    "use_after_free",
    "ensure_resource_availability",
    "ignored_auth",
)


@pytest.fixture
async def filled(api: Api, parts: Parts) -> Api:
    """An API with something of everything, services that answer it, and patience with wrong tokens."""
    ticks = count(step=1000)
    parts.control.brake = LoginBrake(lambda: next(ticks))
    parts.control.keep_alive = 0.05
    for number, mode in enumerate((Mode.IMMEDIATE, Mode.QUEUE, Mode.REVIEW, Mode.REVIEW)):
        content = threemf.sliced(seed=number)
        parts.keep(content)
        await parts.take(stored(content, mode=mode))
    await api.post("projects", {"name": "Boxes"})
    await api.post("virtual-printers", {"name": "Desk", "model": "X1C", "enabled": False})
    hears(parts.bus, heard("01P00A987654321", "192.0.2.71"))
    shop = await add(api, parts.bus)
    fares(parts, shop["id"])
    await api.post("virtual-printers", proxy(shop["id"]) | {"enabled": False})
    return api


async def attack(api: Api, directory: Path, phases: str, arguments: Sequence[str]) -> None:
    """Let schemathesis loose on the API."""
    url = api.client.make_url("/api/v1/openapi.json")
    excluded = [part for path in _EXCLUDED for part in ("--exclude-path", path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", str(url), "--header", f"Authorization:Bearer {ADMIN_TOKEN}"),
        *("--phases", phases, "--checks", ",".join(_CHECKS), "--no-shrink", "--generation-database", "none"),
        *("--request-timeout", "10", "--continue-on-failure", "--no-color", "--warnings", "off", *excluded, *arguments),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()


@pytest.mark.full
@pytest.mark.timeout(300)
async def test_nothing_unforeseen_is_answered(filled: Api, tmp_path: Path) -> None:
    await attack(filled, tmp_path, "coverage", ("--max-examples", "3"))


@pytest.mark.full
@pytest.mark.timeout(1800)
async def test_nothing_unforeseen_is_answered_to_many_more_requests(filled: Api, tmp_path: Path) -> None:
    await attack(filled, tmp_path, "examples,coverage,fuzzing,stateful", ("--max-examples", "100"))
