"""Files made to break the reader: it says what it could not read, and reads the rest."""

import io
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from tests.control.threemf.kept import Kept
from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_control.threemf import VERSION, read_contents
from vprinter_control.threemf.contents import MAX_FILAMENTS, MAX_OBJECTS, MAX_PLATES
from vprinter_control.threemf.package import MAX_MEMBER, MAX_RATIO, MAX_SECONDS, MAX_UNPACKED

SLICE_INFO = "Metadata/slice_info.config"
MODEL_SETTINGS = "Metadata/model_settings.config"
PROJECT = "Metadata/project_settings.config"
MODEL = "3D/3dmodel.model"
BOMB = '<!DOCTYPE a [<!ENTITY b "boom">]><a>&b;</a>'
OUTSIDE = '<!DOCTYPE a SYSTEM "http://192.0.2.1/evil.dtd"><a/>'


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (threemf.truncated(threemf.sliced()), "not a whole ZIP"),
        (b"", "not a whole ZIP"),
        (b"PK\x05\x06" + bytes(18), "not a whole ZIP"),
        (threemf.crowded(20_000), "not a whole ZIP"),
    ],
    ids=["truncated", "empty", "no members", "crowded"],
)
def test_what_is_no_zip_has_one_plate_and_a_reason(kept: Kept, content: bytes, why: str) -> None:
    found = kept.read(content)
    assert [plate.index for plate in found.plates] == [1]
    assert found.error is not None
    assert why in found.error
    assert found.reader == VERSION


@pytest.mark.parametrize("member", [SLICE_INFO, MODEL_SETTINGS, MODEL])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        (BOMB, "holds what no slicer writes"),
        (OUTSIDE, "holds what no slicer writes"),
        ("<config><plate>", "is not XML"),
        ("", "is not XML"),
        ("<?xml version='1.0' encoding='klingon'?><a/>", "is not XML"),
        (b"\xff\xfe<\x00", "is not XML"),
    ],
    ids=["entities", "DTD", "open", "empty", "encoding", "UTF-16"],
)
def test_a_part_that_is_no_xml_does_not_hide_the_others(kept: Kept, member: str, text: str | bytes, why: str) -> None:
    found = kept.read(threemf.sliced(Plate(2, "two"), instead={member: text}))
    assert found.error is not None
    assert member in found.error
    assert why in found.error
    (plate,) = found.plates
    assert (plate.index, plate.seconds, plate.layers, plate.thumbnail) == (2, 3723, 42, True)
    assert plate.name == (None if member == MODEL_SETTINGS else "two")
    assert found.title == (None if member == MODEL else "cube")


