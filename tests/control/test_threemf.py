"""Which plates a file holds."""

import io
import zipfile
from pathlib import Path

import pytest

from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_control.threemf import MAX_MEMBER, Contents, read_contents, read_thumbnail


def zipped(**members: bytes) -> bytes:
    """A ZIP with members in Metadata."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        for name, content in members.items():
            archive.writestr(f"Metadata/{name.replace('__', '.')}", content)
    return out.getvalue()


@pytest.fixture
def read(tmp_path: Path) -> "Reader":
    """Reads content as if it were a kept file."""
    return Reader(tmp_path / "blob")


class Reader:
    """Reads content from a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __call__(self, content: bytes, filename: str = "a.gcode.3mf") -> Contents:
        self.path.write_bytes(content)
        return read_contents(self.path, filename)


def test_the_plates_are_those_of_slice_info(read: Reader) -> None:
    assert read(threemf.sliced(Plate(4), Plate(2))) == Contents((2, 4))


def test_without_slice_info_the_names_tell(read: Reader) -> None:
    names = {"plate_10__gcode": b"", "plate_2__gcode": b"", "plate_2__gcode__md5": b"", "plate_0__gcode": b""}
    assert read(zipped(**names)) == Contents((2, 10))


def test_a_file_without_any_plate_has_one(read: Reader) -> None:
    assert read(zipped()) == Contents((1,))
    assert read(b"G28", "a.gcode") == Contents((1,))


@pytest.mark.parametrize("value", ["0", "-1", "1001", "99999", "one", "", "\u0661"])
def test_numbers_that_are_none_are_passed_over(read: Reader, value: str) -> None:
    text = f'<config><metadata key="index" value="7"/><plate><metadata key="index" value="{value}"/></plate></config>'
    assert read(zipped(slice_info__config=text.encode())) == Contents((1,))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (threemf.truncated(threemf.sliced()), "not a whole ZIP"),
        (b"", "not a whole ZIP"),
        (threemf.crowded(20_000), "not a whole ZIP"),
        (threemf.with_entities(), "what no slicer writes"),
        (zipped(slice_info__config=b"<config><plate>"), "not XML"),
        (zipped(slice_info__config=b"<a>" * (MAX_MEMBER // 3 + 1)), "larger than"),
    ],
    ids=["truncated", "empty", "crowded", "entities", "not XML", "huge member"],
)
def test_what_defeats_the_reader_is_said(read: Reader, content: bytes, why: str) -> None:
    found = read(content)
    assert found.plates == (1,)
    assert found.error is not None
    assert why in found.error


def test_a_wrong_checksum_is_said(read: Reader) -> None:
    content = threemf.sliced()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        member = archive.getinfo("Metadata/slice_info.config")
    middle = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    broken = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
    assert read(broken).error is not None


def test_the_picture_of_a_plate(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(threemf.sliced(Plate(2)))
    picture = read_thumbnail(path, 2)
    assert picture is not None
    assert picture.startswith(b"\x89PNG")
    assert read_thumbnail(path, 1) is None
    path.write_bytes(zipped(plate_1__png=b"<script>"))
    assert read_thumbnail(path, 1) is None
    assert read_thumbnail(tmp_path / "nothing", 1) is None
