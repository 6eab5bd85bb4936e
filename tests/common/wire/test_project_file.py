"""The slicer's request to print: every shape seen, and garbage."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.project_file import MAX_MAPPING, MAX_NAME, AmsSlot, Choice, ProjectFile, bare_name, parse

STUDIO: dict[str, object] = {
    "command": "project_file",
    "sequence_id": "20001",
    "file": "cube.gcode.3mf",
    "subtask_name": "cube",
    "url": "ftp://cube.gcode.3mf",
    "param": "Metadata/plate_2.gcode",
    "md5": "from_sd_card",
    "bed_type": "textured_plate",
    "timelapse": False,
    "bed_leveling": True,
    "auto_bed_leveling": 2,
    "flow_cali": False,
    "extrude_cali_flag": 2,
    "vibration_cali": 1,
    "layer_inspect": 0,
    "nozzle_offset_cali": 2,
    "use_ams": True,
    "ams_mapping": [0, -1, 255],
    "ams_mapping2": [{"ams_id": 0, "slot_id": 3}, {"ams_id": 255, "slot_id": 255}],
    "nozzle_mapping": [1],
}


def test_a_request_of_studio_is_read_whole() -> None:
    assert parse(STUDIO) == ProjectFile(
        filename="cube.gcode.3mf",
        subtask_name="cube",
        url="ftp://cube.gcode.3mf",
        param="Metadata/plate_2.gcode",
        plate=2,
        bed_type="textured_plate",
        timelapse=Choice.OFF,
        bed_leveling=Choice.AUTO,
        flow_cali=Choice.AUTO,
        vibration_cali=Choice.ON,
        layer_inspect=Choice.OFF,
        nozzle_offset_cali=Choice.AUTO,
        use_ams=Choice.ON,
        ams_mapping=(0, -1, 255),
        ams_mapping2=(AmsSlot(0, 3), AmsSlot(255, 255)),
        nozzle_mapping=(1,),
    )


def test_options_are_json_under_the_slicers_names() -> None:
    assert parse(STUDIO).options == {
        "bed_type": "textured_plate",
        "timelapse": 0,
        "bed_leveling": 2,
        "flow_cali": 2,
        "vibration_cali": 1,
        "layer_inspect": 0,
        "nozzle_offset_cali": 2,
        "use_ams": 1,
        "ams_mapping": [0, -1, 255],
        "ams_mapping2": [{"ams_id": 0, "slot_id": 3}, {"ams_id": 255, "slot_id": 255}],
        "nozzle_mapping": [1],
    }


def test_an_empty_request_has_no_options_and_no_file() -> None:
    empty = parse({})
    assert empty.options == {}
    assert (empty.filename, empty.subtask_name, empty.plate) == ("", "", None)


def test_older_slicers_give_plain_options_only() -> None:
    older = parse({"bed_leveling": True, "flow_cali": 0})
    assert (older.bed_leveling, older.flow_cali, older.use_ams) == (Choice.ON, Choice.OFF, None)


@pytest.mark.parametrize(
    ("section", "filename"),
    [
        ({"file": "a.3mf", "url": "ftp://b.3mf"}, "a.3mf"),
        ({"file": "/sdcard/model/a.3mf"}, "a.3mf"),
        ({"file": "C:\\prints\\a.3mf"}, "a.3mf"),
        ({"file": "..", "url": "ftp://b.3mf"}, "b.3mf"),
        ({"url": "ftp://b.3mf"}, "b.3mf"),
        ({"url": "ftp:///my%20cube.3mf"}, "my cube.3mf"),
        ({"url": "ftp://50% infill.3mf"}, "50% infill.3mf"),
        ({"url": "ftp://why?#1.3mf"}, "why?#1.3mf"),
        ({"url": "brtc://emmc/b.3mf"}, "b.3mf"),
        ({"url": "file:///sdcard/cache/b.3mf"}, "b.3mf"),
        ({"url": "https://cloud.example/x/b.3mf?at=1&sig=%2F#top"}, "b.3mf"),
        ({"url_enc": "bm8=", "subtask_name": "job"}, "job.gcode.3mf"),
        ({"subtask_name": "job.3mf"}, "job.gcode.3mf"),
        ({"command": "gcode_file", "param": "/sdcard/plain.gcode"}, "plain.gcode"),
        ({"param": "Metadata/plate_1.gcode"}, ""),
        ({"file": "Würfel　日本.3mf"}, "Würfel　日本.3mf"),
        ({"file": "a\r\nb\0\ud800.3mf"}, "ab.3mf"),
        ({"file": 7, "url": ["x"], "subtask_name": None}, ""),
    ],
)
def test_the_file_name_is_found_where_it_stands(section: dict[str, object], filename: str) -> None:
    assert parse(section).filename == filename


@pytest.mark.parametrize(
    ("param", "plate"),
    [
        ("Metadata/plate_1.gcode", 1),
        ("Metadata/plate_36.gcode", 36),
        ("plate_3.gcode", 3),
        ("Metadata/plate_0.gcode", None),
        ("Metadata/plate_9999.gcode", None),
        ("Metadata/plate_x.gcode", None),
        ("", None),
    ],
)
def test_the_plate_is_read_from_the_parameter(param: str, plate: int | None) -> None:
    assert parse({"param": param}).plate == plate


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        (True, Choice.ON),
        (False, Choice.OFF),
        (0, Choice.OFF),
        (1, Choice.ON),
        (2, Choice.AUTO),
        ("1", Choice.ON),
        (3, None),
        (-1, None),
        ("true", None),
        (1.0, None),
        (None, None),
        ([1], None),
    ],
)
def test_options_come_as_booleans_or_numbers(value: object, choice: Choice | None) -> None:
    assert parse({"use_ams": value}).use_ams is choice


@pytest.mark.parametrize(
    ("value", "mapping"),
    [
        ([0, 1], (0, 1)),
        ("[0, -1]", (0, -1)),
        ("[0, ", ()),
        ("7", ()),
        ("[" * 3000, ()),
        ("[0]" + " " * 10_000, ()),
        ([0, None], ()),
        ([1 << 40], ()),
        ({"0": 1}, ()),
        (list(range(1000)), tuple(range(MAX_MAPPING))),
    ],
)
def test_mappings_come_as_lists_or_as_json_text(value: object, mapping: tuple[int, ...]) -> None:
    assert parse({"ams_mapping": value}).ams_mapping == mapping


def test_a_slot_without_numbers_is_the_external_spool() -> None:
    section = {"ams_mapping2": '[{"ams_id": 1}, {"slot_id": 2}, 5]'}
    assert parse(section).ams_mapping2 == (AmsSlot(1, 255), AmsSlot(255, 2))


def test_long_texts_are_cut() -> None:
    long = parse(dict.fromkeys(("file", "subtask_name", "url", "param", "bed_type"), "x" * 10000))
    assert len(long.filename) == len(long.subtask_name) == MAX_NAME
    assert len(long.url) == len(long.param) == 1024
    assert len(long.bed_type) == 64
    assert len(parse({"subtask_name": "x" * 10_000}).filename) == MAX_NAME


@pytest.mark.parametrize(
    ("filename", "bare"),
    [("a.gcode.3mf", "a"), ("a.3MF", "a"), ("a.gcode", "a"), ("a", "a"), ("a.b.3mf", "a.b")],
)
def test_the_bare_name(filename: str, bare: str) -> None:
    assert bare_name(filename) == bare


garbage = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(STUDIO, garbage)))
def test_garbage_in_any_field_never_raises(section: dict[str, object]) -> None:
    project = parse(section)
    assert len(project.filename) <= MAX_NAME
    assert not set("/\\\0\r\n") & set(project.filename)
    assert all(isinstance(key, str) for key in project.options)
