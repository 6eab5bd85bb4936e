"""Pictures of plates."""

import io
import struct
import zipfile

import pytest

from tests.control.threemf.kept import Kept
from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_control.threemf import read_thumbnail
from vprinter_control.threemf.pictures import MAX_PICTURE, MAX_SIDE

RED, GREEN = threemf.png("#FF0000"), threemf.png("#00FF00")


def test_a_plate_has_its_own_picture(kept: Kept) -> None:
    content = threemf.sliced(Plate(1, color="#FF0000"), Plate(2, color="#00FF00"))
    assert kept.picture(content, 1) == RED
    assert kept.picture(content, 2) == GREEN
    assert kept.picture(content, 3) is None


@pytest.mark.parametrize("name", ["Metadata/plate_no_light_2.png", "Metadata/top_2.png"])
def test_without_one_another_view_will_do(kept: Kept, name: str) -> None:
    assert kept.picture(threemf.packed({name: RED}), 2) == RED


@pytest.mark.parametrize("name", ["Metadata/thumbnail.png", "Auxiliaries/.thumbnails/thumbnail_middle.png"])
def test_the_only_plate_may_be_shown_by_the_picture_of_the_project(kept: Kept, name: str) -> None:
    content = threemf.packed({name: RED})
    assert kept.picture(content, alone=True) == RED
    assert kept.picture(content) is None
    assert kept.read(content).plates[0].thumbnail


def sized(width: int, height: int) -> bytes:
    """A picture that claims to be so large."""
    return RED[:16] + struct.pack(">II", width, height) + RED[24:]


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"<svg onload='alert(1)'/>" * 3,
        b"GIF89a" + bytes(100),
        sized(MAX_SIDE + 1, 8),
        sized(8, 0),
        RED + bytes(MAX_PICTURE),
    ],
    ids=["empty", "cut", "SVG", "GIF", "wide", "flat", "large"],
)
def test_what_is_no_picture_to_show_is_not_shown(kept: Kept, picture: bytes) -> None:
    content = threemf.sliced(instead={"Metadata/plate_1.png": picture, "Metadata/plate_no_light_1.png": GREEN})
    assert kept.picture(content) == GREEN
    assert kept.read(content).plates[0].thumbnail
    alone = threemf.packed({"Metadata/plate_1.png": picture})
    assert kept.picture(alone) is None
    assert not kept.read(alone).plates[0].thumbnail


def test_a_file_that_is_no_zip_or_is_gone_has_none(kept: Kept) -> None:
    assert kept.picture(threemf.truncated(threemf.sliced())) is None
    kept.path.unlink()
    assert read_thumbnail(kept.path, 1) is None


def test_a_damaged_picture_is_not_sent(kept: Kept) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("Metadata/plate_1.png", RED)
    content = out.getvalue()
    assert kept.picture(content) == RED
    assert kept.picture(content.replace(b"IDAT", b"IDOT")) is None
