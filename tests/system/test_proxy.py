"""A slicer at a proxy, a simulated printer of each kind behind it, and all processes in between."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from hashlib import sha256
from pathlib import Path

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked
from tests.simulators.printer import vsftpd
from tests.simulators.printer.printer import Character, SimulatedPrinter
from tests.simulators.profiles import ORCA, STUDIO_27, Profile
from tests.simulators.tape import recording
from tests.system.harness import System
from tests.system.processes import wait_for
from tests.system.proxies import Proxy, behind, real_printer

STRATEGIES = ("terminate", "passthrough")
BIG = 300 * 1024 * 1024


@pytest.fixture(params=list(Character))
def character(request: pytest.FixtureRequest) -> Character:
    """Each kind of printer."""
    if request.param is Character.VSFTPD and (reason := vsftpd.why_not()):
        pytest.skip(reason)
    return Character(request.param)


@pytest.fixture
def real(system: System) -> Iterator[Callable[..., SimulatedPrinter]]:
    """Switches printers on."""
    with ExitStack() as printers:
        yield lambda *kind, **options: printers.enter_context(real_printer(system, *kind, **options))


def stored(proxy: Proxy, name: str) -> str:
    """SHA-256 of a file that the printer has."""
    return sha256((proxy.real.root / name).read_bytes()).hexdigest()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_slicer_does_everything_and_never_learns_the_printers_address(
    strategy: str, character: Character, system: System, real: Callable[..., SimulatedPrinter]
) -> None:
    printer = real(character, print_seconds=1.0)
    proxy = behind(system, printer, relay={"ftp": strategy, "camera": False})
    content = threemf.sliced(model=printer.model.code, seed=5)
    near = f"beside {printer.address}0 and 1{printer.address}"
    printer.machine.report["lights_report"].append({"node": near, "mode": "off"})
    with recording(proxy.printer.address) as tape, proxy.slicer() as slicer:
        detected = slicer.add()
        assert (detected.serial, detected.model, detected.name) == (printer.serial, printer.model.code, "Relay")
        device = slicer.connect()
        assert device.address("typed") == proxy.printer.address
        assert device.status["lights_report"][-1]["node"] == near, "a longer number is another address"
        sent = slicer.send("cube.gcode.3mf", content)
        assert stored(proxy, "cube.gcode.3mf") == sent.sha256
        slicer.project_file("cube.gcode.3mf")
        slicer.watch(lambda device: device.state == "RUNNING", "the print runs")
        slicer.ask({"system": {"command": "get_access_code"}})
        slicer.watch(lambda device: device.state == "FINISH", "the print is done")
        if strategy == "terminate":  # else nobody but the printer can tell a file from other bytes
            path = f"virtual-printers/{proxy.printer.id}/setup"
            wait_for(
                lambda: {step["state"] for step in system.api.get(path)["steps"]} == {"done"}, "the guide is green"
            )
        assert tape.size > len(content)
        assert tape.traces(proxy.printer.address)
    assert tape.traces(printer.address) == []
    assert "print.project_file" in printer.commands


@pytest.mark.parametrize("profile", [ORCA, STUDIO_27], ids=lambda profile: profile.name)
def test_requests_reach_the_printer_byte_by_byte(
    profile: Profile, system: System, real: Callable[..., SimulatedPrinter]
) -> None:
    printer = real(signed=True)
    proxy = behind(system, printer)
    signed = b'{"header": {"sign_string":"x+/=",  "payload_len":7},\n "system":{"command":"ledctrl","sequence_id":"1"}}'
    with proxy.connected(profile) as slicer:
        slicer.link.publish(f"device/{printer.serial}/request", signed)
        printer.wait_for(lambda: "system.ledctrl" in printer.commands, "the command")
    assert signed in [each.payload for each in printer.received]


def test_two_slicers_work_at_once(system: System, real: Callable[..., SimulatedPrinter]) -> None:
    printer = real(Character.LATE)
    proxy = behind(system, printer, relay={"camera": False})
    with proxy.connected(ORCA) as first, proxy.connected(STUDIO_27) as second:
        for number, slicer in enumerate((first, second)):
            sent = slicer.send(f"{number}.gcode.3mf", threemf.sliced(model="O1D", seed=number))
            assert stored(proxy, f"{number}.gcode.3mf") == sent.sha256
        first.await_pushes(2)
        second.await_pushes(2)
        assert len(printer.sessions) >= 2


def test_a_wrong_code_is_refused_by_the_printer(system: System, real: Callable[..., SimulatedPrinter]) -> None:
    proxy = behind(system, real())
    with proxy.slicer(access_code="wrong000") as slicer:
        slicer.add()
        with pytest.raises(Blocked, match="5"):
            slicer.connect()


@pytest.mark.full
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_300_mb_arrive_with_the_same_hash(
    strategy: str, character: Character, system: System, real: Callable[..., SimulatedPrinter], tmp_path: Path
) -> None:
    printer = real(character)
    proxy = behind(system, printer, relay={"ftp": strategy, "camera": False})
    content = secrets.token_bytes(1024 * 1024) * (BIG // (1024 * 1024))
    with proxy.connected() as slicer:
        sent = slicer.upload("big.gcode.3mf", content)
        assert (printer.root / "big.gcode.3mf").stat().st_size == BIG
        assert stored(proxy, "big.gcode.3mf") == sent.sha256
        slicer.await_pushes(2)
