"""What tests of control share."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from json import dumps
from typing import Any, cast

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient

from tests.control.documented import check
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import JobRequested, UploadStored, kind_of
from vprinter_common.contracts.message import Event, Message, new_id
from vprinter_common.contracts.printer import Mode
from vprinter_common.contracts.subjects import Bucket, Stream
from vprinter_common.object_store import Blobs
from vprinter_control.api.context import Control
from vprinter_control.ingest import Ingest
from vprinter_control.store.database import Database

ADMIN_TOKEN = "a token for tests that may do all"
READ_TOKEN = "a token for tests that may read"
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@dataclass(slots=True)
class Clock:
    """A clock that moves when told."""

    now: datetime = NOON

    def __call__(self) -> datetime:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@dataclass(slots=True)
class FakeBus:
    """The buckets of NATS, and services that answer. `down` makes every write fail; `waiting` facts are not taken yet."""

    buckets: dict[str, dict[str, Any]] = field(default_factory=dict)
    down: bool = False
    waiting: int = 0
    writes: list[tuple[str, str]] = field(default_factory=list)
    answers: dict[str, Callable[[Any], Message]] = field(default_factory=dict)
    """Who answers a request, by subject; nobody answers the others."""
    published: list[tuple[str, Message]] = field(default_factory=list)
    broken: str | None = "there is no NATS in this test"
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def as_bus(self) -> Bus:
        """For those who ask for the real one; it has what they use."""
        return cast("Bus", self)

    def bucket(self, bucket: Bucket) -> dict[str, Any]:
        """What a bucket holds."""
        return self.buckets.setdefault(bucket.name, {})

    def problem(self) -> str | None:
        return self.broken

    async def request(self, subject: str, message: Message, answer: type[Message], timeout: float = 3.0) -> Message:
        if subject not in self.answers:
            raise BusUnavailable(f"no answer on {subject}")
        return self.answers[subject](message)

    async def publish(self, subject: str, message: Message) -> None:
        self.published.append((subject, message))

    async def put(self, bucket: Bucket, key: str, message: Message) -> None:
        self._write("put", key)
        self.bucket(bucket)[key] = message
        self.stir()

    async def delete(self, bucket: Bucket, key: str) -> None:
        self._write("delete", key)
        self.bucket(bucket).pop(key, None)
        self.stir()

    async def watch(self, bucket: Bucket, model: type[Message]) -> AsyncIterator[dict[str, Any]]:
        while True:
            changed = self._changed
            yield dict(self.bucket(bucket))
            await changed.wait()

    async def backlog(self, stream: Stream, durable: str) -> int:
        return self.waiting

    def stir(self) -> None:
        """Let every watch yield."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _write(self, verb: str, key: str) -> None:
        if self.down:
            raise BusUnavailable("it is down")
        self.writes.append((verb, key))


@dataclass(frozen=True, slots=True)
class Parts:
    """Control without sockets."""

    control: Control
    ingest: Ingest
    bus: FakeBus
    blobs: Blobs
    database: Database
    clock: Clock

    async def take(self, fact: Event) -> None:
        """Let control take a fact as NATS would hand it over."""
        await self.ingest.take(subjects.fact(kind_of(fact)), fact.encode())

    def keep(self, content: bytes) -> str:
        """Put content into the store, as ftps does; returns its hash."""
        with self.blobs.open_part(new_id()) as part:
            part.write(content)
            return self.blobs.commit(part).sha256


def stored(content: bytes, **more: Any) -> UploadStored:
    """The fact of an upload."""
    given = {
        "upload": new_id(),
        "printer": "printer",
        "mode": Mode.IMMEDIATE,
        "filename": "cube.gcode.3mf",
        "sha256": sha256(content).hexdigest(),
        "size": len(content),
        "client": "192.0.2.200",
        "at": NOON,
    }
    return UploadStored(**(given | more))


def requested(**more: Any) -> JobRequested:
    """The fact of a `project_file`."""
    given = {
        "job": new_id(),
        "printer": "printer",
        "filename": "cube.gcode.3mf",
        "subtask_name": "cube",
        "plate": 1,
        "options": {"bed_type": "textured_plate"},
        "client": "192.0.2.200",
        "at": NOON,
    }
    return JobRequested(**(given | more))


Client = TestClient[web.Request, web.Application]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the API."""

    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def code(self) -> str:
        """The code of the problem document."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        assert self.body["status"] == self.status
        return str(self.body["code"])


@dataclass(frozen=True, slots=True)
class Api:
    """The API, called with a token."""

    client: Client
    token: str | None = ADMIN_TOKEN

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """Any request."""
        headers = more.pop("headers", {})
        if self.token is not None:
            headers = {"Authorization": f"Bearer {self.token}"} | headers
        if body is not None:
            more["data"] = BytesIO(dumps(body).encode())
        async with self.client.request(method, f"/api/v1/{path}", headers=headers, **more) as response:
            content = await _content(response)
            check(method, path, response.status, response.headers.get("Content-Type", ""), content)
            return Answer(response.status, content, response.headers)

    async def get(self, path: str) -> Any:
        """The body of a GET that succeeds."""
        answer = await self("GET", path)
        assert answer.status == 200, answer
        return answer.body

    async def items(self, path: str) -> list[dict[str, Any]]:
        """All items of a short list."""
        found = await self.get(path)
        assert found["next"] is None
        items: list[dict[str, Any]] = found["items"]
        return items

    async def post(self, path: str, body: Any = None) -> Any:
        """The body of a POST that succeeds."""
        answer = await self("POST", path, body)
        assert answer.status in (200, 201, 204), answer
        return answer.body

    async def patch(self, path: str, body: Any) -> Any:
        """The body of a PATCH that succeeds."""
        answer = await self("PATCH", path, body)
        assert answer.status == 200, answer
        return answer.body

    async def delete(self, path: str) -> None:
        """A DELETE that succeeds."""
        answer = await self("DELETE", path)
        assert answer.status == 204, answer

    async def events(self) -> list[str]:
        """Types of all events so far."""
        kept = []
        async with self.client.get(
            "/api/v1/events?after=0", headers={"Authorization": f"Bearer {self.token}"}
        ) as response:
            async for line in response.content:
                text = line.decode().strip()
                if text == ": still here":
                    break
                if text.startswith("event: "):
                    kept.append(text.removeprefix("event: "))
        return kept


async def _content(response: ClientResponse) -> Any:
    if "json" in response.headers.get("Content-Type", ""):
        return await response.json(content_type=None)
    return await response.read()
