"""Every model of the catalog with every kind of slicer: the whole dialogue, each report checked strictly."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.simulators import threemf
from tests.simulators.device import Device
from tests.simulators.profiles import PROFILES, Profile
from tests.simulators.slicer import Sent
from tests.system.harness import Printer, System
from vprinter_common.catalog import MODELS

AT_ONCE = 16
"""Dialogues under way at the same time: most of one is waiting for the printer's next report."""

CODES = tuple(model.code for model in MODELS)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a slicer has seen."""

    device: Device
    sent: Sent
    printed: Sent


Dialogues = dict[tuple[str, str], Future[Outcome]]


def dialogue(system: System, printer: Printer, profile: Profile) -> Outcome:
    """Add, connect, Send one file, Print another; each step raises what the slicer would show."""
    number = PROFILES.index(profile)
    with system.slicer(printer, profile) as slicer:
        slicer.add()
        slicer.connect()
        sent = slicer.send(f"sent {number}.gcode.3mf", threemf.sliced(model=printer.model, seed=number))
        printed = slicer.print(f"printed {number}.gcode.3mf", threemf.sliced(model=printer.model, seed=100 + number))
        return Outcome(slicer.device, sent, printed)


@pytest.fixture(scope="module")
def dialogues(system: System) -> Iterator[Dialogues]:
    """All dialogues, running at the same time on one printer of each model."""
    printers = {code: system.new_printer(model=code, name=f"One {code}") for code in CODES}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            (code, profile.name): pool.submit(dialogue, system, printer, profile)
            for profile in PROFILES
            for code, printer in printers.items()
        }
    for printer in printers.values():
        system.remove(printer)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
@pytest.mark.parametrize("code", CODES)
def test_the_whole_dialogue_succeeds(system: System, dialogues: Dialogues, code: str, profile: Profile) -> None:
    outcome = dialogues[code, profile.name].result(60)
    assert outcome.device.model == code
    for file in (outcome.sent, outcome.printed):
        names = {entry["filename"] for entry in system.await_archived_at_least(file.sha256)}
        assert file.filename in names
