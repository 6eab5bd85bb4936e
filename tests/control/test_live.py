"""Uploads, sessions and conditions as they are now, and what pages are told of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.control.harness import NOON, Api, Parts
from tests.control.test_events import following
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive, SessionPhase, UploadLive, UploadPhase
from vprinter_common.contracts.status import ListenerState, ListenerStatus, PrinterStatus, SessionStatus, State
from vprinter_control.live.board import MOST_UNREAD, Board, LiveType, Reader
from vprinter_control.live.live import Live

CLIENT = "192.0.2.200"


def upload(phase: UploadPhase = UploadPhase.PROGRESS, received: int = 10, **more: Any) -> UploadLive:
    """What ftps tells of an upload."""
    given = {"upload": "u1", "printer": "p1", "client": CLIENT, "filename": "cube.gcode.3mf", "at": NOON}
    return UploadLive(phase=phase, received=received, **(given | more))


def session(phase: SessionPhase = SessionPhase.CONNECTED, id_: str | None = "s1", **more: Any) -> SessionLive:
    """What mqtt tells of a slicer."""
    given = {"printer": "p1", "service": "mqtt", "client": CLIENT, "owner": "Ada", "at": NOON}
    return SessionLive(phase=phase, session=id_, **(given | more))


def status(*sessions: str, at: datetime = NOON, **more: Any) -> PrinterStatus:
    """What mqtt says of its printer."""
    listed = tuple(SessionStatus(id=id_, client=CLIENT, owner="Ada", since=NOON) for id_ in sessions)
    given = {
        "printer": "p1", "service": "mqtt", "node": "n1", "state": State.RUNNING, "revision": 1,
        "address": "192.0.2.10", "since": NOON - timedelta(hours=1),
    }  # fmt: skip
    return PrinterStatus(at=at, sessions=listed, **(given | more))


@pytest.fixture
def live(parts: Parts) -> Live:
    """What is true now."""
    return parts.control.live


@pytest.fixture
def reader(live: Live) -> Iterator[Reader]:
    """Someone who listens."""
    with live.board.read(lambda: None) as reading:
        yield reading


def told(reader: Reader) -> list[tuple[str, str | None]]:
    """Type and phase of everything told since the last call."""
    return [(one.type.value, one.data.get("phase")) for one in reader.take()]


# -- uploads ---------------------------------------------------------------------------------------------------------


async def test_an_upload_is_shown_while_it_is_under_way_and_not_after(live: Live, reader: Reader, api: Api) -> None:
    await live.on_upload(upload(UploadPhase.STARTED, 0, total=100))
    await live.on_upload(upload(received=40, total=100))
    (item,) = await api.items("uploads")
    assert (item["upload"], item["printer_id"], item["received"], item["size"]) == ("u1", "p1", 40, 100)
    await live.on_upload(upload(UploadPhase.STORED, 100))
    assert await api.items("uploads") == []
    assert told(reader) == [("upload.progress", "stored")]


async def test_an_upload_that_control_meets_midway_began_when_ftps_says(live: Live, api: Api) -> None:
    await live.on_upload(upload(started_at=NOON - timedelta(seconds=30)))
    (item,) = await api.items("uploads")
    assert item["started_at"] == "2026-05-04T11:59:30Z"


async def test_progress_that_comes_after_the_end_brings_nothing_back(live: Live) -> None:
    await live.on_upload(upload(UploadPhase.FAILED))
    await live.on_upload(upload(received=99))
    assert live.uploads.under_way() == []


async def test_an_upload_whose_service_died_is_dropped_after_a_while(live: Live, reader: Reader, parts: Parts) -> None:
    await live.on_upload(upload())
    parts.clock.forward(80)
    await live.look()
    assert len(live.uploads.under_way()) == 1
    parts.clock.forward(20)
    await live.look()
    assert live.uploads.under_way() == []
    assert told(reader) == [("upload.progress", "lost")]


async def test_an_upload_is_dropped_at_once_when_its_service_begins_anew(live: Live, parts: Parts) -> None:
    await live.on_upload(upload())
    parts.clock.forward(2)
    began = status(service="ftps", since=parts.clock(), at=parts.clock())
    parts.bus.bucket(subjects.STATUS)["k"] = began
    live.statuses.latest = {"k": began}
    await live.look()
    assert live.uploads.under_way() == []


# -- sessions --------------------------------------------------------------------------------------------------------


async def test_who_logs_in_is_listed_until_it_leaves(live: Live, reader: Reader) -> None:
    await live.on_session(session())
    (found,) = live.sessions.of("p1")
    assert (found.client, found.owner, found.service, found.since) == (CLIENT, "Ada", "mqtt", NOON)
    await live.on_session(session(SessionPhase.DISCONNECTED))
    assert live.sessions.of("p1") == []
    assert told(reader) == [("session.opened", None), ("session.closed", None)]


async def test_sessions_that_began_while_control_was_away_are_found_in_the_status(live: Live, reader: Reader) -> None:
    live.statuses.latest = {"k": status("s1", "s2")}
    await live.look()
    assert [one.id for one in live.sessions.of("p1")] == ["s1", "s2"]
    assert told(reader) == [("session.opened", None)] * 2


async def test_a_session_whose_end_nobody_told_ends_with_the_next_status(live: Live) -> None:
    live.statuses.latest = {"k": status("s1", "s2")}
    await live.look()
    live.statuses.latest = {"k": status("s2", at=NOON + timedelta(seconds=10))}
    await live.look()
    assert [one.id for one in live.sessions.of("p1")] == ["s2"]


async def test_a_status_from_before_the_end_brings_no_session_back(live: Live) -> None:
    await live.on_session(session())
    await live.on_session(session(SessionPhase.DISCONNECTED))
    live.statuses.latest = {"k": status("s1")}
    await live.look()
    assert live.sessions.of("p1") == []


async def test_sessions_of_a_service_that_died_are_dropped(live: Live, parts: Parts) -> None:
    live.statuses.latest = {"k": status("s1")}
    await live.on_session(session(id_="s2", service="ftps"))
    await live.look()
    live.statuses.latest = {}
    parts.clock.forward(36)
    await live.look()
    assert live.sessions.of("p1") == []


async def test_the_last_slicer_is_who_did_something_last(live: Live) -> None:
    await live.on_session(session())
    await live.on_session(session(SessionPhase.SEEN, None, client="192.0.2.201", service="discovery", at=NOON))
    await live.on_session(session(client="192.0.2.202", at=NOON - timedelta(seconds=1)))
    last = live.sessions.last_seen("p1")
    assert last is not None
    assert (last.client, last.service) == ("192.0.2.201", "discovery")


# -- conditions ------------------------------------------------------------------------------------------------------


async def test_a_condition_is_told_when_it_changes_and_not_with_every_heartbeat(
    live: Live, reader: Reader, api: Api, parts: Parts
) -> None:
    made = await api.post("virtual-printers", {"name": "A", "model": "BL-P001"})
    await live.look()
    reader.take()
    serving = status(printer=made["id"])
    live.statuses.latest = {"k": serving}
    await live.look()
    (news,) = reader.take()
    assert news.type is LiveType.STATUS_CHANGED
    assert (news.data["printer"], news.data["state"]) == (made["id"], "starting")
    live.statuses.latest = {"k": serving.model_copy(update={"at": NOON + timedelta(seconds=10)})}
    await live.look()
    assert told(reader) == []
    broken = ListenerStatus(name="mqtt", address="-", port=8883, state=ListenerState.FAILED, error="taken")
    live.statuses.latest = {"k": serving.model_copy(update={"state": State.DEGRADED, "listeners": (broken,)})}
    await live.look()
    (news,) = reader.take()
    assert "taken" in news.data["error"]
    parts.clock.forward(31)
    await live.look()
    (news,) = reader.take()
    assert news.data["state"] == "unserved"


async def test_a_new_printer_that_is_served_at_the_first_look_is_told(live: Live, reader: Reader, api: Api) -> None:
    await live.look()
    made = await api.post("virtual-printers", {"name": "A", "model": "BL-P001"})
    live.statuses.latest = {"k": status(printer=made["id"])}
    await live.look()
    (news,) = reader.take()
    assert (news.type, news.data["printer"]) == (LiveType.STATUS_CHANGED, made["id"])


# -- telling ---------------------------------------------------------------------------------------------------------


def test_of_many_unread_events_about_one_thing_the_newest_stays() -> None:
    board = Board(lambda: NOON)
    with board.read(lambda: None) as reader:
        for number in range(1_000):
            board.tell(LiveType.UPLOAD_PROGRESS, "u1", {"received": number})
        assert [one.data["received"] for one in reader.take()] == [999]


def test_a_reader_that_is_too_slow_is_told_to_read_again_and_costs_no_memory() -> None:
    board = Board(lambda: NOON)
    with board.read(lambda: None) as reader:
        for number in range(MOST_UNREAD * 2):
            board.tell(LiveType.SESSION_OPENED, str(number), {})
        assert [one.type for one in reader.take()] == [LiveType.MISSED]
        board.tell(LiveType.SESSION_OPENED, "s", {})
        assert [one.type for one in reader.take()] == [LiveType.SESSION_OPENED]


async def test_live_events_come_in_the_feed_without_an_id(live: Live, api: Api) -> None:
    async with following(api) as feed:
        await live.on_upload(upload(received=7))
        block = await feed.block()
        assert block[0] == "event: upload.progress"
        assert '"received": 7' in block[1]
        await api.post("projects", {"name": "a"})
        assert (await feed.next())["event"] == "project.created"
