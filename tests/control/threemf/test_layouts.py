"""What is found in the files of each slicer."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.control.threemf.kept import Kept
from tests.simulators import threemf
from tests.simulators.threemf import Layout, Plate
from tests.simulators.threemf_members import Filament as Used
from vprinter_control.threemf import Filament, Slicer, read_contents
from vprinter_control.threemf.contents import Contents, WarnCode
from vprinter_control.threemf.contents import Plate as Found

FOUR = (
    Used(1, "PLA", "#FFFFFF", 10.5, 3.52),
    Used(2, "PLA", "#000000", 2.25, 0.75),
    Used(4, "PETG", "#F2754E", 1.0, 0.33),
    Used(7, "TPU-AMS", "#00AE42", 0.0, 0.0),
)
VERSIONS = {
    Layout.STUDIO_1: Slicer("BambuStudio", "01.08.04.51"),
    Layout.STUDIO_2: Slicer("BambuStudio", "02.08.01.55"),
    Layout.ORCA: Slicer("OrcaSlicer", "2.3.2"),
}


@pytest.mark.parametrize("layout", Layout)
def test_every_field_of_a_plate_is_found(kept: Kept, layout: Layout) -> None:
    plate = Plate(3, "Lid", 3723, 13.75, objects=("lid.stl", "hinge.stl", "hinge.stl"), filaments=FOUR, nozzle=0.6)
    found = kept.read(threemf.sliced(plate, model="C12", layout=layout))
    assert found == Contents(
        plates=(
            Found(
                index=3,
                name="Lid",
                seconds=3723,
                grams=13.75,
                layers=42,
                height_mm=8.4,
                bed_type="Textured PEI Plate",
                nozzle_mm=0.6,
                filaments=tuple(Filament(one.slot, one.type, one.color, one.grams, one.metres) for one in FOUR),
                objects=("lid.stl", "hinge.stl", "hinge.stl"),
                thumbnail=True,
            ),
        ),
        title="cube",
        slicer=VERSIONS[layout],
        sliced_for="C12",
        sliced_for_name="Bambu Lab P1S",
    )


@pytest.mark.parametrize("layout", Layout)
def test_twelve_plates_keep_their_own(kept: Kept, layout: Layout) -> None:
    plates = [Plate(n, f"plate {n}", 60 * n, 1.5 * n, layers=n, height=0.2 * n) for n in range(12, 0, -1)]
    found = kept.read(threemf.sliced(*plates, layout=layout)).plates
    assert [plate.index for plate in found] == list(range(1, 13))
    for plate in found:
        assert (plate.name, plate.seconds, plate.layers) == (f"plate {plate.index}", 60 * plate.index, plate.index)
        assert plate.grams == pytest.approx(1.5 * plate.index)
        assert plate.height_mm == pytest.approx(0.2 * plate.index)
        assert plate.thumbnail


@pytest.mark.parametrize("layout", Layout)
def test_without_slice_info_the_rest_tells_what_it_can(kept: Kept, layout: Layout) -> None:
    plate = Plate(2, "Lid", 3723, 13.75, filaments=FOUR[:3], objects=("lid.stl",))
    found = kept.read(threemf.sliced(plate, layout=layout, without=["Metadata/slice_info.config"]))
    assert found.error is None
    assert (found.sliced_for, found.slicer) == ("BL-P001", VERSIONS[layout])
    (read,) = found.plates
    assert (read.index, read.name, read.seconds, read.objects) == (2, "Lid", 3723, ("lid.stl",))
    assert [(one.slot, one.type, one.color) for one in read.filaments] == [
        (one.slot, one.type, one.color) for one in FOUR[:3]
    ]
    weights = [one.grams for one in read.filaments]
    assert weights == ([None] * 3 if layout is Layout.ORCA else [10.5, 2.25, 1.0])
    assert read.grams == (None if layout is Layout.ORCA else 13.75)


@pytest.mark.parametrize(
    "name", ["Würfel «groß»", "立方体 (大)", "куб", "مكعب كبير", "क्यूब", "🧊 cube", "a<b>&\"c'", "x" * 120]
)
def test_names_in_any_script_stay_what_they_are(kept: Kept, name: str) -> None:
    plate = Plate(1, name, objects=(f"{name[:100]}.stl",))
    found = kept.read(threemf.sliced(plate, title=name, designer=name))
    assert (found.title, found.designer, found.plates[0].name) == (name, name, name)
    assert found.plates[0].objects == (f"{name[:100]}.stl",)


def test_only_the_plate_that_was_sent_is_listed(kept: Kept) -> None:
    plates = [Plate(n) for n in (1, 2, 3)]
    others = [f"Metadata/plate_{n}.{kind}" for n in (1, 3) for kind in ("gcode", "gcode.md5", "json")]
    assert [plate.index for plate in kept.read(threemf.sliced(*plates, without=others)).plates] == [2]


def test_without_any_list_the_names_of_the_gcode_tell(kept: Kept) -> None:
    names = ("plate_10.gcode", "plate_2.gcode", "plate_2.gcode.md5", "plate_0.gcode", "plate_1001.gcode")
    found = kept.read(threemf.packed({f"Metadata/{name}": b"" for name in names}))
    assert [plate.index for plate in found.plates] == [2, 10]
    assert (found.error, found.warnings) == (None, ())


def test_a_file_without_any_plate_has_one_that_is_not_sliced(kept: Kept) -> None:
    found = kept.read(threemf.packed({"3D/3dmodel.model": "<model/>"}))
    assert found.plates == (Found(1),)
    assert [warn.code for warn in found.warnings] == [WarnCode.NOT_SLICED]
    assert found.error is None


def test_a_project_that_was_not_sliced_shows_what_stands_on_its_plates(kept: Kept) -> None:
    content = threemf.project(Plate(1, "left", objects=("a.stl", "b.stl")), Plate(2, "right", objects=("c.stl",)))
    found = kept.read(content, "project.3mf")
    assert [(plate.name, plate.objects) for plate in found.plates] == [
        ("left", ("a.stl", "b.stl")),
        ("right", ("c.stl",)),
    ]
    assert [warn.code for warn in found.warnings] == [WarnCode.NOT_SLICED]
    assert (found.plates[0].seconds, found.plates[0].filaments) == (None, ())
    assert [plate.thumbnail for plate in found.plates] == [True, False]


def test_what_the_slicer_warned_of_is_kept(kept: Kept) -> None:
    plate = Plate(2, outside=True, warnings=("bed_temperature_too_high_than_filament",))
    assert [(warn.code, warn.text) for warn in kept.read(threemf.sliced(plate)).warnings] == [
        (WarnCode.OUTSIDE_PLATE, "plate 2: something stands outside of the plate"),
        (
            WarnCode.SLICER_WARNING,
            "plate 2: the slicer warned of bed temperature too high than filament (1000C001)",
        ),
    ]


def test_a_printer_that_the_catalog_lacks_has_a_name_and_no_code(kept: Kept) -> None:
    found = kept.read(threemf.sliced(model="Creality K1"))
    assert (found.sliced_for, found.sliced_for_name) == (None, "Creality K1")


def test_plain_gcode_tells_what_its_header_says(kept: Kept) -> None:
    head = (
        b"; HEADER_BLOCK_START\n; generated by OrcaSlicer 2.3.2 on 2026-05-04 at 12:00:00\n"
        b"; model printing time: 1d 2h 3m 4s; total estimated time: 1d 2h 3m 14s\n; total layer number: 50\n"
        b"; max_z_height: 10.00\n; HEADER_BLOCK_END\nG28\n; total layer number: 7\n"
    )
    found = kept.read(head, "a.gcode")
    assert found.plates == (Found(1, seconds=((24 + 2) * 60 + 3) * 60 + 14, layers=50, height_mm=10.0),)
    assert found.slicer == Slicer("OrcaSlicer", "2.3.2")
    assert kept.read(b"G28", "a.gcode") == Contents((Found(1),))
    assert kept.read(b"\xff\xfe", "notes.txt") == Contents((Found(1),))


@pytest.mark.parametrize("value", ["0", "-1", "1001", "99999", "one", "", "\u0661"])
def test_plates_without_a_number_are_passed_over(kept: Kept, value: str) -> None:
    text = f'<config><metadata key="index" value="7"/><plate><metadata key="index" value="{value}"/></plate></config>'
    assert kept.read(threemf.packed({"Metadata/slice_info.config": text})).plates == (Found(1),)


def test_what_slice_info_has_not_worked_out_comes_from_the_gcode(kept: Kept) -> None:
    plate = replace(Plate(), seconds=673, grams=0.0, filaments=(Used(grams=0.0),))
    content = threemf.sliced(
        plate,
        instead={
            "Metadata/slice_info.config": '<config><plate><metadata key="index" value="1"/>'
            '<metadata key="prediction" value="0"/><metadata key="weight" value="0.00"/></plate></config>'
        },
    )
    assert (kept.plate(content).seconds, kept.plate(content).grams) == (673, None)


def test_values_that_make_no_sense_are_unknown(kept: Kept) -> None:
    plate = {"nozzle_diameter": float("inf"), "bed_type": 7, "filament_ids": "1", "bbox_objects": [3, {"name": "x"}]}
    project = {"filament_type": {"a": 1}, "nozzle_diameter": [], "curr_bed_type": None, "printer_model": ["x"]}
    info = (
        '<config><plate><metadata key="index" value="1"/><metadata key="prediction" value="-3"/>'
        '<metadata key="weight" value="nan"/><metadata key="nozzle_diameters" value=""/><metadata/>'
        '<filament id="0"/><filament id="2" color="red" used_g="1e5" used_m="∞"/><object name=""/></plate></config>'
    )
    content = threemf.packed(
        {
            "Metadata/plate_1.gcode": "; HEADER_BLOCK_START\n; total layer number: many\n; max_z_height: -1\n",
            "Metadata/plate_1.json": json.dumps(plate),
            "Metadata/project_settings.config": json.dumps(project),
            "Metadata/slice_info.config": info,
        }
    )
    found = kept.read(content)
    assert found == Contents((Found(1, filaments=(Filament(2),), objects=("x",)),))


@pytest.mark.parametrize("size", [2 << 30, 5 << 30])
def test_gcode_of_gigabytes_is_read_as_fast_as_any(tmp_path: Path, size: int) -> None:
    path = tmp_path / "blob"
    threemf.huge(path, size)
    assert path.stat().st_size > size
    ticks = iter(range(1000))
    found = read_contents(path, "huge.gcode.3mf", lambda: next(ticks) / 1000)
    assert found == read_contents_of(tmp_path, threemf.sliced())
    assert next(ticks) < 50


def read_contents_of(directory: Path, content: bytes) -> Contents:
    """What a small file holds."""
    path = directory / "small"
    path.write_bytes(content)
    return read_contents(path, "small.gcode.3mf")
