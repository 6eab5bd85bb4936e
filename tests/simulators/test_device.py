"""The simulator stops where a slicer stops."""

import json
from typing import Any

import pytest

from tests.simulators.device import Device
from tests.simulators.gates import Blocked, Gate

LEGACY: dict[str, Any] = {
    "command": "push_status",
    "msg": 0,
    "gcode_state": "IDLE",
    "print_type": "idle",
    "subtask_name": "",
    "gcode_file_prepare_percent": "0",
    "sdcard": True,
    "home_flag": 1 << 8,
    "nozzle_diameter": "0.4",
    "nozzle_type": "stainless_steel",
    "upgrade_state": {"status": "IDLE", "dis_state": 0},
    "net": {"conf": 0, "info": [{"ip": 50374848, "mask": 16777215}]},
}
NEW: dict[str, Any] = {
    **LEGACY,
    "home_flag": 0,
    "cfg": "0",
    "fun": "0",
    "fun2": "0",
    "aux": "1000",
    "stat": "0",
    "device": {"type": 1},
}


def device(push: dict[str, Any], model: str = "C12", version: str = "01.08.02.00") -> Device:
    made = Device(model)
    modules = [{"name": "ota", "sw_ver": version, "sn": "X"}, {"name": "mc", "sw_ver": "01.00.00.00", "sn": "X"}]
    made.take(json.dumps({"print": push}).encode())
    made.take(json.dumps({"info": {"command": "get_version", "module": modules}}).encode())
    return made


def test_a_healthy_printer_may_be_sent_to_and_printed_on() -> None:
    device(LEGACY).may_print("C12")
    device(NEW, "BL-P001").may_print("BL-P001")


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"home_flag": 0}, Gate.STORAGE),
        ({"home_flag": 2 << 8}, Gate.STORAGE_STATE),
        ({"home_flag": 3 << 8}, Gate.STORAGE_STATE),
        ({"upgrade_state": {"status": "DOWNLOADING", "dis_state": 1}}, Gate.UPGRADING),
        ({"msg": 1}, Gate.INFO),
    ],
)
def test_a_legacy_report_blocks_send(changed: dict[str, Any], gate: Gate) -> None:
    with pytest.raises(Blocked) as stopped:
        device({**LEGACY, **changed}).may_send("C12")
    assert stopped.value.gate is gate


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"aux": "0"}, Gate.STORAGE),
        ({"aux": "2000"}, Gate.STORAGE_STATE),
        ({"fun": "80000000"}, Gate.TUNNEL),
        ({"fun": "20000000"}, Gate.SIGNED),
        ({"device": {"type": 2}}, Gate.COMPATIBLE),
    ],
)
def test_a_new_report_blocks_send(changed: dict[str, Any], gate: Gate) -> None:
    with pytest.raises(Blocked) as stopped:
        device({**NEW, **changed}, "BL-P001").may_send("BL-P001")
    assert stopped.value.gate is gate


@pytest.mark.parametrize(
    ("changed", "gate"),
    [
        ({"gcode_state": "PREPARE"}, Gate.BUSY),
        ({"gcode_state": "RUNNING"}, Gate.BUSY),
        ({"fun2": "1"}, Gate.TUNNEL),
        ({"nozzle_type": ""}, Gate.NOZZLE),
    ],
)
def test_print_has_gates_that_send_has_not(changed: dict[str, Any], gate: Gate) -> None:
    printer = device({**NEW, **changed}, "BL-P001")
    printer.may_send("BL-P001")
    with pytest.raises(Blocked) as stopped:
        printer.may_print("BL-P001")
    assert stopped.value.gate is gate


def test_a_printer_with_two_nozzles_must_report_both_to_print() -> None:
    one = {"extruder": {"state": 1, "info": [{"id": 0}]}, "nozzle": {"info": [{"id": 0}]}}
    two = {"extruder": {"state": 2, "info": [{"id": 0}, {"id": 1}]}, "nozzle": {"info": [{"id": 0}, {"id": 1}]}}
    device({**NEW, "device": {"type": 1, **two}}, "O1D").may_print("O1D")
    with pytest.raises(Blocked):
        device({**NEW, "device": {"type": 1, **one}}, "O1D").may_print("O1D")


def test_the_preset_must_fit_the_model() -> None:
    device(LEGACY, "C12").may_send("BL-P001")
    with pytest.raises(Blocked) as stopped:
        device(LEGACY, "C12").may_send("N1")
    assert stopped.value.gate is Gate.COMPATIBLE


def test_old_firmware_does_not_take_files() -> None:
    with pytest.raises(Blocked) as stopped:
        device(LEGACY, "C11", "01.01.00.00").may_send("C11")
    assert stopped.value.gate is Gate.SEND_CAPABILITY


def test_without_modules_the_information_is_not_complete() -> None:
    printer = Device("C12")
    printer.take(json.dumps({"print": LEGACY}).encode())
    with pytest.raises(Blocked) as stopped:
        printer.may_send("C12")
    assert stopped.value.gate is Gate.INFO


def test_the_reported_address_replaces_the_typed_one() -> None:
    assert device(LEGACY).address("10.0.0.9") == "192.168.0.3"
    zeros = {**LEGACY, "net": {"info": [{"ip": 0}]}}
    assert device(zeros).address("10.0.0.9") == "10.0.0.9"


def test_a_delta_changes_only_what_it_names() -> None:
    printer = device(LEGACY)
    printer.take(json.dumps({"print": {"command": "push_status", "msg": 1, "gcode_state": "FINISH"}}).encode())
    assert (printer.state, printer.storage) == ("FINISH", 1)
