"""`events`: what happens, as server-sent events.

What is kept has an `id` and is resumed after it, exactly once and in order, across restarts of control. What is true
only now (progress, sessions, conditions) has none and is told to whoever listens.
"""

import asyncio
from http import HTTPStatus
from json import dumps
from typing import Annotated

from aiohttp import web
from pydantic import Field

from vprinter_control.api.problems import ProblemError
from vprinter_control.api.routing import Body, Call, Route
from vprinter_control.live.board import Told
from vprinter_control.store import events as store
from vprinter_control.store.schema import Event

BATCH = 200
WRITE_WITHIN = 20.0
"""Seconds that a client may leave a batch unread."""


class EventQuery(Body):
    """Where to begin."""

    after: Annotated[int, Field(ge=0)] | None = None
    """Id of the last event seen; `Last-Event-ID` does the same. Left out: only what happens from now on."""


async def _feed(call: Call) -> web.StreamResponse:
    control = call.control
    gauge = control.metrics.event_clients
    if control.feeds >= control.event_clients:
        raise ProblemError(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "too_many_clients",
            f"{control.feeds} clients follow the events already",
            headers={"Retry-After": "10"},
        )
    asked = _asked(call)
    control.feeds += 1
    gauge.set(control.feeds)
    try:
        return await _follow(call, asked)
    finally:
        control.feeds -= 1
        gauge.set(control.feeds)


def _asked(call: Call) -> int | None:
    header = call.request.headers.get("Last-Event-ID")
    if header is None:
        query: EventQuery = call.query
        return query.after
    if not (header.isascii() and header.isdigit() and len(header) < 19):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST,
            "invalid_event_id",
            f"Last-Event-ID {header[:40]!r} is not a number",
            field="Last-Event-ID",
        )
    return int(header)


async def _follow(call: Call, asked: int | None) -> web.StreamResponse:
    control = call.control
    async with control.database.read() as session:
        first, newest = await store.bounds(session)
    last = newest if asked is None else asked
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(call.request)
    # With its id a client resumes without a gap even if it is cut off before the first event.
    await _write(response, f": follows\nid: {last}\n\n")
    if asked is not None and not first - 1 <= asked <= newest:
        # Forgotten, or from another database: what the client knows may be stale.
        await _write(response, f"event: reset\nid: {newest}\ndata: {{}}\n\n")
        last = newest
    wake = asyncio.Event()
    commits = control.database.commits
    with commits.waking(wake.set), control.live.board.read(wake.set) as reader:
        read_at = -1
        while not control.stopping.is_set():
            wake.clear()
            events: list[Event] = []
            if read_at != commits.count:
                read_at = commits.count
                async with control.database.read() as session:
                    events = await store.after(session, last, BATCH)
                if events:
                    last, read_at = events[-1].id, -1
            text = "".join([*map(_kept, events), *map(_told, reader.take())])
            if text:
                await _write(response, text)
                continue
            try:
                async with asyncio.timeout(control.keep_alive):
                    await wake.wait()
            except TimeoutError:
                await _write(response, ": still here\n\n")
    return response


async def _write(response: web.StreamResponse, text: str) -> None:
    try:
        async with asyncio.timeout(WRITE_WITHIN):
            await response.write(text.encode())
    except TimeoutError as error:
        raise ConnectionResetError("the client does not read its events") from error


def _kept(event: Event) -> str:
    data = dumps({"id": event.id, "at": event.at.isoformat(), "type": event.type, "data": event.data})
    return f"id: {event.id}\nevent: {event.type}\ndata: {data}\n\n"


def _told(told: Told) -> str:
    data = dumps({"at": told.at.isoformat(), "type": told.type.value, "data": told.data})
    return f"event: {told.type.value}\ndata: {data}\n\n"


ROUTES = (
    Route(
        "GET",
        "/events",
        "Follow what happens (server-sent events), resumable by Last-Event-ID",
        _feed,
        query=EventQuery,
        media_type="text/event-stream",
        problems=(
            (HTTPStatus.BAD_REQUEST, "invalid_event_id"),
            (HTTPStatus.SERVICE_UNAVAILABLE, "too_many_clients"),
        ),
    ),
)
