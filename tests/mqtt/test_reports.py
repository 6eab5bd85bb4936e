"""The reports of every model: right in type for the slicers, and true to the catalog."""

import json
from enum import StrEnum
from time import process_time
from typing import Any

import pytest

from tests.mqtt.playbook import Playbook, a_session, an_upload
from vprinter_common.catalog import MODELS, Model, ReportStyle, model
from vprinter_mqtt.conversation import Conversation
from vprinter_mqtt.job import View
from vprinter_mqtt.reports.looks import LOOKS
from vprinter_mqtt.reports.modules import BOARDS, modules
from vprinter_mqtt.reports.push_status import push_status
from vprinter_mqtt.reports.template import Template

every_model = pytest.mark.parametrize("of", MODELS, ids=lambda of: of.code)


def report_of(of: Model) -> dict[str, Any]:
    return Playbook(of=of).report()


def test_the_tables_know_every_model() -> None:
    codes = {of.code for of in MODELS}
    assert set(LOOKS) == codes
    assert set(BOARDS) == codes


@every_model
def test_the_report_passes_the_slicers_check_in_every_state(of: Model) -> None:
    playbook = Playbook(of=of)
    assert playbook.report()["gcode_state"] == "IDLE"
    for phase, state in (("started", "PREPARE"), ("failed", "FAILED"), ("stored", "FINISH")):
        playbook.conversation.on_upload([playbook.session], an_upload(phase), 0.0)
        assert playbook.report()["gcode_state"] == state


@every_model
def test_flags_are_the_catalogs(of: Model) -> None:
    report = report_of(of)
    assert report["home_flag"] == of.flags.home_flag
    for name in ("fun", "fun2", "cfg", "aux", "stat", "flag3"):
        assert report.get(name) == getattr(of.flags, name)


@every_model
def test_heads_are_the_catalogs(of: Model) -> None:
    report = report_of(of)
    if of.report is ReportStyle.LEGACY:
        assert "device" not in report
        assert report["vt_tray"]["id"] == "254"
    else:
        assert len(report["device"]["extruder"]["info"]) == of.nozzles
        assert ("holder" in report["device"]) == (of.product_name == "Bambu Lab H2C")


@every_model
def test_the_advertised_address_is_the_only_one(of: Model) -> None:
    report = report_of(of)
    assert [entry["ip"] for entry in report["net"]["info"]] == [2248124608]
    assert "rtsp_url" not in report["ipcam"]


def test_the_percent_stands_in_both_fields_where_there_are_two() -> None:
    playbook = Playbook(of=model("H2D"))
    playbook.conversation.on_upload([playbook.session], an_upload("progress", received=1, total=4), 0.0)
    report = playbook.report()
    assert (report["gcode_file_prepare_percent"], report["prepare_per"]) == ("25", 25)


def test_reports_are_counted_and_indented_by_four() -> None:
    conversation = Conversation(model("P1S"))
    payload = conversation.render(conversation.report_key(a_session(), 0.0), 17)
    assert payload.startswith(b'{\n    "print": {\n        "command": "push_status"')
    assert json.loads(payload)["print"]["sequence_id"] == "17"
    assert payload == json.dumps(json.loads(payload), indent=4).encode()


def test_names_with_quotes_and_other_scripts_stay_what_they_are() -> None:
    conversation = Conversation(model("X1C"))
    key = conversation.report_key(a_session(), 0.0)
    view = View(key.view.gcode_state, 0, 'a"@serial@"\\.3mf', "Würfel 日本\ud800")
    report = json.loads(conversation.render(key._replace(view=view), 1))["print"]
    assert (report["gcode_file"], report["subtask_name"]) == ('a"@serial@"\\.3mf', "Würfel 日本?")


@every_model
def test_rendering_costs_far_less_than_half_a_millisecond(of: Model) -> None:
    conversation = Conversation(of)
    key = conversation.report_key(a_session(), 0.0)
    begun = process_time()
    for sequence in range(200):
        conversation.render(key, sequence)
    assert (process_time() - begun) / 200 < 0.0005


def test_a_template_is_filled_as_if_its_values_had_stood_there() -> None:
    class Hole(StrEnum):
        ONE = "@one@"
        TWO = "@two@"

    template = Template({"a": Hole.ONE, "b": [Hole.TWO, Hole.ONE], "c": "@other@"}, Hole)
    filled = template.fill({Hole.ONE: "x", Hole.TWO: 2})
    assert json.loads(filled) == {"a": "x", "b": [2, "x"], "c": "@other@"}
    with pytest.raises(KeyError):
        template.fill({Hole.ONE: "x"})


def test_older_tools_find_the_project_name_of_legacy_models_only() -> None:
    assert {module["project_name"] for module in modules(model("P1S"), "s")} == {"C12"}
    assert not any("project_name" in module for module in modules(model("X1C"), "s"))


def test_building_a_report_twice_gives_two_reports() -> None:
    assert push_status(model("X1C")) == push_status(model("X1C"))
    assert push_status(model("X1C")) is not push_status(model("X1C"))


def test_a_report_that_was_kept_differs_in_its_sequence_id_only() -> None:
    conversation = Conversation(model("BL-P001"))
    key = conversation.report_key(a_session(), 0.0)
    view = View(key.view.gcode_state, 0, '"@sequence@".3mf', '@sequence@"')
    key = key._replace(view=view)
    first, second = (json.loads(conversation.render(key, sequence))["print"] for sequence in (9, 10))
    assert (first.pop("sequence_id"), second.pop("sequence_id")) == ("9", "10")
    assert first == second
    assert (first["gcode_file"], first["subtask_name"]) == ('"@sequence@".3mf', '@sequence@"')
