"""The files that the simulator sends are what slicers make, and the broken ones are broken."""

import io
import zipfile
from hashlib import md5

import pytest
from defusedxml import ElementTree, EntitiesForbidden
from PIL import Image

from tests.simulators import threemf
from tests.simulators.threemf import Plate


def opened(content: bytes) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(content))


def test_every_plate_has_gcode_with_its_md5_and_pictures() -> None:
    archive = opened(threemf.sliced(Plate(1, name="left"), Plate(2, name="right", seconds=60)))
    assert archive.testzip() is None
    for plate in (1, 2):
        gcode = archive.read(f"Metadata/plate_{plate}.gcode")
        assert archive.read(f"Metadata/plate_{plate}.gcode.md5").decode() == md5(gcode).hexdigest().upper()
        Image.open(io.BytesIO(archive.read(f"Metadata/plate_{plate}.png"))).verify()


def test_slice_info_tells_the_model_and_each_plate() -> None:
    archive = opened(threemf.sliced(Plate(1), Plate(2, seconds=60, grams=1.5), model="C12"))
    plates = ElementTree.fromstring(archive.read("Metadata/slice_info.config")).findall("plate")
    values = [{item.get("key"): item.get("value") for item in plate.findall("metadata")} for plate in plates]
    assert [value["index"] for value in values] == ["1", "2"]
    assert (values[1]["printer_model_id"], values[1]["prediction"], values[1]["weight"]) == ("C12", "60", "1.50")


def test_names_with_markup_in_them_stay_well_formed() -> None:
    archive = opened(threemf.sliced(Plate(1, name='<"&', objects=("a<b&c.stl",))))
    ElementTree.fromstring(archive.read("Metadata/model_settings.config"))
    ElementTree.fromstring(archive.read("Metadata/slice_info.config"))


def test_the_same_arguments_give_the_same_bytes_and_another_seed_others() -> None:
    assert threemf.sliced(seed=1) == threemf.sliced(seed=1)
    assert threemf.sliced(seed=1) != threemf.sliced(seed=2)


def test_padding_makes_a_file_as_large_as_wanted() -> None:
    assert 300_000 < len(threemf.sliced(padding=300_000)) < 310_000


def test_the_truncated_file_is_no_zip() -> None:
    with pytest.raises(zipfile.BadZipFile):
        opened(threemf.truncated(threemf.sliced()))


def test_the_crowded_file_has_as_many_members_as_wanted() -> None:
    assert len(opened(threemf.crowded(1000)).namelist()) == 1000


def test_the_file_with_entities_would_expand_them() -> None:
    with pytest.raises(EntitiesForbidden):
        ElementTree.fromstring(opened(threemf.with_entities()).read("Metadata/slice_info.config"))


def test_the_bomb_is_small_and_unpacks_large() -> None:
    content = threemf.with_bomb(8 << 20)
    assert len(content) < 100_000
    assert opened(content).getinfo("Metadata/plate_9.gcode").file_size == 8 << 20
