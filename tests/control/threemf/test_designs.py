"""Who made a design, and where it comes from."""

import pytest

from tests.control.threemf.kept import Kept
from tests.simulators import threemf

URL = "https://makerworld.com/en/models/1234567"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("A &amp;amp; B", "A & B"),
        ("&amp;lt;b&amp;gt;bold&amp;lt;/b&amp;gt;", "<b>bold</b>"),
        ("  two \n\t words ", "two words"),
        ("no\u202eoverride", "nooverride"),
        ("e\u0301", "\u00e9"),
        ("x" * 1000, "x" * 255),
        ("\u200b \u2028", "\u200b"),
        ("", None),
        (" ", None),
    ],
)
def test_titles_are_made_fit_to_be_shown(kept: Kept, written: str, read: str | None) -> None:
    found = kept.read(threemf.sliced(title=written, designer=written))
    assert (found.title, found.designer) == (read, read)


@pytest.mark.parametrize(
    ("about", "url"),
    [
        ({"Origin": "https://makerworld.com/en/models/1234567-a-cube#profileId-9"}, URL),
        ({"Origin": "makerworld.com/models/1234567"}, URL),
        ({"Origin": "https://makerworld.com/zh-cn/models/1234567?from=search"}, URL),
        ({"DesignerCover": "https://example.com/makerworld/model/DSM00000001234567/a.png"}, URL),
        ({"Description": f"<a href='{URL}'>see</a> {URL}"}, URL),
        ({"Description": f"{URL} and https://makerworld.com/en/models/7"}, None),
        ({"Description": "https://makerworld.com/en/models/7", "ProfileCover": "DSM0001234567"}, URL),
        ({"Origin": "https://example.com/models/1234567"}, None),
        ({"Origin": "makerworld.com/en/models/0"}, None),
        ({"Origin": "javascript:alert(1)//makerworld.com/en/models/1234567"}, URL),
        ({}, None),
    ],
)
def test_the_link_to_makerworld_is_made_from_its_number(kept: Kept, about: dict[str, str], url: str | None) -> None:
    found = kept.read(threemf.sliced(about=about))
    assert found.makerworld_url == url
    assert found.design_id == (url and "1234567")


def test_the_design_is_known_by_its_own_id_first(kept: Kept) -> None:
    found = kept.read(threemf.sliced(about={"DesignModelId": "US0123456789abcd", "Origin": URL}))
    assert (found.design_id, found.makerworld_url) == ("US0123456789abcd", URL)


def test_the_id_is_found_behind_the_meshes_too(kept: Kept) -> None:
    model = (
        "<model><metadata name='Title'>x</metadata><resources/><metadata name='DesignModelId'>US1</metadata></model>"
    )
    assert kept.read(threemf.sliced(instead={"3D/3dmodel.model": model})).design_id == "US1"


def test_what_comes_before_endless_meshes_is_enough(kept: Kept) -> None:
    mesh = "<vertex x='1' y='2' z='3'/>" * 100_000
    model = f"<model><metadata name='Title'>huge</metadata><resources>{mesh}</resources></model>"
    found = kept.read(threemf.sliced(instead={"3D/3dmodel.model": model}))
    assert (found.title, found.error) == ("huge", None)


@pytest.mark.parametrize(
    ("application", "name", "version"),
    [
        ("BambuStudio-02.08.01.55", "BambuStudio", "02.08.01.55"),
        ("OrcaSlicer-2.4.0-beta", "OrcaSlicer", "2.4.0-beta"),
        ("PrusaSlicer 2.9.0 on Linux", "PrusaSlicer", "2.9.0"),
        ("Tinkercad", "Tinkercad", None),
    ],
)
def test_without_gcode_the_program_is_the_one_that_wrote_the_model(
    kept: Kept, application: str, name: str, version: str | None
) -> None:
    model = f"<model><metadata name='Application'>{application}</metadata></model>"
    slicer = kept.read(threemf.packed({"3D/3dmodel.model": model}), "a.3mf").slicer
    assert slicer is not None
    assert (slicer.name, slicer.version) == (name, version)


def test_orca_is_recognised_where_only_its_header_says_so(kept: Kept) -> None:
    info = "<config><header><header_item key='OrcaSlicer-Version' value='2.4.0'/></header></config>"
    model = "<model><metadata name='Application'>BambuStudio-2.4.0</metadata></model>"
    slicer = kept.read(threemf.packed({"Metadata/slice_info.config": info, "3D/3dmodel.model": model})).slicer
    assert slicer is not None
    assert (slicer.name, slicer.version) == ("OrcaSlicer", "2.4.0")
