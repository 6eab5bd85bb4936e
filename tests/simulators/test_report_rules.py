"""The slicers' check itself: it finds each wrong type, each missing field and each value that blocks sending."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.simulators.report_rules import MODULE_RULES, STATUS_RULES, Need, Rule, report_errors
from vprinter_common.catalog import model
from vprinter_mqtt.conversation import Conversation
from vprinter_mqtt.reports.modules import modules
from vprinter_mqtt.session_state import SessionState

WRONG: dict[str, object] = {
    "string": 5,
    "integer": "5",
    "unsigned": "5",
    "number": True,
    "scalar": True,
    "boolean": 1,
    "array": {},
    "record": [],
    "hex64": 5,
    "hexadecimal": "0x1",
    "percent": 0,
    "count": 0,
    "diameter": True,
    "version": 1,
    "filled": "",
}
"""By kind, a value of a type that is easily mistaken for it."""

Report = dict[str, Any]


def status_of(code: str) -> Report:
    conversation = Conversation(model(code))
    session = SessionState(client="10.0.0.1", serial="S1", advertise="10.0.0.2", access_code="a1B2c3D4")
    report: Report = json.loads(conversation.render(conversation.report_key(session, 0.0), 1))
    return report


def version_of(code: str) -> Report:
    listed = modules(model(code), "S1")
    return {"info": {"command": "get_version", "sequence_id": "1", "module": listed}}


def place(body: Any, path: str) -> tuple[Any, str] | None:
    """The innermost container of a path (first items of lists) and the last name, if it is there."""
    *inner, last = path.replace("[]", "").split(".")
    for name in inner:
        if name not in body:
            return None
        body = body[name]
        body = body[0] if isinstance(body, list) and body else body
    return (body, last) if last in body else None


def models_of(rule: Rule) -> tuple[str, ...]:
    return {Need.LEGACY: ("C12",), Need.NEW: ("O1D",)}.get(rule.need, ("C12", "O1D"))


@pytest.mark.parametrize("rule", STATUS_RULES, ids=lambda rule: rule.path)
def test_a_field_of_a_wrong_type_is_found(rule: Rule) -> None:
    for code in models_of(rule):
        report = status_of(code)
        found = place(report["print"], rule.path)
        if found is None:
            assert rule.need is Need.OPTIONAL
            continue
        container, name = found
        container[name] = WRONG[rule.kind.__name__]
        errors = report_errors(report, code)
        assert errors == ["print has no command"] or any(
            error.endswith(f"not {rule.kind.__name__}") for error in errors
        )


@pytest.mark.parametrize(
    "rule", [rule for rule in STATUS_RULES if rule.need is not Need.OPTIONAL], ids=lambda r: r.path
)
def test_a_missing_field_is_found(rule: Rule) -> None:
    for code in models_of(rule):
        report = status_of(code)
        found = place(report["print"], rule.path)
        assert found is not None
        container, name = found
        del container[name]
        if report["print"].get("command") is None:
            assert report_errors(report, code) == ["print has no command"]
        else:
            assert any(error.endswith("is missing") for error in report_errors(report, code))


@pytest.mark.parametrize("rule", MODULE_RULES, ids=lambda rule: rule.path)
def test_a_module_field_of_a_wrong_type_is_found(rule: Rule) -> None:
    report = copy.deepcopy(version_of("BL-P001"))
    found = place(report["info"], rule.path)
    assert found is not None
    container, name = found
    container[name] = WRONG[rule.kind.__name__]
    assert report_errors(report, "BL-P001")


def put(path: str, value: object) -> Callable[[Report], None]:
    def change(report: Report) -> None:
        body: Any = report["print"]
        *inner, last = path.split(".")
        for name in inner:
            body = body[int(name)] if isinstance(body, list) else body[name]
        body[int(last) if isinstance(body, list) else last] = value

    return change


@pytest.mark.parametrize(
    ("code", "change", "said"),
    [
        ("C12", put("msg", 1), "not a full report"),
        ("C12", put("gcode_state", "DREAMING"), "unknown"),
        ("C12", put("print_error", 5), "dialog"),
        ("C12", put("home_flag", 0), "home_flag says"),
        ("C12", put("home_flag", 0x300), "home_flag says"),
        ("C12", put("sdcard", False), "sdcard"),
        ("C12", put("upgrade_state.status", "DOWNLOADING"), "upgrade_state"),
        ("C12", put("upgrade_state.dis_state", 1), "upgrade_state"),
        ("C12", put("print_type", "system"), "print_type"),
        ("C12", put("stg_cur", -1), "stg_cur"),
        ("C12", put("net.info.0.ip", 0), "no address"),
        ("C12", put("printer_type", "N1"), "overrides the model"),
        ("C12", put("task_id", "715417865"), "cloud"),
        ("C12", put("mc_percent", 5), "mc_percent"),
        ("C12", put("layer_num", 5), "layer_num"),
        ("C12", put("gcode_file", "a.3mf"), "idle, but with a file"),
        ("C12", put("gcode_file_prepare_percent", "7"), "idle, but prepared"),
        ("C12", put("gcode_state", "FINISH"), "finished, but not prepared"),
        ("C12", put("ipcam.rtsp_url", "rtsps://192.168.2.45:322/x"), "leads elsewhere"),
        ("C12", put("fun", "1"), "does not belong"),
        ("O1D", put("aux", "2D00004"), "aux says"),
        ("O1D", put("fun", "412FFF9CFF"), "bit 29"),
        ("O1D", put("fun", "418FFF9CFF"), "bit 31"),
        ("O1D", put("fun2", "1"), "bit 0"),
        ("O1D", put("fun2", "20000"), "bit 17"),
        ("O1D", put("device.type", 2), "device.type"),
        ("O1D", put("device.connection_type", "cloud"), "connection_type"),
        ("O1D", put("device.extruder.state", 1), "miscounts"),
        ("O1D", put("device.extruder.info", []), "2 heads"),
        ("O1D", put("device.nozzle.info", []), "2 nozzles"),
        ("O1D", put("vir_slot", []), "vir_slot"),
        ("O1S", put("device.extruder.state", 2), "miscounts"),
    ],
)
def test_a_value_that_blocks_or_misleads_is_found(code: str, change: Callable[[Report], None], said: str) -> None:
    report = status_of(code)
    change(report)
    (error,) = report_errors(report, code)
    assert said in error


@pytest.mark.parametrize("url", ["disable", "rtsps://10.0.0.2:322/streaming/live/1"])
def test_a_camera_at_our_own_address_or_none_is_right(url: str) -> None:
    report = status_of("BL-P001")
    put("ipcam.rtsp_url", url)(report)
    assert report_errors(report, "BL-P001") == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda listed: listed.pop(0), "not one module ota"),
        (lambda listed: listed[0].update(sw_ver="newest"), "not one module ota"),
        (lambda listed: listed[0].update(product_name=""), "not one module ota"),
        (lambda listed: listed[1].update(sn=""), "has no sn"),
        (lambda listed: listed[1].update(new_ver="02.00.00.00"), "offers an update"),
    ],
)
def test_an_unsound_module_list_is_found(change: Callable[[list[dict[str, Any]]], None], said: str) -> None:
    report = version_of("BL-P001")
    change(report["info"]["module"])
    (error,) = report_errors(report, "BL-P001")
    assert said in error


@pytest.mark.parametrize(
    "report",
    [
        [],
        {},
        {"print": [], "info": {}},
        {"print": []},
        {"print": {}},
        {"print": {"command": 5}},
        {"print": {"command": "x"}},
    ],
)
def test_what_is_no_message_is_found(report: object) -> None:
    assert len(report_errors(report, "C12")) == 1


def test_other_answers_repeat_their_sequence_id() -> None:
    assert report_errors({"system": {"command": "ledctrl", "sequence_id": "1"}}, "C12") == []
