"""`kill -9` of any service at any time under `vprinter up`: it comes back by itself, and slicers with it."""

import pytest

from tests.faults.houses import REDELIVERED_WITHIN
from tests.faults.ledger import Ledger
from tests.simulators import threemf
from tests.simulators.discovery import Ear
from tests.simulators.gates import Blocked
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.system.harness import Printer, System, accepts
from tests.system.processes import wait_for

pytestmark = pytest.mark.full

BACK_WITHIN = 40.0
"""Seconds; the supervisor waits longer each time before it starts what keeps dying."""


@pytest.fixture(scope="module")
def printer(house: System) -> Printer:
    return house.new_printer(name="Phoenix")


@pytest.fixture(scope="module")
def books(house: System, printer: Printer) -> Ledger:
    return Ledger(house, printer, house.ca_pem())


def kill(house: System, service: str) -> None:
    """Kill, and wait until the supervisor's new process is ready."""
    pid = house.kill(service)
    wait_for(lambda: house.processes.pid(service) not in (None, pid), f"a new {service}", BACK_WITHIN)
    house.await_ready(service)


def test_a_slicer_survives_the_death_of_mqtt(house: System, printer: Printer, books: Ledger) -> None:
    content = threemf.sliced(title="after mqtt")
    with house.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        kill(house, "mqtt")
        wait_for(lambda: slicer.link.closed, "the slicer notices")
        slicer.close(polite=False)
        wait_for(lambda: accepts(printer.address, house.ports.mqtt), "mqtt accepts")
        slicer.connect()
        reply = books.told("after mqtt.gcode.3mf", content, lambda: slicer.print("after mqtt.gcode.3mf", content).reply)
    assert reply.startswith("226")
    books.settle()


def test_an_upload_goes_on_while_mqtt_and_discovery_die(house: System, books: Ledger) -> None:
    content = threemf.sliced(title="alone", padding=4 << 20)

    def upload() -> str:
        with books.session() as session:
            session.begin_store("alone.gcode.3mf")
            session.write(content[: len(content) // 2])
            house.kill("mqtt")
            house.kill("discovery")
            session.write(content[len(content) // 2 :])
            session.finish_data()
            return session.stored().text

    assert books.told("alone.gcode.3mf", content, upload).startswith("226")
    house.await_ready("mqtt", "discovery")
    books.settle()


def test_the_printer_is_found_again_after_the_death_of_discovery(house: System, printer: Printer) -> None:
    kill(house, "discovery")
    wait_for(lambda: accepts(printer.address, house.ports.detect_tls), "detect accepts")
    with Ear("127.255.255.255", house.ports.ssdp) as ear, house.slicer(printer, ORCA) as slicer:
        assert slicer.find(ear, printer.serial).address == printer.address
        slicer.add()
        slicer.connect()


@pytest.mark.timeout(3 * REDELIVERED_WITHIN)
def test_all_die_at_once_and_all_come_back(house: System, printer: Printer, books: Ledger) -> None:
    content = threemf.sliced(title="before the fall")
    assert books.upload("before the fall.gcode.3mf", content).startswith("226")
    before = {service: house.kill(service) for service in ("discovery", "ftps", "mqtt", "control", "nats")}
    for service, pid in before.items():
        wait_for(lambda name=service, old=pid: house.processes.pid(name) not in (None, old), service, BACK_WITHIN)  # type: ignore[misc]
    house.await_ready(*(service for service in before if service != "nats"), timeout=BACK_WITHIN)
    house.await_reachable(printer, BACK_WITHIN)
    with house.slicer(printer, STUDIO_27) as slicer:
        slicer.add()

        def connects() -> bool:
            try:
                slicer.connect()
            except Blocked:
                return False
            return True

        wait_for(connects, "a slicer connects", BACK_WITHIN)
    books.settle(REDELIVERED_WITHIN)
