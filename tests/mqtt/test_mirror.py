"""A virtual printer that shows a real one."""

import json
import struct
from socket import inet_aton
from typing import Any

import pytest

from tests.mqtt.playbook import Playbook, a_session
from tests.simulators.device import Device
from tests.simulators.printer.machine import Machine
from tests.simulators.printer.reports import Json, modules
from tests.simulators.report_rules import report_errors
from vprinter_common.catalog import MODELS, Model, ReportStyle, model
from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import TargetReport, TargetSaid
from vprinter_mqtt.conversation import Conversation
from vprinter_mqtt.mirror import FRESH_SECONDS, Mirror
from vprinter_mqtt.reports.mirrored import Likeness, likeness, mirrored, mirrored_modules

ADDRESS, OTHER_ADDRESS, HOST = "192.168.1.1", "10.8.0.7", "printer.lan"
THEIR_SERIAL = "01P00C123456789"
every_model = pytest.mark.parametrize("of", MODELS, ids=lambda of: of.code)


def a_machine(of: Model) -> Machine:
    """A real printer with all that must not be told."""
    machine = Machine(
        of, THEIR_SERIAL, ADDRESS, "Sesame42", clock=lambda: 0.0, signed=True, other_addresses=(OTHER_ADDRESS,)
    )
    machine.report |= {
        "home_flag": 0,
        "sdcard": False,
        "print_error": 83902489,
        "hms": [{"attr": 1, "code": 2}],
        "printer_type": "X9",
        "wifi_signal": f"{ADDRESS} -40dBm",
    }
    if "aux" in machine.report:
        machine.report["aux"] = "3000"
    machine.report["ams"]["ams"][0]["tray"][0]["tray_id_name"] = f"of {THEIR_SERIAL.lower()} at {HOST}"
    machine.report.pop("storage")
    return machine


def prints(machine: Machine, state: str = "RUNNING") -> None:
    machine.report |= {
        "gcode_state": state,
        "gcode_file": "/data/Metadata/plate_3.gcode",
        "subtask_name": f"Benchy at {ADDRESS}",
        "mc_percent": 37,
        "mc_remaining_time": 95,
        "layer_num": 12,
        "total_layer_num": 140,
        "stg_cur": 14,
        "mc_print_stage": "2",
        "print_type": "local",
    }


def a_mirror(ours: Model, theirs: Model, *, may_control: bool = False) -> Mirror:
    target = Target(id="r1", host=HOST, serial=THEIR_SERIAL, model=theirs.code, access_code="Sesame42")
    return Mirror(ours, target, may_control=may_control)


def a_playbook(ours: Model, theirs: Model | None = None, *, machine: Machine | None = None, **more: Any) -> Playbook:
    """A virtual printer of one model that has heard a real one of another."""
    theirs = theirs or ours
    playbook = Playbook(of=ours, mirror=a_mirror(ours, theirs, **more))
    hears(playbook, machine or a_machine(theirs))
    return playbook


def hears(playbook: Playbook, machine: Machine) -> None:
    listed = tuple(modules(machine.model, machine.serial))
    report = TargetReport(target="r1", serial=machine.serial, print=machine.full()["print"], modules=listed)
    playbook.conversation.on_report(report, playbook.now)


def trays(report: Json) -> list[list[str]]:
    return [[tray.get("tray_type", "") for tray in unit["tray"]] for unit in report["ams"]["ams"]]


def version_of(playbook: Playbook) -> dict[str, Json]:
    """The modules of the get_version answer by name."""
    (reply,) = playbook.ask({"info": {"command": "get_version", "sequence_id": "7"}})
    message: Json = json.loads(reply.payload)  # type: ignore[union-attr]
    assert report_errors(message, playbook.of.code) == []
    return {module["name"]: module for module in message["info"]["module"]}


def leaks(text: str) -> list[str]:
    """What must not be read in it."""
    secrets = (
        THEIR_SERIAL,
        ADDRESS,
        OTHER_ADDRESS,
        HOST,
        "Sesame42",
        *(as_number(each) for each in (ADDRESS, OTHER_ADDRESS)),
    )
    return [secret for secret in secrets if secret.casefold() in text.casefold()]


