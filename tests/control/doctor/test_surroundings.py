"""What must be right before a slicer comes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.control.doctor.peers import Identity, case, check
from vprinter_common.certs import CertificateAuthority
from vprinter_control.doctor import surroundings
from vprinter_control.doctor.case import Answer, NatsState, Trusted
from vprinter_control.doctor.steps import Fault, Verdict

ROOM = {"what": "uploads", "path": "data/blobs", "needed": 100 << 20}


def storage(**more: Any) -> dict[str, Answer]:
    return {"ftps": Answer(check("ftps", storage=[ROOM | more]), 0.0)}


@pytest.mark.parametrize(
    ("room", "fault", "says"),
    [
        ({"free": 1 << 40}, None, "1024.0 GiB free"),
        ({"free": 50 << 20}, Fault.DISK_FULL, "50.0 MiB free, at least 100.0 MiB must stay free"),
        ({"free": 150 << 20}, Fault.DISK_LOW, "refused below 100.0 MiB"),
        ({"free": 1 << 40, "error": "it cannot be written to"}, Fault.DISK_UNUSABLE, "cannot be written"),
        ({"error": "No such file or directory"}, Fault.DISK_UNUSABLE, "No such file"),
    ],
)
async def test_room_for_uploads(room: dict[str, Any], fault: Fault | None, says: str) -> None:
    finding = await surroundings.disk(case(answers=storage(**room)))
    assert finding.fault is fault
    assert says in finding.detail


async def test_the_fullest_disk_counts() -> None:
    full = check("ftps", storage=[ROOM | {"free": 1}])
    low = check(storage=[ROOM | {"free": 150 << 20}])
    finding = await surroundings.disk(case(answers={"ftps": Answer(full, 0.0)}, here=low))
    assert finding.fault is Fault.DISK_FULL


async def test_without_anyone_to_ask_the_disk_is_not_judged() -> None:
    assert (await surroundings.disk(case(answers={}))).verdict is Verdict.SKIPPED


@pytest.mark.parametrize(("ahead", "way"), [(3600.0, "1:00:00 ahead of"), (-90.0, "0:01:30 behind")])
async def test_a_clock_that_is_wrong_is_named_with_its_difference(ahead: float, way: str) -> None:
    answers = {"mqtt": Answer(check("mqtt", node="shed"), ahead), "ftps": Answer(check("ftps"), 0.1)}
    finding = await surroundings.clock(case(answers=answers))
    assert finding.fault is Fault.CLOCK_OFF
    assert f"the clock of mqtt on shed is {way} control's" in finding.detail


async def test_the_clock_of_nats_is_compared_too() -> None:
    finding = await surroundings.clock(case(answers={}, nats=NatsState(ahead=-40.0)))
    assert finding.fault is Fault.CLOCK_OFF
    assert "NATS" in finding.detail
    assert (await surroundings.clock(case(answers={}, nats=NatsState(ahead=2.0)))).verdict is Verdict.OK
    assert (await surroundings.clock(case(answers={}, nats=NatsState()))).verdict is Verdict.SKIPPED


async def test_nats_that_takes_nothing_is_not_nats_that_is_away() -> None:
    read_only = await surroundings.nats(case(nats=NatsState(write_problem="insufficient resources")))
    assert (read_only.fault, read_only.detail) == (Fault.NATS_READ_ONLY, "insufficient resources")
    assert (await surroundings.nats(case(nats=NatsState(problem="away")))).fault is Fault.NATS_DOWN


async def test_services_of_several_versions_are_found() -> None:
    answers = {
        name: Answer(check(name, version="2" if name == "mqtt" else "1"), 0.0) for name in ("discovery", "mqtt", "ftps")
    }
    finding = await surroundings.services(case(answers=answers))
    assert finding.fault is Fault.VERSIONS_DIFFER
    assert "mqtt 2 on n" in finding.detail


async def test_a_dead_control_is_found_though_nats_is_away() -> None:
    finding = await surroundings.services(case(control_runs=False, nats=NatsState(problem="away")))
    assert (finding.fault, finding.detail) == (Fault.SERVICE_DOWN, "control does not answer")


@pytest.mark.parametrize(
    ("now", "fault"),
    [
        (timedelta(), None),
        (timedelta(days=7300 - 20), Fault.CA_ENDS_SOON),
        (timedelta(days=7301), Fault.CA_ENDED),
        (timedelta(days=-3), Fault.CLOCK_OFF),
    ],
)
async def test_the_ca_and_time(identity: Identity, now: timedelta, fault: Fault | None) -> None:
    sick = replace(case(identity), clock=lambda: datetime.now(UTC) + now)
    assert (await surroundings.authority(sick)).fault is fault


async def test_a_ca_that_is_not_the_printers_or_cannot_be_used_or_is_not_there(
    identity: Identity, tmp_path: Path
) -> None:
    other = CertificateAuthority.create(tmp_path / "other")
    sick = replace(case(identity), trusted=Trusted(other, None, "certs"))
    assert (await surroundings.authority(sick)).fault is Fault.LEAF_OF_OTHER_CA
    sick = replace(case(identity), trusted=Trusted(None, "half of it is missing", "certs"))
    assert (await surroundings.authority(sick)).fault is Fault.CA_UNUSABLE
    assert (await surroundings.authority(case())).fault is Fault.CA_MISSING


async def test_an_interface_that_nobody_has() -> None:
    finding = await surroundings.address(case(spec={"bind": {"interface": "eth7"}}, address=None))
    assert finding.fault is Fault.ADDRESS_UNKNOWN
    assert "eth7" in finding.detail
