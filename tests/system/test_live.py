"""What a page sees while things happen: events across control's death, uploads, sessions, the guided set-up."""

import threading
from collections.abc import Iterator
from itertools import pairwise
from typing import Self

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.system.api import ApiError
from tests.system.feed import Feed
from tests.system.harness import Printer, System
from tests.system.processes import wait_for
from vprinter_common.access import USER


@pytest.fixture
def printer(system: System) -> Iterator[Printer]:
    """A printer of which nothing is known yet."""
    made = system.new_printer(name="Bench")
    yield made
    system.remove(made)


class Maker:
    """Makes projects for as long as the context is open; control may be away now and then."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="maker")
        self.acknowledged: list[str] = []

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            number += 1
            name = f"project {number}"
            try:
                self._system.api.post("projects", {"name": name})
            except (OSError, ApiError):
                self._stop.wait(0.02)
            else:
                self.acknowledged.append(name)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)


def test_no_event_is_lost_or_told_twice_when_control_is_killed_again_and_again(system: System) -> None:
    with Feed(system.api) as feed, Maker(system) as maker:
        for kills in range(1, 4):
            await_more(feed)
            system.kill("control")
            system.await_ready("control")
            await_connections(feed, kills + 1)
        await_more(feed)
    with Feed(system.api, last=feed.last) as rest:
        system.api.post("projects", {"name": "the last one"})
        wait_for(lambda: names(rest)[-1:] == ["the last one"], "the last event")
    ids = [event["id"] for event in feed.kept + rest.kept]
    assert all(earlier < later for earlier, later in pairwise(ids))
    told = names(feed) + names(rest)
    assert len(told) == len(set(told))
    acknowledged = set(maker.acknowledged)
    assert [name for name in told if name in acknowledged] == maker.acknowledged
    assert (feed.resets, rest.resets) == (0, 0)


def await_more(feed: Feed) -> None:
    """Wait until some more events came."""
    seen = len(feed.kept)
    wait_for(lambda: len(feed.kept) > seen + 20, "more events", 30)


def await_connections(feed: Feed, count: int) -> None:
    """Wait until the feed has been followed that often."""
    wait_for(lambda: feed.connections >= count, "the feed is followed again", 30)


def names(feed: Feed) -> list[str]:
    """Names of the projects whose making was told."""
    return [event["data"]["name"] for event in list(feed.kept) if event["type"] == "project.created"]


def steps(system: System, printer: Printer) -> dict[str, str]:
    """How each step of the set-up stands."""
    found = system.api.get(f"virtual-printers/{printer.id}/setup")
    return {step["step"]: step["state"] for step in found["steps"]}


def await_steps(system: System, printer: Printer, *states: str) -> None:
    """Wait until the steps stand so."""
    wait_for(lambda: list(steps(system, printer).values()) == list(states), f"the steps are {states}")


def test_the_set_up_turns_green_step_by_step_and_says_what_is_wrong(
    system: System, printer: Printer, another_ca: str
) -> None:
    source = system.fresh_address()
    with Feed(system.api) as feed, system.slicer(printer, STUDIO_27, ca_pem=another_ca, source=source) as stranger:
        stranger.add()
        await_steps(system, printer, "done", "waiting", "waiting", "waiting")
        with pytest.raises(Blocked):
            stranger.connect()
        await_steps(system, printer, "done", "failed", "waiting", "waiting")
        assert "setup.changed" in feed.types()
    (failed,) = [
        step for step in system.api.get(f"virtual-printers/{printer.id}/setup")["steps"] if step["state"] == "failed"
    ]
    assert failed["client"] == source
    assert failed["problem"]["code"] == "unknown_ca"
    assert failed["problem"]["text"] == f"{source} does not trust the CA"
    with system.slicer(printer, STUDIO_27, access_code=system.new_code(), source=source) as forgetful:
        forgetful.add()
        with pytest.raises(Blocked):
            forgetful.connect()
        await_steps(system, printer, "done", "done", "failed", "waiting")
    with system.slicer(printer, STUDIO_27, source=source) as slicer:
        slicer.add()
        slicer.connect()
        await_steps(system, printer, "done", "done", "done", "waiting")
        system.kill("control")
        system.await_ready("control")
        await_steps(system, printer, "done", "done", "done", "waiting")
        slicer.send("first.gcode.3mf", threemf.sliced(seed=77))
        await_steps(system, printer, "done", "done", "done", "done")
    system.api.post(f"virtual-printers/{printer.id}/setup/restart")
    await_steps(system, printer, "waiting", "waiting", "waiting", "waiting")


def test_sessions_are_known_to_a_control_that_was_away_when_they_began(system: System, printer: Printer) -> None:
    def sessions() -> list[dict[str, str]]:
        found: list[dict[str, str]] = system.api.get(f"virtual-printers/{printer.id}/sessions")["items"]
        return [one for one in found if one["service"] == "mqtt"]

    source = system.fresh_address()
    with system.slicer(printer, ORCA, source=source) as slicer:
        slicer.add()
        slicer.connect()
        wait_for(lambda: [one["client"] for one in sessions()] == [source], "the session is shown")
        system.kill("control")
        system.await_ready("control")
        wait_for(lambda: [one["client"] for one in sessions()] == [source], "the session is known again")
        with Feed(system.api) as feed:
            slicer.close()
            wait_for(lambda: "session.closed" in feed.types(), "the session's end is told")
    wait_for(lambda: sessions() == [], "the session is gone")
    last = system.api.get(f"virtual-printers/{printer.id}/sessions")["last_slicer"]
    assert last["client"] == source


def test_an_upload_is_shown_while_it_comes_and_is_gone_when_ftps_dies(system: System, printer: Printer) -> None:
    half = 2 << 20
    content = threemf.sliced(seed=78, padding=2 * half)
    with Feed(system.api) as feed, system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        with slicer.ftps() as session:
            session.login(USER, printer.code)
            session.begin_store("slow.gcode.3mf")
            session.write(content[:half])
            wait_for(lambda: [one["received"] for one in shown(system, printer)] == [half], "half of it")
            system.kill("ftps")
            wait_for(lambda: not shown(system, printer), "the upload is gone", 60)
        wait_for(lambda: phases(feed)[-1:] == ["lost"], "its loss is told")
    assert phases(feed)[0] == "started"
    system.await_ready("ftps")
    system.await_reachable(printer)


def phases(feed: Feed) -> list[str]:
    """What was told of uploads."""
    return [event["data"]["phase"] for event in list(feed.told) if event["type"] == "upload.progress"]


def shown(system: System, printer: Printer) -> list[dict[str, object]]:
    """The printer's uploads under way."""
    return [one for one in system.api.items("uploads") if one["printer_id"] == printer.id]
