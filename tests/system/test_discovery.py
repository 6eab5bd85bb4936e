"""Slicers hear the printer, and find it by its address."""

import pytest

from tests.simulators.discovery import Ear, Heard
from tests.simulators.gates import Blocked, Gate
from tests.simulators.profiles import ORCA, PROFILES, STUDIO_27, Profile
from tests.system.harness import Printer, System
from vprinter_discovery.announcer import INTERVAL

LOOPBACK_BROADCAST = "127.255.255.255"
AT_ONCE = INTERVAL - 0.5
"""Seconds; what is only announced again in its turn may take longer."""


@pytest.fixture
def ear(system: System) -> Ear:
    """A slicer's ear on this machine."""
    return Ear(LOOPBACK_BROADCAST, system.ports.ssdp)


@pytest.fixture(scope="module")
def heard(system: System, printer: Printer) -> Heard:
    """What a slicer on this machine hears of the printer."""
    with Ear(LOOPBACK_BROADCAST, system.ports.ssdp) as ear:
        return ear.hear(printer.serial)


def test_a_slicer_on_this_machine_hears_the_printer(system: System, printer: Printer, heard: Heard) -> None:
    assert (heard.address, heard.model, heard.name) == (printer.address, "BL-P001", "Workshop")
    assert heard.source[1] == system.ports.ssdp


def test_a_printer_that_appears_is_announced_at_once_and_one_that_leaves_says_farewell(
    system: System, ear: Ear
) -> None:
    with ear:
        guest = system.new_printer(name="Guest")
        ear.hear(guest.serial, timeout=AT_ONCE)
        system.remove(guest)
        ear.hear_byebye(guest.serial)


def test_a_slicer_picks_the_printer_from_its_list_and_connects(system: System, printer: Printer, ear: Ear) -> None:
    with ear, system.slicer(printer, STUDIO_27) as slicer:
        slicer.find(ear, printer.serial)
        slicer.add()
        assert slicer.connect().ready


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_detect_tells_what_announcements_tell(system: System, heard: Heard, printer: Printer, profile: Profile) -> None:
    asked = system.slicer(printer, profile).add()
    assert (asked.serial, asked.model, asked.name, asked.version) == (
        heard.serial,
        heard.model,
        heard.name,
        heard.version,
    )


def test_a_slicer_that_does_not_trust_our_ca_stops_at_code_minus_one(
    system: System, printer: Printer, another_ca: str
) -> None:
    stranger = system.slicer(printer, ORCA, ca_pem=another_ca)
    with pytest.raises(Blocked) as stopped:
        stranger.add()
    assert stopped.value.gate is Gate.TRUST


def test_a_name_change_is_announced_at_once(system: System, ear: Ear) -> None:
    renamed = system.new_printer(name="Before")
    with ear:
        assert ear.hear(renamed.serial).name == "Before"
        system.api.patch(f"virtual-printers/{renamed.id}", {"name": "After"})
        heard = ear.hear(renamed.serial, timeout=AT_ONCE)
        while heard.name == "Before":
            heard = ear.hear(renamed.serial, timeout=AT_ONCE)
    assert heard.name == "After"
    system.remove(renamed)
