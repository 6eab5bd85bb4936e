"""Recorded conversations: each slicer's order of doing things, and what the printer says to it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mqtt.playbook import CLIENT, CODE, SERIAL, Playbook, a_session, an_upload
from tests.simulators.report_rules import report_errors
from vprinter_common.catalog import MODELS, Model, model
from vprinter_mqtt.answers import POLICIES, Policy
from vprinter_mqtt.conversation import MAX_STORED, Conversation, Ignored, PrintRequested, PushNow, Reply

every_model = pytest.mark.parametrize("of", MODELS, ids=lambda of: of.code)


def test_studio_2_7_sends_the_file_and_then_asks_to_print_it() -> None:
    Playbook().run("""
        >> pushing.pushall {"version": 1, "push_target": 1}
        << push IDLE 0 ""
        ^^ started v verify_job
        ^^ stored v verify_job
        ^^ started u1 cube.gcode.3mf 0/4000
        << push PREPARE 0 "cube"
        .. 0.5
        ^^ progress u1 cube.gcode.3mf 3999/4000
        .. 0.5
        >> pushing.pushall
        << push PREPARE 99 "cube"
        ^^ stored u1 cube.gcode.3mf 4000/4000
        << push FINISH 100 "cube"
        >> print.project_file {"sequence_id": "20001", "file": "cube.gcode.3mf", "subtask_name": "My cube", "param": "Metadata/plate_2.gcode"}
        << print.project_file {"sequence_id": "20001", "result": "SUCCESS", "reason": "", "param": "Metadata/plate_2.gcode", "subtask_name": "My cube", "gcode_state": "PREPARE", "gcode_file": "cube.gcode.3mf", "gcode_file_prepare_percent": "0", "msg": 0}
        << asks cube.gcode.3mf 2
        << push PREPARE 0 "My cube"
        .. 1
        .. 0.5
        << push FINISH 100 "My cube"
        .. 3600
        >> pushing.pushall
        << push FINISH 100 "My cube"
    """)


def test_older_studio_asks_to_print_and_then_sends_the_file() -> None:
    Playbook().run("""
        >> print.project_file {"sequence_id": "20001", "url": "ftp://cube.gcode.3mf", "subtask_name": "cube", "param": "Metadata/plate_1.gcode"}
        << print.project_file {"sequence_id": "20001", "result": "SUCCESS", "reason": "", "param": "Metadata/plate_1.gcode", "subtask_name": "cube", "gcode_state": "PREPARE", "gcode_file": "cube.gcode.3mf", "gcode_file_prepare_percent": "0", "msg": 0}
        << asks cube.gcode.3mf 1
        << push PREPARE 0 "cube"
        .. 2
        ^^ started u1 cube.gcode.3mf
        ^^ progress u1 cube.gcode.3mf 31457280/67108864
        .. 60
        >> pushing.pushall
        << push PREPARE 46 "cube"
        ^^ stored u1 cube.gcode.3mf
        << push FINISH 100 "cube"
    """)


def test_send_leaves_only_the_file() -> None:
    Playbook().run("""
        ^^ started u1 cube.gcode.3mf
        << push PREPARE 0 "cube"
        ^^ stored u1 cube.gcode.3mf
        << push FINISH 100 "cube"
        .. 600
    """)


def test_orca_ends_its_payloads_with_nul() -> None:
    Playbook().run(r"""
        >> raw {"pushing": {"sequence_id": "20014", "command": "pushall"}}\x00
        << push IDLE 0 ""
        >> raw {"system": {"sequence_id": "20015", "command": "ledctrl"}}\x00
        << system.ledctrl {"sequence_id": "20015", "result": "success", "reason": ""}
    """)


def test_the_news_of_the_file_may_come_after_the_wish_to_print_it() -> None:
    Playbook().run("""
        ^^ started u1 cube.gcode.3mf
        << push PREPARE 0 "cube"
        >> print.project_file {"file": "cube.gcode.3mf", "subtask_name": "c"}
        << print.project_file {"sequence_id": "1", "result": "SUCCESS", "reason": "", "param": "", "subtask_name": "c", "gcode_state": "PREPARE", "gcode_file": "cube.gcode.3mf", "gcode_file_prepare_percent": "0", "msg": 0}
        << asks cube.gcode.3mf None
        << push PREPARE 0 "c"
        ^^ stored u1 cube.gcode.3mf
        .. 1.4
        .. 0.2
        << push FINISH 100 "c"
    """)


def test_a_broken_upload_is_shown_as_failed_and_the_next_attempt_as_any_other() -> None:
    Playbook().run("""
        ^^ started u1 cube.gcode.3mf
        << push PREPARE 0 "cube"
        ^^ failed u1 cube.gcode.3mf
        << push FAILED 0 "cube"
        .. 600
        ^^ started u2 cube.gcode.3mf
        << push PREPARE 0 "cube"
        ^^ stored u2 cube.gcode.3mf
        << push FINISH 100 "cube"
    """)


def test_a_file_that_never_arrives_does_not_keep_the_dialog_waiting_for_ever() -> None:
    Playbook().run("""
        >> print.gcode_file {"param": "/sdcard/plain.gcode"}
        << print.gcode_file {"sequence_id": "1", "result": "SUCCESS", "reason": "", "param": "/sdcard/plain.gcode", "subtask_name": "plain", "gcode_state": "PREPARE", "gcode_file": "plain.gcode", "gcode_file_prepare_percent": "0", "msg": 0}
        << asks plain.gcode None
        << push PREPARE 0 "plain"
        .. 119
        .. 1
        << push FINISH 100 "plain"
    """)


def test_a_stop_ends_the_waiting_but_never_in_idle() -> None:
    Playbook().run("""
        >> print.stop {"sequence_id": "99999"}
        << print.stop {"sequence_id": "99999", "result": "success", "reason": ""}
        << push IDLE 0 ""
        ^^ started u1 cube.gcode.3mf
        << push PREPARE 0 "cube"
        >> print.stop {"sequence_id": "99999"}
        << print.stop {"sequence_id": "99999", "result": "success", "reason": ""}
        << push FINISH 100 "cube"
        ^^ progress u1 cube.gcode.3mf
        ^^ stored u1 cube.gcode.3mf
    """)


def test_queries_are_answered_with_nothing_but_in_the_right_shape() -> None:
    Playbook().run("""
        >> print.extrusion_cali_get {"sequence_id": "20016", "filament_id": "", "nozzle_diameter": "0.4"}
        << print.extrusion_cali_get {"sequence_id": "20016", "result": "success", "reason": "", "filament_id": "", "nozzle_diameter": "0.4", "filaments": []}
        >> print.flowrate_get_result {"nozzle_diameter": 0.4}
        << print.flowrate_get_result {"sequence_id": "1", "result": "success", "reason": "", "nozzle_diameter": 0.4, "filaments": []}
        >> camera.ipcam_get_media_info
        << camera.ipcam_get_media_info {"sequence_id": "1", "result": 0, "reason": ""}
        >> upgrade.get_history
        << upgrade.get_history {"sequence_id": "1", "result": "success", "reason": "", "firmware_optional": []}
    """)


def test_the_access_code_is_the_one_that_the_slicer_came_in_with() -> None:
    Playbook().run(f"""
        >> system.get_access_code {{"sequence_id": "2"}}
        << system.get_access_code {{"sequence_id": "2", "result": "success", "reason": "", "access_code": "{CODE}"}}
    """)


def test_what_would_mislead_is_refused_and_what_does_no_harm_is_agreed_to() -> None:
    Playbook().run("""
        >> print.gcode_line {"param": "G28"}
        << print.gcode_line {"sequence_id": "1", "result": "fail", "reason": "a virtual printer has no hardware for this"}
        >> print.pause
        << print.pause {"sequence_id": "1", "result": "fail", "reason": "a virtual printer has no hardware for this"}
        >> print.print_speed {"param": "2"}
        << print.print_speed {"sequence_id": "1", "result": "success", "reason": ""}
        >> xcam.xcam_control_set
        << xcam.xcam_control_set {"sequence_id": "1", "result": "success", "reason": ""}
    """)


def test_what_a_printer_does_not_know_it_meets_with_silence() -> None:
    Playbook().run("""
        >> pushing.stop
        >> security.app_cert_install {"app_cert": "-----BEGIN"}
        >> print.dance
        << ignored unknown command print.dance
        >> liveview.prepare
        << ignored no known section in the frame
        >> raw nonsense
        << ignored payload is not JSON: Expecting value: line 1 column 1 (char 0)
        >> raw {"print": []}
        << ignored print without a command
        >> raw {"print": {"command": ["stop"]}}
        << ignored print without a command
    """)


def test_a_wish_to_print_nothing_is_refused_and_changes_nothing() -> None:
    Playbook().run("""
        >> print.project_file {"param": "Metadata/plate_1.gcode"}
        << print.project_file {"sequence_id": "1", "result": "fail", "reason": "the request names no file"}
        >> pushing.start
        << push IDLE 0 ""
    """)


def test_a_second_wish_to_print_starts_the_wait_again() -> None:
    playbook = Playbook()
    playbook.conversation.on_upload([], an_upload("stored"), playbook.now)
    asked = {"print": {"command": "project_file", "file": "cube.gcode.3mf", "subtask_name": "cube"}}
    playbook.ask(asked)
    playbook.now += 1.0
    playbook.ask(asked)
    playbook.run("""
        .. 1.4
        .. 0.2
        << push FINISH 100 "cube"
    """)


def test_a_frame_with_two_sections_is_two_requests_and_one_report() -> None:
    playbook = Playbook()
    said = playbook.ask(
        {
            "pushing": {"command": "pushall", "sequence_id": "1"},
            "info": {"command": "get_version", "sequence_id": "2"},
            "print": {"command": "stop", "sequence_id": "3"},
            "user_id": "123",
        }
    )
    assert [type(item) for item in said] == [Reply, Reply, PushNow]


def test_a_signed_frame_is_taken_as_if_it_were_not() -> None:
    header = {"cert_id": "x", "payload_len": 98, "sign_alg": "RSA_SHA256", "sign_string": "AA==", "sign_ver": "v1.0"}
    frame = {"print": {"command": "stop", "sequence_id": "3"}, "header": header}
    reply, _push = Playbook().ask(frame)
    assert isinstance(reply, Reply)
    assert reply.message == {"print": {"command": "stop", "sequence_id": "3", "result": "success", "reason": ""}}


def test_a_stale_serial_is_answered_under_that_serial() -> None:
    playbook = Playbook(of=model("P2S"))
    playbook.session.on_subscribe("device/01P00A000000009/report")
    said = playbook.conversation.on_request(
        playbook.session, "device/01P00A000000010/request", b'{"info": {"command": "get_version"}}', 0.0
    )
    (reply,) = said
    assert isinstance(reply, Reply)
    assert reply.topic == "device/01P00A000000010/report"
    assert {module["sn"] for module in reply.message["info"]["module"]} == {"01P00A000000010"}  # type: ignore[index]
    assert playbook.report()["upgrade_state"]["sn"] == "01P00A000000010"  # type: ignore[index]


@pytest.mark.parametrize("topic", ["device/x/report", "device/a/b/request", "nonsense", "device/a b/request", ""])
def test_a_topic_that_is_not_for_requests_is_ignored(topic: str) -> None:
    playbook = Playbook()
    (said,) = playbook.conversation.on_request(playbook.session, topic, b"{}", 0.0)
    assert isinstance(said, Ignored)
    assert playbook.session.serial == SERIAL


@every_model
def test_get_version_of_every_model_passes_the_slicers_check(of: Model) -> None:
    (reply,) = Playbook(of=of).ask({"info": {"command": "get_version", "sequence_id": "20015"}})
    assert isinstance(reply, Reply)
    assert report_errors(reply.message, of.code) == []
    info = reply.message["info"]
    assert isinstance(info, dict)
    assert info["sequence_id"] == "20015"
    ota = info["module"][0]
    assert (ota["name"], ota["sw_ver"], ota["product_name"]) == ("ota", of.firmware, of.version_name)


@every_model
@pytest.mark.parametrize("section", POLICIES)
def test_every_known_command_is_followed_for_every_model(of: Model, section: str) -> None:
    for command, policy in POLICIES[section].items():
        playbook = Playbook(of=of)
        said = playbook.ask({section: {"command": command, "sequence_id": "7", "file": "a.3mf"}})
        assert not any(isinstance(item, Ignored) for item in said)
        replies = [item for item in said if isinstance(item, Reply)]
        assert len(replies) == (0 if policy in {Policy.PUSH, Policy.SILENT} else 1)
        for reply in replies:
            assert reply.message[section]["command"] == command  # type: ignore[index]
            assert reply.message[section]["sequence_id"] == "7"  # type: ignore[index]
            assert report_errors(reply.message, of.code) == []


def test_the_access_code_is_in_no_repr() -> None:
    playbook = Playbook()
    said = playbook.ask({"system": {"command": "get_access_code"}})
    assert CODE not in repr(said)
    assert CODE not in repr(playbook.session)


def test_two_slicers_never_see_each_others_job() -> None:
    conversation = Conversation(model("X1C"))
    one, two = a_session(client="10.0.0.1"), a_session(client="10.0.0.2")
    for session, name in ((one, "one"), (two, "two")):
        frame = {"print": {"command": "project_file", "file": "cube.gcode.3mf", "subtask_name": name}}
        conversation.on_request(session, f"device/{SERIAL}/request", json.dumps(frame).encode(), 0.0)
    uploads = [
        an_upload("started", "u2", client="10.0.0.2"),
        an_upload("progress", "u2", client="10.0.0.2", received=1, total=2),
        an_upload("started", "u1", client="10.0.0.1"),
    ]
    for upload in uploads:
        conversation.on_upload([one, two], upload, 1.0)
    views = [conversation.report_key(session, 0.0).view for session in (one, two)]
    assert [(view.subtask_name, view.percent) for view in views] == [("one", 0), ("two", 50)]


def test_idle_slicers_share_one_rendering() -> None:
    conversation = Conversation(model("X1C"))
    keys = {conversation.report_key(a_session(client=f"10.0.0.{host}"), 0.0) for host in range(200)}
    assert len(keys) == 1


def test_an_upload_of_nobody_known_is_remembered_as_stored_all_the_same() -> None:
    playbook = Playbook()
    assert playbook.conversation.on_upload([], an_upload("stored", client="10.9.9.9"), 0.0) == []
    playbook.ask({"print": {"command": "project_file", "file": "cube.gcode.3mf"}})
    playbook.run("""
        .. 1.5
        << push FINISH 100 "cube"
    """)


def test_only_so_many_stored_names_are_remembered() -> None:
    playbook = Playbook()
    for index in range(MAX_STORED + 1):
        playbook.conversation.on_upload([], an_upload("stored", f"u{index}", f"{index}.3mf"), 0.0)
    playbook.ask({"print": {"command": "project_file", "file": "0.3mf"}})
    playbook.run(".. 1.5")
    playbook.ask({"print": {"command": "project_file", "file": "1.3mf"}})
    playbook.run("""
        .. 1.5
        << push FINISH 100 "1"
    """)


def test_a_project_file_is_handed_on_whole() -> None:
    frame = {"print": {"command": "project_file", "file": "a.3mf", "bed_type": "cool_plate", "use_ams": 0}}
    asked = [item for item in Playbook().ask(frame) if isinstance(item, PrintRequested)]
    assert [item.project.options for item in asked] == [{"bed_type": "cool_plate", "use_ams": 0}]


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
known_bodies = st.sampled_from([(section, command) for section, table in POLICIES.items() for command in table])
FIELDS = ("sequence_id", "file", "url", "param", "subtask_name", "filament_id", "nozzle_diameter", "ams_mapping")


@given(known_bodies, st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, garbage)))
def test_garbage_in_any_field_never_raises_and_leaves_a_sound_report(
    known: tuple[str, str], fields: dict[str, object]
) -> None:
    playbook = Playbook()
    section, command = known
    for item in playbook.ask({section: {"command": command} | fields}):
        if isinstance(item, Reply):
            assert report_errors(json.loads(item.payload), "BL-P001") == []
    playbook.report()


@given(st.binary(max_size=100) | garbage.map(lambda value: json.dumps(value).encode()))
def test_garbage_frames_never_raise(payload: bytes) -> None:
    playbook = Playbook()
    playbook.conversation.on_request(playbook.session, f"device/{SERIAL}/request", payload, 0.0)
    assert playbook.session.client == CLIENT