def as_number(address: str) -> str:
    return str(struct.unpack("<I", inet_aton(address))[0])


PAIRS = tuple((of, theirs) for of in MODELS for theirs in MODELS)
KINDS = frozenset({"BL-P001", "C12", "N9", "O1D"})
"""One of each kind of report: the new protocol with one head, the old one, both mixed, and two heads."""


@pytest.mark.parametrize(
    ("of", "theirs"),
    [
        pytest.param(of, theirs, marks=() if of is theirs or theirs.code in KINDS else pytest.mark.full)
        for of, theirs in PAIRS
    ],
    ids=lambda of: of.code,
)
def test_whatever_is_shown_as_whatever_the_report_is_right_for_slicers_and_tells_nothing(
    of: Model, theirs: Model
) -> None:
    for state in ("IDLE", "RUNNING", "PAUSE", "FAILED") if of is theirs else ("PAUSE",):
        machine = a_machine(theirs)
        prints(machine, state)
        playbook = a_playbook(of, machine=machine, theirs=theirs)
        report: Any = playbook.report()
        assert trays(report) == [["PLA", "PETG", "ABS", ""]]
        assert not leaks(json.dumps(report))
        assert [entry["ip"] for entry in report["net"]["info"]] == [2248124608]
        assert not leaks(json.dumps(version_of(playbook)))


@every_model
def test_send_stays_possible_while_the_real_printer_prints_and_its_progress_is_seen(of: Model) -> None:
    machine = a_machine(of)
    prints(machine)
    playbook = a_playbook(of, machine=machine)
    report: Any = playbook.report()
    assert (report["gcode_state"], report["gcode_file_prepare_percent"]) == ("FINISH", "100")
    assert (report["subtask_name"], report["mc_percent"], report["mc_remaining_time"]) == ("Benchy at 0.0.0.0", 37, 95)
    assert (report["layer_num"], report["total_layer_num"]) == (12, 140)
    slicer = Device(of.code)
    slicer.take(json.dumps({"print": report}).encode())
    slicer.take(
        json.dumps({"info": {"command": "get_version", "module": list(version_of(playbook).values())}}).encode()
    )
    slicer.may_send(of.code)
    slicer.may_print(of.code)


@every_model
def test_of_its_own_model_hardware_and_settings_are_shown_but_never_a_way_past_us(of: Model) -> None:
    machine = a_machine(of)
    report: Any = a_playbook(of, machine=machine).report()
    for name in ("nozzle_diameter", "nozzle_type", "bed_temper", "lights_report"):
        assert report[name] == machine.report[name]
    if of.report is ReportStyle.LEGACY:
        assert report["vt_tray"]["tray_type"] == "PETG"
    else:
        assert report["device"]["extruder"] == machine.report["device"]["extruder"]
        assert report["device"]["nozzle"] == machine.report["device"]["nozzle"]
        assert {slot["tray_type"] for slot in report["vir_slot"]} == {"PLA"}
        assert int(report["fun"], 16) == int(machine.report["fun"], 16) & ~(1 << 31 | 1 << 29)


def test_what_fits_of_another_family_is_shown() -> None:
    x1c, p1s, h2d, h2s = (model(name) for name in ("X1C", "P1S", "H2D", "H2S"))
    assert likeness(x1c, x1c) is Likeness.SAME
    assert likeness(h2s, x1c) is Likeness.HEADS
    assert likeness(h2d, x1c) is likeness(x1c, p1s) is likeness(p1s, model("P1P")) is Likeness.FILAMENTS
    machine = a_machine(h2d)
    machine.report["ams"]["ams"][0]["info"] = "2103"
    report: Any = a_playbook(x1c, theirs=h2d, machine=machine).report()
    assert report["ams"]["ams"][0]["info"] == "2003"
    assert len(report["device"]["extruder"]["info"]) == 1
    assert report["vir_slot"][0]["id"] == "255"
    report = a_playbook(h2d, theirs=p1s).report()
    assert [(slot["id"], slot["tray_type"]) for slot in report["vir_slot"]] == [("254", ""), ("255", "PETG")]
    assert report["nozzle_type"] == "HS01"


