"""The very first start: one printer is there, the welcome says how to reach it, and slicers use it as it is."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.simulators import threemf
from tests.simulators.profiles import PROFILES, Profile
from tests.system.harness import UP_WITHIN, Printer, System
from tests.system.processes import Supervised, wait_for
from tests.system.secrets_in_logs import WELCOME_RULE


@dataclass(frozen=True, slots=True)
class FirstStart:
    """A system as it is right after its first start."""

    system: System
    welcome: str
    printer: Printer

    def row(self, name: str) -> str:
        """What the welcome says under a name."""
        return row(self.welcome, name)


def row(welcome: str, name: str) -> str:
    """What a welcome says under a name."""
    found = re.search(rf"^ *{name}  +(.+)$", welcome, re.MULTILINE)
    assert found is not None, f"no {name!r} in:\n{welcome}"
    return found[1].strip()


def welcomes(system: System) -> list[str]:
    """Every welcome so far, the newest last."""
    assert isinstance(system.processes, Supervised)
    return WELCOME_RULE.split(system.processes.log.read_text())[1::2]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstStart]:
    """A first start without any token or printer given."""
    system = System(tmp_path_factory.mktemp("first"), token=None)
    with system:
        wait_for(lambda: welcomes(system), "the welcome", UP_WITHIN)
        welcome = welcomes(system)[-1]
        system.token = row(welcome, "Admin token")
        system.secrets |= {system.token, row(welcome, "Access code")}
        (made,) = system.api.items("virtual-printers")
        printer = Printer(made["id"], made["serial"], system.address(9), row(welcome, "Access code"), made["model"])
        system.await_reachable(printer)
        yield FirstStart(system, welcome, printer)


def test_there_is_one_enabled_x1c_in_immediate_mode(first: FirstStart) -> None:
    (made,) = first.system.api.items("virtual-printers")
    assert (made["name"], made["model"], made["mode"], made["enabled"]) == (
        "Virtual Printer",
        "BL-P001",
        "immediate",
        True,
    )
    assert made["bind"]["any"] is True


def test_the_welcome_says_all_that_is_needed(first: FirstStart) -> None:
    assert first.row("Page").endswith(f":{first.system.ports.control}")
    assert re.fullmatch(r"[A-Za-z0-9]{8}", first.row("Access code"))
    assert re.match(r"\d+\.\d+\.\d+\.\d+", first.row("Address"))
    assert Path(first.row("CA")).read_text() == first.system.ca_pem()
    assert "Not reachable" not in first.welcome


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_slicer_sends_and_prints(first: FirstStart, profile: Profile) -> None:
    number = PROFILES.index(profile)
    with first.system.slicer(first.printer, profile) as slicer:
        slicer.add()
        slicer.connect()
        sent = slicer.send(f"sent {number}.gcode.3mf", threemf.sliced(seed=number))
        printed = slicer.print(f"printed {number}.gcode.3mf", threemf.sliced(seed=10 + number))
    for file in (sent, printed):
        (entry,) = first.system.await_archived(file.sha256)
        assert entry["filename"] == file.filename
        assert entry["virtual_printer_id"] == first.printer.id


def test_another_start_keeps_everything_and_shows_the_token_no_more(first: FirstStart) -> None:
    system = first.system
    ca = system.ca_pem()
    with system.slicer(first.printer, PROFILES[0]) as slicer:
        slicer.add()
        slicer.connect()
        sent = slicer.send("before the restart.gcode.3mf", threemf.sliced(seed=30))
    system.await_archived(sent.sha256)
    shown = len(welcomes(system))
    system.stop()
    system.start()
    wait_for(lambda: len(welcomes(system)) > shown, "the second welcome", UP_WITHIN)
    assert system.token is not None
    assert system.token not in welcomes(system)[-1]
    assert system.ca_pem() == ca
    (kept,) = system.api.items("virtual-printers")
    assert (kept["id"], kept["serial"]) == (first.printer.id, first.printer.serial)
    system.await_archived(sent.sha256)
    system.await_reachable(first.printer)
    with system.slicer(first.printer, PROFILES[0]) as slicer:
        slicer.add()
        slicer.connect()
        slicer.send("after the restart.gcode.3mf", threemf.sliced(seed=31))
