"""A virtual printer in front of a real one that it shows: the whole way from the printer's reports to the slicer."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulators import threemf
from tests.simulators.printer.printer import SimulatedPrinter, free_printer_ports
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.simulators.slicer import Slicer
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

pytestmark = pytest.mark.full

FORGOTTEN_WITHIN = 40.0
"""Seconds until a printer that vanished is no longer shown."""


@pytest.fixture(scope="module")
def real() -> Iterator[SimulatedPrinter]:
    with SimulatedPrinter(
        "127.9.44.1", model="P1S", ports=free_printer_ports(), period=0.5, print_seconds=60, access_code="Sesame44"
    ) as printer:
        yield printer


@pytest.fixture(scope="module")
def mirrors(real: SimulatedPrinter, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that knows the real printer."""
    at = real.ports
    ports = {"DETECT": at.detect, "DETECT_TLS": at.detect_tls, "MQTT": at.mqtt, "FTPS": at.ftps, "TUNNEL": at.tunnel}
    environ = {f"VPRINTER_PROXY__PRINTERS__{name}": str(port) for name, port in ports.items()}
    directory: Path = tmp_path_factory.mktemp("mirror")
    with System(directory, environ=environ) as running:
        running.remove_first_printer()
        running.secrets.add(real.access_code)
        yield running


@pytest.fixture(scope="module")
def target(mirrors: System, real: SimulatedPrinter) -> str:
    """The real printer's id, once the system is connected to it."""
    added = mirrors.api.post("printers", {"host": real.address, "access_code": real.access_code})
    assert (added["serial"], added["model"]) == (real.serial, "C12")

    def is_watched() -> bool:
        status: dict[str, Any] = mirrors.api.get(f"printers/{added['id']}")["status"]
        return bool(status["printing"] == "IDLE")

    wait_for(is_watched, "the real printer is watched")
    found: str = added["id"]
    return found


def a_mirror(system: System, target: str, **more: Any) -> Printer:
    return system.new_printer(model="C12", target=target, relay={"camera": False, **more})


def connected(system: System, printer: Printer) -> Slicer:
    slicer = system.slicer(printer, STUDIO_27)
    slicer.add()
    slicer.connect()
    slicer.watch(lambda device: bool(device.status["ams"]["ams"]), "the AMS", 20)
    return slicer


def leaks(slicer: Slicer, real: SimulatedPrinter) -> list[str]:
    """What of the real printer's identity is in any byte that the slicer got."""
    number = str(real.machine.report["net"]["info"][0]["ip"])
    heard = [got.payload.decode() for got in slicer.link.received]
    return [secret for secret in (real.address, real.serial, number) if any(secret in each for each in heard)]


def test_a_slicer_sees_what_is_loaded_and_sends_while_the_real_printer_prints(
    mirrors: System, target: str, real: SimulatedPrinter
) -> None:
    printer = a_mirror(mirrors, target)
    with connected(mirrors, printer) as slicer:
        (unit,) = slicer.device.status["ams"]["ams"]
        assert [tray.get("tray_type") for tray in unit["tray"]] == ["PLA", "PETG", "ABS", None]
        # Slicers do so by themselves whenever `online.version` changes.
        modules = slicer.ask({"info": {"command": "get_version"}})["module"]
        assert "ams/0" in {module["name"] for module in modules}
        profiles = slicer.ask({"print": {"command": "extrusion_cali_get", "filament_id": "", "nozzle_diameter": "0.4"}})
        assert [profile["name"] for profile in profiles["filaments"]] == ["Ours"]
        refused = slicer.ask({"print": {"command": "pause"}})
        assert refused["result"] == "fail"

        real.machine.report |= {"gcode_state": "RUNNING", "subtask_name": "Benchy", "mc_percent": 37, "layer_num": 9}
        slicer.watch(lambda device: device.status["mc_percent"] == 37, "the progress", 15)
        assert (slicer.device.state, slicer.device.status["subtask_name"]) == ("FINISH", "Benchy")
        sent = slicer.send("loaded.gcode.3mf", threemf.sliced(model="C12", seed=91))
        mirrors.await_archived(sent.sha256)
        assert not leaks(slicer, real)
    assert "print.pause" not in real.commands
    real.machine.report |= {"gcode_state": "IDLE", "subtask_name": "", "mc_percent": 0, "layer_num": 0}


def test_commands_reach_the_real_printer_where_that_is_allowed_and_are_written_down(
    mirrors: System, target: str, real: SimulatedPrinter
) -> None:
    printer = a_mirror(mirrors, target, allow="control")
    with connected(mirrors, printer) as slicer, mirrors.slicer(printer, ORCA) as other:
        other.add()
        other.connect()
        answered = slicer.ask({"system": {"command": "ledctrl", "led_node": "chamber_light", "led_mode": "on"}})
        assert answered["result"] == "success"
        other.catch_up()
        assert not any(b"ledctrl" in got.payload for got in other.link.received)
        sent = [received for received in real.received if received.command == "system.ledctrl"]
        assert [(json.loads(each.payload)["system"]["led_mode"], each.qos) for each in sent] == [("on", 1)]
        assert len(real.sessions) == 1

    def is_written_down() -> bool:
        return any(each["command"] == "system.ledctrl" for each in mirrors.api.items("commands"))

    wait_for(is_written_down, "the command in the log")


def test_a_real_printer_that_is_switched_off_is_no_longer_shown(
    mirrors: System, target: str, real: SimulatedPrinter
) -> None:
    printer = a_mirror(mirrors, target)
    with connected(mirrors, printer) as slicer:
        real.power_off()
        slicer.watch(lambda device: not device.status["ams"]["ams"], "the plain printer", FORGOTTEN_WITHIN)
        real.power_on()
        slicer.watch(lambda device: bool(device.status["ams"]["ams"]), "the AMS again", 60)
