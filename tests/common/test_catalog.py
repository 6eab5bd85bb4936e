"""The catalog: every model is found, distinct, and safe to send to."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.catalog import (
    DEFAULT_MODEL,
    MODELS,
    Model,
    ReportStyle,
    Storage,
    UnknownModel,
    model,
    serial_number,
)

CODES = {
    "BL-P001", "BL-P002", "C13", "C11", "C12", "N7", "N2S", "N1", "N9", "N6", "O1D", "O1E", "O1C", "O1C2", "O1S",
}  # fmt: skip

every_model = pytest.mark.parametrize("item", MODELS, ids=lambda item: item.code)


def test_every_model_of_the_brief_is_there_once() -> None:
    assert {item.code for item in MODELS} == CODES
    assert len(MODELS) == len(CODES)
    assert DEFAULT_MODEL.code == "BL-P001"


def test_display_names_are_distinct_so_that_a_person_can_choose() -> None:
    assert len({item.name for item in MODELS}) == len(MODELS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("3DPrinter-X1-Carbon", "BL-P001"),
        ("3DPrinter-X1", "BL-P002"),
        ("x1c", "BL-P001"),
        ("Bambu Lab X1 Carbon", "BL-P001"),
        ("bl-p001", "BL-P001"),
        ("C11", "C11"),
        ("P1P", "C11"),
        ("A1 Mini", "N1"),
        ("a1mini", "N1"),
        ("A1", "N2S"),
        ("O2D", "O1E"),
        ("h2d-pro", "O1E"),
        ("H2C", "O1C"),
        ("O1C2", "O1C2"),
    ],
)
def test_a_model_is_found_by_code_alias_and_name(text: str, code: str) -> None:
    assert model(text).code == code


@every_model
def test_a_code_finds_its_own_model(item: Model) -> None:
    assert model(item.code) is item


@pytest.mark.parametrize("text", ["", "X9", "---", "x" * 10_000])
def test_an_unknown_model_is_refused_with_the_codes_to_choose_from(text: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        model(text)
    message = str(caught.value)
    assert all(code in message for code in CODES)
    assert len(message) < 500
    assert caught.value.wanted == text


@every_model
def test_storage_is_present_and_normal_in_the_flags(item: Model) -> None:
    assert item.flags.home_flag >> 8 & 0b11 == 1
    if item.flags.aux is not None:
        assert int(item.flags.aux, 16) >> 12 & 0b11 == 1


@every_model
def test_flags_ask_for_no_signature_no_port_6000_and_no_camera_recording(item: Model) -> None:
    fun, fun2 = int(item.flags.fun or "0", 16), int(item.flags.fun2 or "0", 16)
    assert not fun >> 29 & 1
    assert not fun >> 31 & 1
    assert not fun2 & 1
    assert not fun2 >> 17 & 1
    assert not item.flags.home_flag >> 5 & 1
    assert not int(item.flags.stat or "0", 16) >> 7 & 1


@every_model
def test_new_protocol_models_have_all_four_flag_fields_and_legacy_models_none(item: Model) -> None:
    four = (item.flags.fun, item.flags.cfg, item.flags.aux, item.flags.stat)
    if item.report is ReportStyle.NEW_PROTOCOL:
        assert all(four)
        assert all(int(text, 16) < 1 << 64 for text in four if text)
    else:
        assert four == (None, None, None, None)
        assert item.flags.fun2 is None
        assert item.flags.flag3 is not None


@every_model
def test_home_flag_is_a_signed_32_bit_number(item: Model) -> None:
    assert -(1 << 31) <= item.flags.home_flag < 1 << 31


def test_the_two_headed_models() -> None:
    assert {item.code for item in MODELS if item.nozzles == 2} == {"O1D", "O1E", "O1C", "O1C2", "N6"}


def test_the_chamber_cameras_are_on_port_6000() -> None:
    assert {item.code for item in MODELS if item.camera_port == 6000} == {"C11", "C12", "N1", "N2S", "N9"}
    assert {item.camera_port for item in MODELS} == {322, 6000}


@every_model
def test_a_model_stores_on_a_card_or_on_a_stick_and_internal_memory(item: Model) -> None:
    assert item.storage in {(Storage.SD_CARD,), (Storage.USB, Storage.EMMC)}


@every_model
def test_versions_look_like_versions(item: Model) -> None:
    assert re.fullmatch(r"(\d\d\.){3}\d\d", item.firmware)


@every_model
def test_the_name_in_get_version_is_the_product_unless_captured_otherwise(item: Model) -> None:
    assert item.version_name == ("Bambu Lab X1-Carbon" if item.code == "BL-P001" else item.product_name)


@every_model
@given(installation=st.integers(min_value=0) | st.text(), index=st.integers(0, 10**9 - 1))
def test_a_serial_number_is_its_models_prefix_and_nine_digits(item: Model, installation: int | str, index: int) -> None:
    serial = serial_number(item, installation, index)
    assert re.fullmatch(re.escape(item.serial_prefix) + r"[0-9]{9}", serial)
    assert len(serial) == 15
    assert serial == serial_number(item, installation, index)


@given(installation=st.integers(min_value=0), indexes=st.sets(st.integers(0, 10**9 - 1), min_size=2))
def test_no_two_indexes_of_an_installation_share_a_suffix(installation: int, indexes: set[int]) -> None:
    suffixes = {serial_number(DEFAULT_MODEL, installation, index)[6:] for index in indexes}
    assert len(suffixes) == len(indexes)


def test_a_thousand_installations_start_at_different_suffixes() -> None:
    assert len({serial_number(DEFAULT_MODEL, installation, 0) for installation in range(1000)}) == 1000


@pytest.mark.parametrize("index", [-1, 10**9])
def test_an_index_off_the_circle_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="must lie between 0 and 999999999"):
        serial_number(DEFAULT_MODEL, 1, index)
