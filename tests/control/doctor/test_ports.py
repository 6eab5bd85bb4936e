"""Who has the printer's ports."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.control.doctor.peers import ADDRESS, Identity, case, check, peer, silence
from vprinter_common.contracts.status import PrinterStatus
from vprinter_common.probe.ports import SlicerPorts
from vprinter_control.doctor.case import Answer, NatsState
from vprinter_control.doctor.ports import ports, redirect
from vprinter_control.doctor.steps import Fault, Verdict

PORTS = SlicerPorts(detect_port=3000, detect_tls_port=3002, mqtt_port=8883, ftps_port=990)
LISTENERS = {
    "discovery": [("detect", 3000), ("detect-tls", 3002)],
    "mqtt": [("mqtt", 8883)],
    "ftps": [("ftps", 990)],
}


def statuses(**changed: dict[str, Any]) -> dict[str, PrinterStatus]:
    """Everything open at its place, but for what is changed, by service."""
    return {
        service: PrinterStatus.model_validate(
            {
                "printer": "p1",
                "service": service,
                "node": "n",
                "state": "running",
                "revision": 1,
                "address": ADDRESS,
                "since": datetime.now(UTC),
                "listeners": [
                    {"name": name, "address": ADDRESS, "port": port, "state": "open", **changed.get(service, {})}
                    for name, port in listeners
                ],
            }
        )
        for service, listeners in LISTENERS.items()
    }


def answers(service: str, **more: Any) -> dict[str, Answer]:
    return {service: Answer(check(service, pid=50, **more), 0.0)}


async def test_ports_that_are_open_for_the_printer_are_its_own() -> None:
    finding = await ports(case(ports=PORTS, statuses=statuses()))
    assert (finding.verdict, finding.detail) == (Verdict.OK, "3000 discovery, 3002 discovery, 8883 mqtt, 990 ftps")


@pytest.mark.parametrize(
    ("holder", "says"),
    [
        (
            {"address": "0.0.0.0", "process": "mosquitto", "pid": 7, "user": "mosquitto"},
            "mosquitto (pid 7, user mosquitto",
        ),
        ({"address": ADDRESS}, "a process that this user may not see"),
    ],
)
async def test_whoever_has_the_port_instead_is_named(holder: dict[str, Any], says: str) -> None:
    failed = {"state": "failed", "error": "in use"}
    found = [{"port": 8883, "address": "127.0.0.9", "process": "elsewhere", "pid": 3}, {"port": 8883, **holder}]
    sick = case(ports=PORTS, statuses=statuses(mqtt=failed), answers=answers("mqtt", holders=found))
    finding = await ports(sick)
    assert finding.fault is Fault.PORT_TAKEN
    assert says in finding.detail


async def test_a_reserved_port_and_one_that_is_not_open_yet_are_told_apart() -> None:
    failed = {"state": "failed", "error": "reserved for root"}
    finding = await ports(case(ports=PORTS, statuses=statuses(ftps=failed)))
    assert (finding.fault, finding.detail) == (Fault.PORT_RESERVED, "reserved for root")
    assert finding.values["setting"] == "VPRINTER_FTPS__PORT"
    finding = await ports(case(ports=PORTS, statuses=statuses(mqtt={"state": "opening"})))
    assert finding.fault is Fault.PORT_CLOSED


async def test_a_listener_that_was_moved_is_found_unless_something_leads_there() -> None:
    finding = await ports(case(ports=SlicerPorts(mqtt_port=1), statuses=statuses()))
    assert (finding.fault, finding.values["to_port"]) == (Fault.PORT_MOVED, 8883)
    async with peer(silence) as port:
        finding = await ports(case(ports=SlicerPorts(mqtt_port=port), statuses=statuses()))
    assert finding.verdict is Verdict.OK


async def test_without_nats_it_is_only_said_who_has_the_ports() -> None:
    here = check(holders=[{"port": 8883, "address": ADDRESS, "process": "python3", "pid": 9, "user": "me"}])
    finding = await ports(case(ports=PORTS, here=here, nats=NatsState(problem="away")))
    assert finding.verdict is Verdict.SKIPPED
    assert "8883: python3 (pid 9" in finding.detail
    assert "990: nobody" in finding.detail


async def test_where_redirects_cannot_be_read_their_absence_is_only_suspected(identity: Identity) -> None:
    sick = case(identity, ports=SlicerPorts(ftps_port=1), statuses=statuses())
    finding, place = await redirect(sick)
    assert (finding.fault, finding.verdict) == (Fault.REDIRECT_UNKNOWN, Verdict.WARNING)
    assert place.port == 990


async def test_a_redirect_that_this_host_takes_itself_is_followed(identity: Identity) -> None:
    async with peer(silence, identity.context()) as port:
        finding, place = await redirect(case(identity, ports=SlicerPorts(ftps_port=port), statuses=statuses()))
    assert (finding.verdict, place.port) == (Verdict.OK, port)


async def test_a_stale_redirect_names_who_listens_there() -> None:
    rules = [{"port": 990, "to_port": 9990}, {"port": 990, "to_port": 1, "address": "192.0.2.5"}]
    holders = [{"port": 9990, "address": "0.0.0.0", "process": "vsftpd", "pid": 4, "user": "root"}]
    sick = case(ports=PORTS, statuses=statuses(), answers=answers("ftps", redirects=rules, holders=holders))
    finding, _ = await redirect(sick)
    assert finding.fault is Fault.REDIRECT_STALE
    assert "redirected to 9990, where vsftpd (pid 4" in finding.detail


async def test_where_ftps_does_not_say_where_it_listens_nothing_is_concluded() -> None:
    finding, place = await redirect(case(ports=PORTS))
    assert (finding.verdict, place.port) == (Verdict.SKIPPED, 990)