def test_ams_units_are_named_by_their_modules_and_keep_their_serial_numbers() -> None:
    playbook = a_playbook(model("X1C"))
    found = version_of(playbook)
    assert found["n3f/0"]["product_name"] == "AMS 2 Pro (1)"
    assert found["n3f/0"]["sn"] == f"AM{THEIR_SERIAL[2:]}"
    assert found["ota"]["sn"] == playbook.session.serial
    assert found["ota"]["product_name"] == "Bambu Lab X1-Carbon"
    listed: list[Json] = [
        {"name": "ams/0", "sw_ver": "1", "hw_ver": "2", "sn": THEIR_SERIAL, "new_ver": "9"},
        {"name": "ahb", "sw_ver": "1", "hw_ver": "2", "sn": "H"},
        {"name": "ams/1", "sw_ver": "1", "hw_ver": "2", "sn": ""},
        {"name": "ams/2", "sw_ver": 1},
        {"name": "mc", "sw_ver": "1", "hw_ver": "2", "sn": "M"},
    ]
    shown = {module["name"]: module for module in mirrored_modules(model("X1C"), "ours", listed)}
    assert shown["ams/0"]["sn"] == THEIR_SERIAL  # who calls it has replaced that already
    assert "new_ver" not in shown["ams/0"]
    assert shown["mc"]["sn"] == "ours"
    assert set(shown) == {"ota", "mc", "th", "ap", "ams/0", "ahb"}


def test_slicers_are_made_to_ask_for_the_modules_again_when_they_change() -> None:
    playbook = Playbook(of=model("X1C"), mirror=a_mirror(model("X1C"), model("X1C")))
    machine = a_machine(model("X1C"))
    machine.report["online"]["version"] = 0x7FFFFFFF
    seen = []
    listed: tuple[Json, ...] | None
    for listed in (None, (), (modules(machine.model, machine.serial)[0],)):
        report = TargetReport(target="r1", serial=machine.serial, print=machine.full()["print"], modules=listed)
        playbook.conversation.on_report(report, playbook.now)
        shown: Any = playbook.report()
        seen.append(shown["online"]["version"])
    del machine.report["online"]
    hears(playbook, machine)
    shown = playbook.report()
    plain: Any = Playbook().report()
    assert seen == [0, 0, 1]
    assert shown["online"]["version"] == plain["online"]["version"] + 1 + len(modules(machine.model, machine.serial))


def test_parts_of_a_wrong_type_are_not_shown() -> None:
    ours = model("X1C")
    plain: Any = Conversation(ours)
    plain = json.loads(plain.render(plain.report_key(a_session(), 0.0), 1))["print"]
    wrong: Json = {name: {"x": [[]]} for name in plain if name not in {"command", "device", "ams"}}
    wrong |= {
        "ams": {"tray_now": 7, "version": True, "ams": [{"id": 0}, {"id": "0", "tray": [{"id": 1}]}, 5]},
        "device": {"nozzle": {"info": []}, "extruder": {"state": 2}, "bed_temp": "hot", "connection_type": "cloud"},
        "vir_slot": [{"id": 255}, 3],
        "vt_tray": None,
        "gcode_state": "RUNNING",
        "gcode_file": ["x"],
        "mc_percent": -4,
    }
    mirror = a_mirror(ours, ours)
    conversation = Conversation(ours, mirror)
    conversation.on_report(TargetReport(target="r1", serial="s", print=wrong), 0.0)
    message = json.loads(conversation.render(conversation.report_key(a_session(), 0.0), 1))
    assert report_errors(message, ours.code) == []
    live = {"gcode_state", "gcode_file_prepare_percent", "prepare_per", "online"}
    assert {name for name, value in message["print"].items() if plain[name] != value} == live
    for device in ({}, None, {"nozzle": machine_nozzle(0), "extruder": machine_extruder(2)}):
        shown: Any = mirrored(ours, ours, {"device": device, "ams": None}, units=0)["print"]
        assert shown["device"] == plain["device"]


