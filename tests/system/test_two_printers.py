"""Printers side by side: what changes one leaves the other alone."""

from functools import partial

import pytest

from tests.simulators import threemf
from tests.simulators.profiles import ORCA, STUDIO_27
from tests.simulators.slicer import Slicer
from tests.system.api import ApiError
from tests.system.harness import EDGES, Printer, System
from tests.system.processes import wait_for


@pytest.fixture
def pair(system: System) -> tuple[Printer, Printer]:
    """Two printers on two addresses."""
    return system.new_printer(name="Left"), system.new_printer(model="C12", name="Right")


def lives(system: System, printer: Printer) -> dict[str, tuple[str, int]]:
    """Since when each edge has been serving the printer, and how often it began anew."""
    found: dict[str, tuple[str, int]] = {}
    for service in EDGES:
        status = system.status(printer, service)
        assert status is not None, f"{service} says nothing of {printer.id}"
        found[service] = (status["since"], status["restarts"])
    return found


def await_told(system: System, *printers: Printer) -> None:
    """Wait until every edge has said that it serves the printers."""
    for printer in printers:
        for service in EDGES:
            wait_for(partial(runs, system, printer, service), f"{service} serves {printer.address}")


def runs(system: System, printer: Printer, service: str, *, not_since: str | None = None) -> bool:
    """Whether a service serves the printer, and has begun to after a time at which it began before."""
    status = system.status(printer, service)
    return status is not None and status["state"] == "running" and status["since"] != not_since


def ready(system: System, printer: Printer) -> Slicer:
    """A slicer that is connected."""
    slicer = system.slicer(printer, ORCA)
    slicer.add()
    slicer.connect()
    return slicer


def test_each_takes_its_own_files(system: System, pair: tuple[Printer, Printer]) -> None:
    for number, printer in enumerate(pair):
        with ready(system, printer) as slicer:
            sent = slicer.send("side by side.gcode.3mf", threemf.sliced(model=printer.model, seed=70 + number))
        (entry,) = system.await_archived(sent.sha256)
        assert entry["virtual_printer_id"] == printer.id


def test_a_model_change_restarts_that_printer_only(system: System, pair: tuple[Printer, Printer]) -> None:
    left, right = pair
    await_told(system, left, right)
    before = lives(system, left), lives(system, right)
    pids = {service: system.processes.pid(service) for service in EDGES}
    with ready(system, left) as changed, ready(system, right) as neighbour:
        system.api.patch(f"virtual-printers/{left.id}", {"model": "N1"})
        wait_for(lambda: changed.link.closed is not None, "the slicer of the changed printer is disconnected")
        for service in EDGES:
            wait_for(partial(runs, system, left, service, not_since=before[0][service][0]), f"{service} serves it anew")
        neighbour.await_pushes(2)
        assert lives(system, right) == before[1]
        assert {service: system.processes.pid(service) for service in EDGES} == pids
    system.await_reachable(left)
    with ready(system, left) as slicer:
        assert slicer.device.model == "N1"


def test_a_name_change_restarts_nothing(system: System, pair: tuple[Printer, Printer]) -> None:
    await_told(system, *pair)
    before = [lives(system, printer) for printer in pair]
    with ready(system, pair[0]) as slicer:
        system.api.patch(f"virtual-printers/{pair[0].id}", {"name": "Another name"})
        wait_for(lambda: system.slicer(pair[0], STUDIO_27).add().name == "Another name", "detect tells the new name")
        slicer.await_pushes(2)
    assert [lives(system, printer) for printer in pair] == before


def test_a_mode_change_restarts_nothing_and_counts_for_the_next_file(
    system: System, pair: tuple[Printer, Printer]
) -> None:
    await_told(system, *pair)
    before = [lives(system, printer) for printer in pair]
    with ready(system, pair[0]) as slicer:
        system.api.patch(f"virtual-printers/{pair[0].id}", {"mode": "review"})
        wait_for(lambda: system.revision_is_served(pair[0]), "the edges have the new mode")
        sent = slicer.send("now in review.gcode.3mf", threemf.sliced(seed=75))
    wait_for(lambda: any(item["sha256"] == sent.sha256 for item in system.api.items("pending")), "the pending upload")
    assert not system.archived(sent.sha256)
    assert [lives(system, printer) for printer in pair] == before


def test_a_printer_on_a_taken_address_is_refused(system: System, pair: tuple[Printer, Printer]) -> None:
    left, right = pair
    with pytest.raises(ApiError) as refused:
        system.new_printer(bind={"address": left.address})
    assert refused.value.status == 409
    assert left.address in str(refused.value.problem["detail"])
    with pytest.raises(ApiError) as refused:
        system.api.patch(f"virtual-printers/{right.id}", {"bind": {"address": left.address}})
    assert refused.value.status == 409
    with pytest.raises(ApiError) as refused:
        system.new_printer(bind={"any": True})
    assert refused.value.status == 409


def test_a_disabled_printer_gives_its_address_free(system: System, pair: tuple[Printer, Printer]) -> None:
    left, _right = pair
    system.api.post(f"virtual-printers/{left.id}/disable")
    system.await_gone(left)
    heir = system.new_printer(name="Heir", bind={"address": left.address})
    assert system.slicer(heir, STUDIO_27).add().serial == heir.serial
    with pytest.raises(ApiError) as refused:
        system.api.post(f"virtual-printers/{left.id}/enable")
    assert refused.value.status == 409


def test_a_new_access_code_counts_at_once(system: System, pair: tuple[Printer, Printer]) -> None:
    left, _right = pair
    new = system.new_code()
    with ready(system, left):
        system.api.patch(f"virtual-printers/{left.id}", {"access_code": new})
        wait_for(lambda: system.revision_is_served(left), "the edges have the new code")
    with system.slicer(left, STUDIO_27, access_code=new) as slicer:
        slicer.add()
        slicer.connect()
