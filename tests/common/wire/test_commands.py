"""What a request means, for the decision whether it may pass."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.commands import COMMANDS, MAX_DETAIL, MAX_LABEL, Command, Kind, commands_in, refusal
from vprinter_mqtt.answers import POLICIES

QUESTIONS = {
    *("pushing.pushall", "pushing.start", "pushing.stop", "info.get_version", "upgrade.get_history"),
    *("print.extrusion_cali_get", "print.extrusion_cali_get_result", "print.flowrate_get_result"),
    *("print.get_auto_nozzle_mapping", "system.get_access_code", "system.get_accessories"),
    *("camera.ipcam_get_media_info", "security.app_cert_install", "security.app_cert_list"),
}


def request(section: str, command: str, **fields: Any) -> bytes:
    return json.dumps({section: {"sequence_id": "20001", "command": command, **fields}}).encode()


def only(payload: bytes) -> Command:
    (command,) = commands_in(payload)
    return command


def test_what_the_emulated_printer_knows_and_what_relays_know_is_the_same() -> None:
    known = {(section, name) for section, table in POLICIES.items() for name in table}
    assert {(section, name) for section, table in COMMANDS.items() for name in table} == known


@pytest.mark.parametrize(
    ("section", "name", "kind"), [(section, *row) for section, table in COMMANDS.items() for row in table.items()]
)
def test_a_command_of_the_table_is_known_by_section_and_name(section: str, name: str, kind: Kind) -> None:
    command = only(request(section, name))
    assert (command.label, command.kind, command.known) == (f"{section}.{name}", kind, True)
    assert (kind is Kind.VIEW) == (command.label in QUESTIONS)
    assert not only(request("other", name)).known


def test_a_signature_beside_the_command_is_no_command() -> None:
    frame = {"header": {"sign_string": "x"}, "user_id": "1", "print": {"command": "stop"}}
    assert only(json.dumps(frame).encode()).label == "print.stop"


def test_the_end_of_a_c_string_is_no_part_of_a_request() -> None:
    assert only(request("print", "stop") + b"\n\0").known


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\0",
        b"{}",
        b"[]",
        b"7",
        b"{",
        b'{"print":1}',
        b'{"header":{"command":"get_version"}}',
        b'{"info":{"command":"get_version"}} trailing',
        b'{"info":{"command":"get_version"}}\0{"print":{"command":"stop"}}',
        b'\xef\xbb\xbf{"info":{"command":"get_version"}}',
        '{"info":{"command":"get_version"}}'.encode("utf-16"),
        b'{"info":\xff}',
        b'{"a":' * 5_000,
        b'{"info":{"command":"get_version"},"info":{"command":"stop"}}',
        b'{"print":{"command":"extrusion_cali_get"},"PRINT":{"command":"stop"}}',
        b'{"print":{"command":"extrusion_cali_get"},"print\\u0000x":{"command":"stop"}}',
    ],
)
def test_what_readers_may_take_differently_counts_as_control(payload: bytes) -> None:
    command = only(payload)
    assert (command.label, command.kind, command.known) == ("unreadable", Kind.CONTROL, False)
    assert refusal([command], "no") is None


@pytest.mark.parametrize(
    ("payload", "label"),
    [
        (b'{"info":{"command":"get_version","Command":"x"}}', "info.get_version"),
        (b'{"info":{"command":"get_version","command\\u0000":"x"}}', "info.get_version"),
        (b'{"info":{"Command":"get_version"}}', "info"),
        (b'{"info":{"command":["get_version"]}}', "info"),
        (b'{"info":[{"command":"get_version"}]}', "info"),
        (b'{"Info":{"command":"get_version"}}', "Info.get_version"),
        (b'{"info":{"command":"get_version "}}', "info.get_version"),
        (b'{"liveview":{"command":"init"}}', "liveview.init"),
        (b'{"print":{"command":"a\\u0007b\\u2028"}}', "print.a b"),
    ],
)
def test_an_unknown_command_counts_as_control(payload: bytes, label: str) -> None:
    command = only(payload)
    assert (command.label, command.kind, command.known) == (label, Kind.CONTROL, False)


def test_each_section_of_a_request_is_a_command() -> None:
    frame = {"pushing": {"command": "pushall"}, "system": {"command": "ledctrl"}, "odd": ["x"]}
    commands = commands_in(json.dumps(frame).encode())
    assert [(each.label, each.kind) for each in commands] == [
        ("pushing.pushall", Kind.VIEW),
        ("system.ledctrl", Kind.CONTROL),
        ("odd", Kind.CONTROL),
    ]


@pytest.mark.parametrize(
    ("payload", "detail"),
    [
        (request("print", "project_file", file="a.gcode.3mf", url="https://x/?token=secret"), "a.gcode.3mf"),
        (request("print", "project_file", url="ftp://b.3mf", param="Metadata/plate_2.gcode"), "b.3mf"),
        (request("print", "gcode_file", param="/cache/c.gcode"), "c.gcode"),
        (request("print", "gcode_line", param="G28\nG1 X1\n"), "param G28 G1 X1"),
        (request("print", "print_speed", param="2"), "param 2"),
        (request("system", "ledctrl", led_node="chamber_light", led_mode="on"), "led_node chamber_light, led_mode on"),
        (request("print", "ams_change_filament", target=3, ams_id=0, secret="s"), "target 3, ams_id 0"),
        (request("print", "set_fan", speed={"a": 1}, temp=None), ""),
        (request("mystery", "set_fan", param="secret"), ""),
        (request("print", "gcode_line", param="x" * 9999), "param " + "x" * (MAX_DETAIL - 6)),
    ],
)
def test_the_trail_says_what_a_command_is_about(payload: bytes, detail: str) -> None:
    assert only(payload).detail == detail


def test_a_label_is_short() -> None:
    assert len(only(request("print", "x" * 999)).label) == MAX_LABEL


def test_a_refusal_answers_each_section_as_the_printer_would() -> None:
    frame = {
        "print": {"command": "stop", "sequence_id": "7"},
        "odd": {"command": "x", "sequence_id": 9},
        "none": {"sequence_id": "8"},
    }
    answer = refusal(commands_in(json.dumps(frame).encode()), "not allowed")
    assert answer is not None
    assert answer.startswith(b'{\n    "print": {\n        "command": "stop",'), "indented as slicers want it"
    assert json.loads(answer) == {
        "print": {"command": "stop", "sequence_id": "7", "result": "fail", "reason": "not allowed"},
        "odd": {"command": "x", "sequence_id": 9, "result": "fail", "reason": "not allowed"},
    }


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_no_payload_makes_it_fail_or_say_nothing(payload: bytes) -> None:
    for data in (payload, b'{"print":' + payload + b"}", b'{"print":{"command":"stop","param":' + payload + b"}}"):
        commands = commands_in(data)
        assert commands
        refusal(commands, "no")