def machine_nozzle(heads: int) -> Json:
    return {"exist": 0, "state": 0, "info": [{"id": 0}] * heads}


def machine_extruder(heads: int) -> Json:
    fields = dict.fromkeys(("info", "temp", "snow", "spre", "star", "stat", "hnow"), 0)
    return {"state": heads, "info": [{"id": head, "filam_bak": [], **fields} for head in range(heads)]}


def test_a_file_with_which_the_printer_calibrates_itself_is_not_named() -> None:
    machine = a_machine(model("P1S"))
    prints(machine)
    machine.report["gcode_file"] = "/usr/etc/print/auto_cali_for_user.gcode"
    report: Any = a_playbook(model("P1S"), machine=machine).report()
    assert (report["gcode_file"], report["mc_percent"]) == ("", 37)


def test_an_own_job_comes_first_and_its_outcome_stays_for_a_moment() -> None:
    machine = a_machine(model("X1C"))
    prints(machine)
    playbook = a_playbook(model("X1C"), machine=machine)
    playbook.run("""
        ^^ started u1 cube.gcode.3mf
        << push PREPARE 0 "cube"
        ^^ stored u1 cube.gcode.3mf
        << push FINISH 100 "cube"
        .. 5
        >> pushing.pushall
        << push FINISH 100 "cube"
        .. 0.1
        >> pushing.pushall
        << push FINISH 100 "Benchy at 0.0.0.0"
    """)


def test_a_printer_that_is_not_heard_any_more_is_not_shown() -> None:
    machine = a_machine(model("X1C"))
    prints(machine)
    playbook = a_playbook(model("X1C"), machine=machine)
    assert trays(playbook.report())
    playbook.now += FRESH_SECONDS
    assert trays(playbook.report())
    playbook.now += 0.1
    report: Any = playbook.report()
    assert (trays(report), report["gcode_state"], report["mc_percent"]) == ([], "IDLE", 0)
    assert "n3f/0" not in version_of(playbook)
    said = TargetSaid(target="r1", payload={"print": {"command": "pause", "sequence_id": "1"}})
    assert playbook.conversation.on_said(said, playbook.now) == []
    hears(playbook, machine)
    assert trays(playbook.report())


def test_a_printer_without_a_real_one_hears_none() -> None:
    playbook = Playbook()
    hears(playbook, a_machine(model("X1C")))
    assert trays(playbook.report()) == []


def test_equal_reports_are_still_rendered_once() -> None:
    playbook = a_playbook(model("X1C"))
    keys = {playbook.conversation.report_key(a_session(client=f"10.0.0.{host}"), playbook.now) for host in range(9)}
    assert len(keys) == 1


# -- commands -------------------------------------------------------------------------------------------------------


def test_a_query_that_only_the_real_printer_can_answer_is_passed_on_and_answered() -> None:
    a_playbook(model("X1C")).run("""
        >> print.extrusion_cali_get {"filament_id": "", "nozzle_diameter": "0.4", "sequence_id": "20010"}
        << forwards print.extrusion_cali_get
        @@ print.extrusion_cali_get {"sequence_id": "20011", "filaments": []}
        @@ print.extrusion_cali_get {"sequence_id": "20010", "filaments": [{"cali_idx": 1, "sn": "01P00C123456789"}]}
        << print.extrusion_cali_get {"sequence_id": "20010", "filaments": [{"cali_idx": 1, "sn": "00M00A391800001"}]}
        .. 10
    """)


def test_a_query_that_is_not_answered_is_answered_as_empty() -> None:
    a_playbook(model("X1C")).run("""
        >> print.extrusion_cali_get {"filament_id": "", "nozzle_diameter": "0.4"}
        << forwards print.extrusion_cali_get
        .. 3.9
        .. 0.1
        << print.extrusion_cali_get {"sequence_id": "1", "result": "success", "reason": "", "filament_id": "", "nozzle_diameter": "0.4", "filaments": []}
        .. 20
    """)


