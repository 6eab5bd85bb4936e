"""What of a file can be searched for."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from vprinter_control.domain.search_text import filament_types, fold, search_text


@dataclass
class File:
    """A file as the database has it."""

    name: str = "cube"
    title: str | None = None
    filename: str = "cube.gcode.3mf"
    designer: str | None = None
    plates: list[Any] = field(default_factory=lambda: [{"index": 1}])
    tags: list[Any] = field(default_factory=list)
    notes: str = ""


def plate(*types: str | None) -> dict[str, Any]:
    """A plate with filaments."""
    return {"index": 1, "filaments": [{"slot": n, "type": type_} for n, type_ in enumerate(types, start=1)]}


def test_everything_is_there_once_and_folded() -> None:
    file = File("Cube", "Cube", "Cube.gcode.3mf", "Ann", [plate("PLA", None), plate("PETG", "PLA")], ["Red"], "for Bob")
    assert search_text(file).split("\n") == ["cube", "cube.gcode.3mf", "ann", "pla", "petg", "red", "for bob"]


def test_what_is_not_known_leaves_no_trace() -> None:
    assert search_text(File()) == "cube\ncube.gcode.3mf"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("WÜRFEL", "wu\u0308rfel"),
        ("ＰＬＡ", "pla"),
        ("Straße", "STRASSE"),
        ("Ϊ\u0301", "ΐ"),
        ("ﬁne", "FINE"),
        ("İ", "i̇"),
    ],
)
def test_spellings_of_the_same_are_folded_into_one(one: str, other: str) -> None:
    assert fold(one) == fold(other)
    assert fold(fold(one)) == fold(one)


def test_filament_types_of_plates_that_an_older_reader_found() -> None:
    assert filament_types([{"index": 1}, plate("PLA")]) == ["PLA"]
