"""The table "Proxy mode and server modes", row by row, each cell found out by a slicer or by the API."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked
from tests.simulators.printer.printer import SimulatedPrinter
from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import Slicer
from tests.system.api import ApiError
from tests.system.harness import Printer, System
from tests.system.proxies import Proxy, behind, real_printer

MODES = ("immediate", "review", "queue", "proxy")
YES, NO = True, False


@pytest.fixture(scope="module")
def real(system: System) -> Iterator[SimulatedPrinter]:
    """The only real printer there is."""
    with real_printer(system, print_seconds=60) as printer:
        yield printer


@pytest.fixture(scope="module")
def columns(system: System, real: SimulatedPrinter) -> Mapping[str, Printer | Proxy]:
    """A virtual printer in each mode."""
    return {
        mode: behind(system, real) if mode == "proxy" else system.new_printer(model="C12", mode=mode) for mode in MODES
    }


def slicer_of(system: System, column: Printer | Proxy, **more: str) -> Slicer:
    """A slicer at a virtual printer, which has added it."""
    slicer = column.slicer(STUDIO_27, **more) if isinstance(column, Proxy) else system.slicer(column, STUDIO_27, **more)
    slicer.add()
    return slicer


def sent(system: System, column: Printer | Proxy, name: str, *, then_print: bool = False) -> str:
    """Send a file, and start to print it; its SHA-256."""
    content = threemf.sliced(model="C12", title=name)
    with slicer_of(system, column) as slicer:
        slicer.connect()
        digest = slicer.send(name, content).sha256
        if then_print:
            slicer.project_file(name)
    return digest


def files_stored_locally(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    return sent(system, column, f"stored {mode}.gcode.3mf") in system.blobs()


def sends_to_real_printer(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    sent(system, column, name := f"sent {mode}.gcode.3mf")
    return (real.root / name).exists()


def remote_printing(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    sent(system, column, f"printed {mode}.gcode.3mf", then_print=True)
    return bool(real.machine.report["subtask_name"] == f"printed {mode}")


def requires_target_printer(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    body = {"name": "Alone", "mode": mode, "enabled": False, "bind": {"address": system.fresh_address()}}
    try:
        made = system.api.post("virtual-printers", body | ({} if mode == "proxy" else {"model": "C12"}))
    except ApiError as error:
        return error.code == "no_target"
    system.api.delete(f"virtual-printers/{made['id']}")
    return False


def lets_in(system: System, column: Printer | Proxy, code: str) -> bool:
    """Whether a slicer with this code is let in."""
    with slicer_of(system, column, access_code=code) as slicer:
        try:
            slicer.connect()
        except Blocked:
            return False
        return True


def uses_printers_access_code(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    return lets_in(system, column, real.access_code)


def requires_own_access_code(system: System, mode: str, column: Printer | Proxy, real: SimulatedPrinter) -> bool:
    if not isinstance(column, Proxy):
        return lets_in(system, column, column.code) and not lets_in(system, column, "another1")
    assert system.api.get(f"virtual-printers/{column.printer.id}")["access_codes"] == []
    return False


TABLE: Mapping[Callable[[System, str, Printer | Proxy, SimulatedPrinter], bool], tuple[bool, bool, bool, bool]] = {
    files_stored_locally: (YES, YES, YES, NO),
    sends_to_real_printer: (NO, NO, NO, YES),
    remote_printing: (NO, NO, NO, YES),
    requires_target_printer: (NO, NO, NO, YES),
    uses_printers_access_code: (NO, NO, NO, YES),
    requires_own_access_code: (YES, YES, YES, NO),
}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.__name__)
def test_row(
    row: Callable[[System, str, Printer | Proxy, SimulatedPrinter], bool],
    system: System,
    columns: Mapping[str, Printer | Proxy],
    real: SimulatedPrinter,
) -> None:
    assert tuple(row(system, mode, columns[mode], real) for mode in MODES) == TABLE[row]