@pytest.mark.parametrize("member", [SLICE_INFO, MODEL_SETTINGS])
def test_a_member_has_a_largest_size(kept: Kept, member: str) -> None:
    error = kept.read(threemf.sliced(instead={member: "<a>" * (MAX_MEMBER // 3 + 1)})).error
    assert error == f"{member} is larger than {MAX_MEMBER} bytes"


@pytest.mark.parametrize("member", [SLICE_INFO, MODEL_SETTINGS, PROJECT])
def test_a_member_that_is_packed_too_well_is_not_unpacked(kept: Kept, member: str) -> None:
    error = kept.read(threemf.sliced(instead={member: " " * (2 << 20)})).error
    assert error == f"{member} unpacks to more than {MAX_RATIO} times its size"


@pytest.mark.parametrize("member", [PROJECT, "Metadata/plate_1.json"])
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"a": ' + "9" * 5000 + "}", "is not JSON"),
        (b'{"a": "\xff"}', "is not JSON"),
        ("[]", "is not a JSON object"),
        ("[" + "[]," * 800_000 + "[]]", "larger than"),
    ],
    ids=["open", "deep", "digits", "encoding", "list", "huge"],
)
def test_a_part_that_is_no_json_does_not_hide_the_others(kept: Kept, member: str, text: str | bytes, why: str) -> None:
    found = kept.read(threemf.sliced(instead={member: text}))
    assert found.error is not None
    assert member in found.error
    assert why in found.error
    assert found.plates[0].seconds == 3723


def test_several_faults_are_all_said(kept: Kept) -> None:
    error = kept.read(threemf.sliced(instead={SLICE_INFO: BOMB, PROJECT: "{", MODEL: "<"})).error
    assert error is not None
    assert error.count(";") == 2


def spoiled(content: bytes, member: str, at: int, change: bytes) -> bytes:
    """Content with other bytes at a place in the local header of a member."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        start = archive.getinfo(member).header_offset + at
    return content[:start] + change + content[start + len(change) :]


@pytest.mark.parametrize("at", [28 + len(SLICE_INFO) + 40, 30], ids=["checksum", "name"])
def test_a_damaged_member_is_said(kept: Kept, at: int) -> None:
    error = kept.read(spoiled(threemf.sliced(), SLICE_INFO, at, b"\x00\x01")).error
    assert error is not None
    assert "cannot be unpacked" in error


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_without_a_bound_on_what_they_unpack_are_refused(kept: Kept, method: int) -> None:
    out = io.BytesIO(threemf.sliced(without=[SLICE_INFO]))
    with zipfile.ZipFile(out, "a", method) as archive:
        archive.writestr(SLICE_INFO, "<config/>")
    error = kept.read(out.getvalue()).error
    assert error is not None
    assert "3MF does not know" in error


def test_an_encrypted_member_is_said(kept: Kept) -> None:
    content = bytearray(threemf.sliced())
    for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.find(signature)
        while at >= 0:
            content[at + flags] |= 1
            at = content.find(signature, at + 1)
    error = kept.read(bytes(content)).error
    assert error is not None
    assert "encrypted" in error


def test_a_bomb_of_gcode_costs_nothing(kept: Kept) -> None:
    content = threemf.with_bomb(256 << 20)
    kept.path.write_bytes(content)
    tracemalloc.start()
    found = read_contents(kept.path, "bomb.gcode.3mf")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.error is None
    assert peak < 4 << 20


def test_all_members_together_have_a_bound(kept: Kept) -> None:
    large = " " * 1024 * 1024
    plates = MAX_UNPACKED // len(large) + 2
    content = threemf.packed(
        {f"Metadata/plate_{n}.gcode": b"" for n in range(1, plates + 1)}
        | {f"Metadata/plate_{n}.json": "{}" + large[2:] for n in range(1, plates + 1)}
    )
    error = kept.read(content).error
    assert error is not None
    assert f"larger than {MAX_UNPACKED}" in error


def test_reading_is_given_up_when_it_takes_too_long_and_what_was_found_is_kept(kept: Kept) -> None:
    ticks = iter([0.0, 0.1, 0.2, *([MAX_SECONDS + 1] * 100)])
    found = kept.read(threemf.sliced(Plate(1, "one"), Plate(2, "two")), clock=lambda: next(ticks))
    assert found.error is not None
    assert "given up" in found.error
    assert [plate.index for plate in found.plates] == [1, 2]


def test_a_disk_that_fails_asks_for_another_attempt(tmp_path: Path) -> None:
    found = read_contents(tmp_path / "missing", "a.gcode.3mf")
    assert found.error is not None
    assert "could not be read" in found.error
    assert found.reader == 0


def test_lists_have_an_end(kept: Kept) -> None:
    plates = range(1, MAX_PLATES + 20)
    info = "".join(
        f'<plate><metadata key="index" value="{n}"/>'
        + '<object name="x"/>' * 5
        + "".join(f'<filament id="{slot}"/>' for slot in range(1, 6))
        + "</plate>"
        for n in plates
    )
    found = kept.read(threemf.packed({SLICE_INFO: f"<config>{info}</config>", "Metadata/plate_1.gcode.md5": b""}))
    assert len(found.plates) == MAX_PLATES
    assert sum(len(plate.objects) for plate in found.plates) == MAX_OBJECTS
    assert sum(len(plate.filaments) for plate in found.plates) == MAX_FILAMENTS


def test_lists_of_the_other_parts_have_an_end_too(kept: Kept) -> None:
    boxes = '{"bbox_objects": [' + '{"name": "x"},' * 1500 + '{"name": "x"}], "filament_ids": [0, 1]}'
    content = threemf.packed(
        {f"Metadata/plate_{n}.gcode": b"" for n in (1, 2, 3)} | {f"Metadata/plate_{n}.json": boxes for n in (1, 2, 3)}
    )
    found = kept.read(content)
    assert [len(plate.objects) for plate in found.plates] == [1501, 499, 0]
