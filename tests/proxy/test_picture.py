"""What a real printer has said, put together."""

import json
from typing import Any

import pytest

from vprinter_common.wire.report import ReportError
from vprinter_proxy.watch.picture import Picture, Reported, Said, needs_signatures


def push(msg: int | None = 0, **fields: Any) -> bytes:
    return json.dumps({"print": {"command": "push_status", **({} if msg is None else {"msg": msg}), **fields}}).encode()


def test_parts_are_merged_and_after_everything_was_asked_for_the_whole_begins_anew() -> None:
    picture = Picture()
    assert picture.take(push(1, mc_percent=5, gone=1)) == Reported()
    picture.take(push(0, gcode_state="IDLE"))
    assert picture.print == {"command": "push_status", "msg": 0, "gcode_state": "IDLE"}
    picture.take(push(1, mc_percent=6))
    picture.take(push(0, gcode_state="PAUSE"))
    assert (picture.print["mc_percent"], picture.print["gcode_state"]) == (6, "PAUSE")
    picture.expect_whole()
    picture.take(push(None, gcode_state="RUNNING"))
    assert "mc_percent" not in picture.print


def test_answers_are_told_from_reports_and_from_what_nobody_needs() -> None:
    picture = Picture()
    answer = {"print": {"command": "pause", "sequence_id": "1"}}
    assert picture.take(json.dumps(answer).encode()) == Said(answer)
    assert picture.take(b'{"info": {"command": "get_version", "result": "fail"}}') == Said(
        {"info": {"command": "get_version", "result": "fail"}}
    )
    assert picture.take(b'{"mc_print": {"command": "push_info"}}') is None
    with pytest.raises(ReportError):
        picture.take(b"[]")


def test_its_figures_are_what_a_status_shows() -> None:
    picture = Picture()
    assert picture.figures()["firmware"] == ""
    modules = [5, {"name": "mc", "sw_ver": "1"}, {"name": "ota", "sw_ver": "01.02.00.00"}]
    picture.take(json.dumps({"info": {"command": "get_version", "module": modules}}).encode())
    picture.take(
        push(
            gcode_state="RUNNING",
            subtask_name="Benchy",
            mc_percent=True,
            mc_remaining_time=95,
            layer_num=3,
            total_layer_num=140,
            nozzle_temper=219.5,
            bed_temper=60,
            device={"ctc": {"info": {"temp": 45 << 16 | 38}}},
        )
    )
    assert picture.figures() == {
        "firmware": "01.02.00.00",
        "state": "RUNNING",
        "job": "Benchy",
        "percent": None,
        "remaining_minutes": 95,
        "layer": 3,
        "layers": 140,
        "nozzle_celsius": 219.5,
        "bed_celsius": 60.0,
        "chamber_celsius": 38.0,
    }
    picture.take(push(1, chamber_temper=31, gcode_state=5, nozzle_temper="hot"))
    assert (picture.figures()["chamber_celsius"], picture.figures()["state"]) == (31.0, "")
    assert picture.figures()["nozzle_celsius"] is None
    picture.take(push(1, chamber_temper=5))
    assert picture.figures()["chamber_celsius"] is None
    picture.modules = ({"name": "mc", "sw_ver": "1"},)
    assert picture.figures()["firmware"] == ""
    assert Picture().figures()["chamber_celsius"] is None


@pytest.mark.parametrize(("fun", "needed"), [("20000000", True), ("410FFF9CFF", False), (None, None), ("none", None)])
def test_whether_commands_must_be_signed_stands_in_one_bit(fun: object, needed: bool | None) -> None:
    assert needs_signatures(fun) is needed
