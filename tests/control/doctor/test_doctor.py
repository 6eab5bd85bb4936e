"""When diagnoses are made, and what is asked before."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.control.harness import Api, Parts
from vprinter_common.bus import BusUnavailable
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.requests import SelfCheck
from vprinter_common.contracts.status import PrinterStatus, State
from vprinter_common.contracts.subjects import Bucket, Stream
from vprinter_common.probe.ports import SlicerPorts
from vprinter_control.doctor import doctor as room
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.doctor import MOST_AT_ONCE, REST, TooMany
from vprinter_control.doctor.facts import Facts
from vprinter_control.doctor.steps import Result, Step, fine
from vprinter_control.store import printers as store


@dataclass
class Ward:
    """Diagnoses that end when told; `begun` counts them."""

    go: asyncio.Event = field(default_factory=asyncio.Event)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    begun: int = 0

    async def diagnose(self, _case: Case) -> list[Result]:
        async with self.news:
            self.begun += 1
            self.news.notify_all()
        await self.go.wait()
        return [Result(Step.ENABLED, fine("well"), 0.0)]

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(10), self.news:
            await self.news.wait_for(lambda: self.begun == count)


@pytest.fixture
def ward(monkeypatch: pytest.MonkeyPatch) -> Ward:
    made = Ward()
    monkeypatch.setattr(room, "diagnose", made.diagnose)
    return made


async def printers(api: Api, count: int) -> list[str]:
    body = {"model": "BL-P001", "bind": {"address": "192.0.2.10"}, "enabled": False}
    made = []
    for number in range(count):
        id_ = (await api.post("virtual-printers", body | {"name": f"P{number}"}))["id"]
        await api.post(f"virtual-printers/{id_}/enable")  # a certificate is made when it is enabled
        await api.post(f"virtual-printers/{id_}/disable")
        made.append(id_)
    return made


async def test_whoever_asks_meanwhile_or_just_after_gets_the_same_diagnosis(api: Api, parts: Parts, ward: Ward) -> None:
    (id_,) = await printers(api, 1)
    doctor = parts.control.doctor
    now = 100.0
    doctor.monotonic = lambda: now
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(doctor.diagnose(id_)) for _ in range(3)]
        await ward.until_begun(1)
        assert doctor.at_work(id_)
        ward.go.set()
    assert len({id(task.result()) for task in asked}) == 1
    assert doctor.at_work(id_)  # what it did may still be on its way
    assert await doctor.diagnose(id_) is asked[0].result()
    now += REST + 1
    assert not doctor.at_work(id_)
    assert await doctor.diagnose(id_) is not asked[0].result()
    assert ward.begun == 2


async def test_when_the_one_who_asked_goes_away_the_next_one_is_served(api: Api, parts: Parts, ward: Ward) -> None:
    (id_,) = await printers(api, 1)
    doctor = parts.control.doctor
    async with asyncio.TaskGroup() as group:
        first = group.create_task(doctor.diagnose(id_))
        await ward.until_begun(1)
        second = group.create_task(doctor.diagnose(id_))
        await asyncio.sleep(0)
        first.cancel()
        await ward.until_begun(2)
        ward.go.set()
    assert second.result().verdict == "ok"


async def test_only_a_few_printers_are_diagnosed_at_once(api: Api, parts: Parts, ward: Ward) -> None:
    *some, one_more = await printers(api, MOST_AT_ONCE + 1)
    doctor = parts.control.doctor
    async with asyncio.TaskGroup() as group:
        for id_ in some:
            group.create_task(doctor.diagnose(id_))
        await ward.until_begun(MOST_AT_ONCE)
        with pytest.raises(TooMany):
            await doctor.diagnose(one_more)
        answer = await api("GET", f"virtual-printers/{one_more}/diagnosis")
        ward.go.set()
    assert (answer.status, answer.code) == (HTTPStatus.TOO_MANY_REQUESTS, "too_many_diagnoses")
    assert int(answer.headers["Retry-After"]) > 0
    assert (await doctor.diagnose(one_more)).verdict == "ok"


M = TypeVar("M", bound=Message)


@dataclass
class Line:
    """A bus that answers as told."""

    ahead: float = 0.0
    silent: tuple[str, ...] = ()
    write_error: str | None = None
    asked: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)

    def problem(self) -> str | None:
        return None

    async def request(self, subject: str, message: Message, answer: type[M], timeout: float) -> M:
        self.asked.append(subject)
        service = subject.split(".")[2]
        if service in self.silent:
            raise BusUnavailable("nobody")
        at = datetime.now(UTC) + timedelta(seconds=self.ahead)
        check = SelfCheck(at=at, service=service, node="n", ready=True)
        assert isinstance(check, answer)
        return check

    async def delete(self, bucket: Bucket, key: str) -> None:
        if self.write_error:
            raise BusUnavailable(self.write_error)
        self.deleted.append(key)

    async def server_time(self, stream: Stream) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead)


def status(service: str, **more: Any) -> PrinterStatus:
    now = datetime.now(UTC)
    given = {"printer": "p", "service": service, "node": "shed", "state": State.RUNNING, "revision": 1, "since": now}
    return PrinterStatus.model_validate(given | {"address": "192.0.2.10", **more})


async def case(api: Api, parts: Parts, tmp_path: Path, line: Line, *statuses: PrinterStatus, **body: Any) -> Case:
    """What is known before the slicer is played."""
    made = await api.post("virtual-printers", {"name": "P", "model": "BL-P001", **body})
    async with parts.database.read() as session:
        spec = (await store.specifications(session))[made["id"]]
    facts = Facts(
        line, parts.control.trust, SlicerPorts(), lambda: datetime.now(UTC), "n", tmp_path, tmp_path, lambda: ["tired"]
    )
    return await facts.case(spec, statuses)


async def test_the_services_of_the_node_that_serves_the_printer_are_asked(
    api: Api, parts: Parts, tmp_path: Path
) -> None:
    line = Line(silent=("ftps",))
    known = await case(api, parts, tmp_path, line, status("mqtt"), status("ftps"))
    assert sorted(line.asked) == [
        "vprinter.rpc.discovery.selfcheck",
        "vprinter.rpc.ftps.selfcheck.shed",
        "vprinter.rpc.mqtt.selfcheck.shed",
    ]
    assert set(known.answers) == {"discovery", "mqtt"}
    assert known.here.problems == ("tired",)
    assert [room.what for room in known.here.storage] == ["database"]
    assert known.address == "192.0.2.10"


async def test_clocks_are_compared_and_a_write_is_tried_that_leaves_nothing(
    api: Api, parts: Parts, tmp_path: Path
) -> None:
    line = Line(ahead=100.0)
    known = await case(api, parts, tmp_path, line, bind={"address": "192.0.2.10"})
    assert 60 < known.answers["mqtt"].ahead <= 100
    assert known.nats.ahead is not None
    assert 60 < known.nats.ahead <= 100
    assert line.deleted == ["doctor"]
    behind = await case(api, parts, tmp_path, Line(ahead=-100.0), bind={"address": "192.0.2.11"})
    assert -100 <= behind.answers["mqtt"].ahead < -60


async def test_a_jetstream_that_does_not_write_is_noticed(api: Api, parts: Parts, tmp_path: Path) -> None:
    known = await case(api, parts, tmp_path, Line(write_error="no space"))
    assert known.nats.write_problem == "no space"


async def test_where_slicers_are_told_to_look(api: Api, parts: Parts, tmp_path: Path) -> None:
    told = await case(api, parts, tmp_path, Line(), advertise="192.0.2.99", bind={"address": "192.0.2.10"})
    assert told.address == "192.0.2.99"
    await api.delete(f"virtual-printers/{told.spec.id}")
    nowhere = await case(api, parts, tmp_path, Line(), bind={"interface": "eth7"})
    assert nowhere.address is None
    await api.delete(f"virtual-printers/{nowhere.spec.id}")
    anywhere = await case(api, parts, tmp_path, Line())
    assert anywhere.address is not None