def test_commands_are_refused_unless_the_real_printer_may_be_controlled() -> None:
    a_playbook(model("X1C")).run("""
        >> print.pause
        << print.pause {"sequence_id": "1", "result": "fail", "reason": "this virtual printer shows a real one, but passes this on to it only if it may control it and is connected"}
        >> system.ledctrl
        << system.ledctrl {"sequence_id": "1", "result": "success", "reason": ""}
    """)


def test_commands_reach_a_real_printer_that_may_be_controlled_and_files_never_do() -> None:
    playbook = a_playbook(model("X1C"), may_control=True)
    playbook.run(r"""
        >> print.pause
        << forwards print.pause
        @@ print.pause {"result": "success"}
        << print.pause {"sequence_id": "1", "result": "success"}
        >> raw {"system": {"command": "ledctrl", "sequence_id": "2"}}\x00
        << forwards system.ledctrl
        .. 4
        << system.ledctrl {"sequence_id": "2", "result": "fail", "reason": "the real printer does not answer"}
        >> upgrade.start
        << upgrade.start {"sequence_id": "1", "result": "fail", "reason": "this virtual printer shows a real one, but passes this on to it only if it may control it and is connected"}
        >> print.project_file {"file": "cube.gcode.3mf", "subtask_name": "c"}
        << print.project_file {"sequence_id": "1", "result": "SUCCESS", "reason": "", "param": "", "subtask_name": "c", "gcode_state": "PREPARE", "gcode_file": "cube.gcode.3mf", "gcode_file_prepare_percent": "0", "msg": 0}
        << asks cube.gcode.3mf None
        << push PREPARE 0 "c"
        >> print.stop
        << print.stop {"sequence_id": "1", "result": "success", "reason": ""}
        << push FINISH 100 "c"
        >> print.stop
        << forwards print.stop
    """)


@pytest.mark.parametrize(
    "frame",
    [
        '{"print": {"command": "project_file"}, "print": {"command": "pause", "sequence_id": "1"}}',
        '{"print": {"command": "pause", "COMMAND": "project_file", "sequence_id": "1"}}',
        '{"print": {"command": "pause", "sequence_id": "1"}, "system": {"command": "ledctrl", "sequence_id": "1"}}',
    ],
)
def test_a_frame_that_could_be_read_otherwise_or_holds_more_is_not_passed_on(frame: str) -> None:
    playbook = a_playbook(model("X1C"), may_control=True)
    said = playbook.conversation.on_request(
        playbook.session, f"device/{playbook.session.serial}/request", frame.encode(), playbook.now
    )
    assert "Forward" not in {type(item).__name__ for item in said}


def test_answers_find_who_asked_though_slicers_count_alike() -> None:
    playbook = a_playbook(model("X1C"), may_control=True)
    one, two = playbook.session, a_session(serial="OLD123", client="10.0.0.2")
    query = json.dumps({"print": {"command": "extrusion_cali_get", "sequence_id": "20000"}}).encode()
    for session in (one, two):
        playbook.conversation.on_request(session, f"device/{session.serial}/request", query, playbook.now)

    def answered(**fields: object) -> list[str]:
        said = TargetSaid(target="r1", payload={"print": {"sequence_id": "20000", **fields}, "t_utc": 5})
        return [reply.topic for _, reply in playbook.conversation.on_said(said, playbook.now)]

    assert answered(command="extrusion_cali_get") == [one.report_topic]
    assert answered() == [two.report_topic]
    assert answered(command="extrusion_cali_get", part=2) == [two.report_topic]
    assert answered(command="extrusion_cali_set") == []
    playbook.conversation.on_left(two)
    assert answered() == [one.report_topic]
    assert not playbook.conversation.overdue(playbook.now + 100)
    assert answered() == []


def test_what_waits_for_an_answer_is_bounded() -> None:
    playbook = a_playbook(model("X1C"))
    for number in range(99):
        playbook.ask({"print": {"command": "extrusion_cali_get", "sequence_id": str(number)}})
    assert len(playbook.conversation.overdue(playbook.now + 4)) == 64
