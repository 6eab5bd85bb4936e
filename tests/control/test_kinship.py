"""Which files are likely to be of one project, and which were sliced for another printer."""

import pytest

from vprinter_control.domain.kinship import project_key
from vprinter_control.domain.mismatch import mismatch


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Box", "Ann", "a.3mf"), ("BOX", "ann", "b.gcode.3mf")),
        (("Ｂｏｘ", None, "a.3mf"), ("box", "", "b.3mf")),
        (("Stra\u00dfe", None, "a"), ("STRASSE", None, "b")),
        ((None, "Ann", "Box.gcode.3mf"), (None, None, "box_plate_3.3mf")),
        (("", None, "Box - Plate 2.3mf"), (None, None, "Box.gcode")),
    ],
)
def test_what_people_take_for_the_same_is_the_same(
    one: tuple[str | None, str | None, str], other: tuple[str | None, str | None, str]
) -> None:
    assert project_key(*one) == project_key(*other) is not None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("Box", "Ann", "a.3mf"), ("Box", "Bob", "a.3mf")),
        (("Box", "", "a.3mf"), (None, None, "Box.3mf")),
        (("Box", "Ann", "a"), ("BoxAnn", "", "a")),
        ((None, None, "Box 1.3mf"), (None, None, "Box 2.3mf")),
    ],
)
def test_what_differs_is_not(
    one: tuple[str | None, str | None, str], other: tuple[str | None, str | None, str]
) -> None:
    assert project_key(*one) != project_key(*other)


@pytest.mark.parametrize("filename", ["plate_1.gcode.3mf", "Plate 12.3mf", "_plate_1.gcode"])
def test_a_name_that_says_nothing_is_of_no_project(filename: str) -> None:
    assert project_key(None, "Ann", filename) is None


@pytest.mark.parametrize(
    ("sliced_for", "name", "received_by"),
    [
        ("C12", "Bambu Lab P1S", "C12"),
        ("O1C", "Bambu Lab H2C", "O1C2"),
        (None, None, "C12"),
        ("C12", "Bambu Lab P1S", None),
        ("C12", "Bambu Lab P1S", "of another release"),
        ("of another release", "Bambu Lab Z9", "C12"),
    ],
)
def test_no_mismatch(sliced_for: str | None, name: str | None, received_by: str | None) -> None:
    assert mismatch(sliced_for, name, received_by) is None


def test_a_mismatch_is_a_sentence_that_says_what_to_do() -> None:
    said = mismatch(None, "Creality K1", "C12")
    assert said == (
        "sliced for Creality K1, received by a virtual Bambu Lab P1S: "
        "slice it again for the printer that shall print it"
    )
