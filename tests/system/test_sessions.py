"""Logins, remembered serials, and slicers next to one another."""

from functools import partial
from itertools import pairwise

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import ORCA, STUDIO_27, STUDIO_OLD, Profile
from tests.simulators.slicer import Slicer
from tests.system.harness import Printer, System
from tests.system.processes import wait_for


def test_a_wrong_code_is_an_incorrect_password_to_mqtt_and_asks_for_the_code_in_ftps(
    system: System, printer: Printer
) -> None:
    wrong = system.new_code()
    with system.slicer(printer, STUDIO_27, access_code=wrong) as slicer:
        slicer.add()
        with pytest.raises(Blocked) as stopped:
            slicer.connect()
        assert stopped.value.gate is Gate.ACCESS_CODE
        with pytest.raises(Blocked) as stopped:
            slicer.upload("verify_job", b"just a test file")
        assert stopped.value.gate is Gate.IP_AND_CODE


def test_guesses_at_one_service_close_the_door_of_both_and_of_nobody_else(system: System, printer: Printer) -> None:
    source = system.fresh_address()
    guesser = system.slicer(printer, STUDIO_27, access_code="00000000", source=source)
    guesser.add()
    for _ in range(5):
        with pytest.raises(Blocked):
            guesser.upload("verify_job", b"just a test file")
    with system.slicer(printer, STUDIO_27, source=source) as owner_at_that_address:
        owner_at_that_address.add()
        with pytest.raises(Blocked) as stopped:
            owner_at_that_address.upload("verify_job", b"just a test file")
        assert "too many failed logins" in stopped.value.detail
        # What ftps has counted reaches mqtt over the bus.
        wait_for(lambda: refused_by_mqtt(system, printer, source), "mqtt refuses that address too")
    with system.slicer(printer, STUDIO_27) as neighbour:
        neighbour.add()
        neighbour.connect()
        neighbour.upload("verify_job", b"just a test file")


def refused_by_mqtt(system: System, printer: Printer, source: str) -> bool:
    """Whether CONNECT with the right code is refused; a refusal by the brake is no "Incorrect password"."""
    with system.slicer(printer, STUDIO_27, source=source) as slicer:
        slicer.add()
        try:
            slicer.connect()
        except Blocked as stopped:
            return stopped.gate is Gate.MQTT
    return False


@pytest.mark.parametrize("profile", [STUDIO_27, ORCA], ids=lambda profile: profile.name)
def test_a_slicer_that_remembers_another_serial_is_answered_on_that_one(system: System, profile: Profile) -> None:
    printer = system.new_printer(name="Made anew")
    with system.slicer(printer, profile, remembered_serial="00M00A000000001") as slicer:
        slicer.add()
        slicer.connect()
        content = threemf.sliced(title=profile.name, seed=41)
        sent = slicer.print("remembered.gcode.3mf", content)
        assert {module["sn"] for module in slicer.device.modules} == {"00M00A000000001"}
    system.await_archived(sent.sha256)
    system.remove(printer)


def test_two_slicers_print_at_once_and_each_sees_its_own_job_end(system: System, printer: Printer) -> None:
    with system.slicer(printer, STUDIO_27) as one, system.slicer(printer, STUDIO_OLD) as two:
        for slicer in (one, two):
            slicer.add()
            slicer.connect()
        one.project_file("first job.gcode.3mf")
        one.watch(lambda device: device.state == "PREPARE", "PREPARE")
        sent = two.print("second job.gcode.3mf", threemf.sliced(seed=43))
        system.await_archived(sent.sha256)
        names = {name for _, name, _ in two.device.states if name}
        assert names == {"second job"}


def test_the_status_is_pushed_every_second_and_survives_silence(system: System, printer: Printer) -> None:
    with system.slicer(printer, ORCA) as slicer:
        slicer.add()
        slicer.connect()
        slicer.await_pushes(3)
        wait_for(partial(is_steady, slicer), "three reports a second apart")


def is_steady(slicer: Slicer) -> bool:
    """Whether the last three messages came a second apart; a busy machine makes some late, and never all."""
    stamps = [got.at for got in slicer.link.received][-3:]
    return all(0.5 < later - earlier < 2 for earlier, later in pairwise(stamps))


@pytest.mark.parametrize(
    "request_body",
    [
        {"print": {"command": "extrusion_cali_get", "filament_id": "", "nozzle_diameter": "0.4"}},
        {"system": {"command": "get_access_code"}},
    ],
    ids=lambda body: next(iter(body.values()))["command"],
)
def test_queries_are_answered(system: System, printer: Printer, request_body: dict[str, dict[str, str]]) -> None:
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        answer = slicer.ask(request_body)
        assert str(answer["result"]).lower() == "success"
