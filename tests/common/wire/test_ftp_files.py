from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vprinter_common.wire.ftp_files import (
    FOLDERS,
    MAX_NAME,
    ROOT,
    Entry,
    Kind,
    is_folder,
    list_line,
    listing,
    mdtm,
    mlsd_line,
    place,
    resolve,
    safe_name,
)

NOW = datetime(2026, 7, 4, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("Cube.gcode.3mf", "Cube.gcode.3mf"),
        ("/cache/Cube.3mf", "Cube.3mf"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\windows\\system.ini", "system.ini"),
        ("C:\\a.3mf", "a.3mf"),
        (" Würfel 立方体 🧊.3mf ", "Würfel 立方体 🧊.3mf"),
        ("a\r\nb\0c\x7f\u2028d.3mf", "abcd.3mf"),
        ("\ud800x.3mf", "x.3mf"),
        (".hidden", ".hidden"),
        ("verify_job", "verify_job"),
    ],
)
def test_a_name_is_reduced_to_what_can_be_stored(argument: str, name: str) -> None:
    assert safe_name(argument) == name


@pytest.mark.parametrize(
    "argument", ["", "/", "a/", "..", ".", "...", ". .", "a/..", "\0", " \r\n", "." * 300 + "x" * 300]
)
def test_a_name_of_nothing_is_refused(argument: str) -> None:
    assert safe_name(argument) is None


@pytest.mark.parametrize("extension", [".gcode.3mf", ".GCODE.3MF", ".3mf", ".gcode", ""])
@pytest.mark.parametrize("letter", ["x", "ü", "立", "🧊"])
def test_a_long_name_is_cut_before_its_extension_and_between_letters(letter: str, extension: str) -> None:
    name = safe_name(letter * 300 + extension)
    assert name is not None
    assert name.endswith(extension)
    assert MAX_NAME - 3 <= len(name.encode()) <= MAX_NAME
    assert set(name.removesuffix(extension)) == {letter}


def test_an_extension_longer_than_any_real_one_is_cut_like_the_rest() -> None:
    assert safe_name("a." + "b" * 400) == "a." + "b" * 253


def test_a_cut_leaves_no_blank_before_the_extension() -> None:
    assert safe_name("x" * 240 + " " * 40 + ".3mf") == "x" * 240 + ".3mf"
    assert safe_name("x" * 240 + " " * 40 + "y") == "x" * 240


@given(argument=st.text(st.characters(), max_size=400))
def test_a_safe_name_is_safe_and_stays_as_it_is(argument: str) -> None:
    name = safe_name(argument)
    if name is not None:
        assert 0 < len(name.encode()) <= MAX_NAME
        assert not set(name) & set("/\\\r\n\0")
        assert name not in {".", ".."}
        assert safe_name(name) == name


@pytest.mark.parametrize(
    ("folder", "argument", "path"),
    [
        ("/", "", "/"),
        ("/", "cache", "/cache"),
        ("/cache", "a.3mf", "/cache/a.3mf"),
        ("/cache", "/model/./a.3mf", "/model/a.3mf"),
        ("/cache", "..", "/"),
        ("/", "../../../etc/passwd", "/etc/passwd"),
        ("/cache", "../../../..", "/"),
        ("/", "//double//slash/", "/double/slash"),
    ],
)
def test_a_path_is_resolved_and_never_leaves_the_root(folder: str, argument: str, path: str) -> None:
    assert resolve(PurePosixPath(folder), argument) == PurePosixPath(path)


@given(arguments=st.lists(st.text("ab./\\ ", max_size=20), max_size=6))
def test_wherever_a_client_walks_it_stays_below_the_root(arguments: list[str]) -> None:
    folder = ROOT
    for argument in arguments:
        folder = resolve(folder, argument)
        assert str(folder).startswith("/")
        assert not str(folder).startswith("//")
        assert not {"..", "."} & set(folder.parts)


def test_the_card_is_another_name_of_the_root() -> None:
    assert place(PurePosixPath("/sdcard")) == ROOT
    assert place(PurePosixPath("/sdcard/cache/a.3mf")) == PurePosixPath("/cache/a.3mf")
    assert place(PurePosixPath("/cache/sdcard")) == PurePosixPath("/cache/sdcard")
    assert place(ROOT) == ROOT


def test_the_folders_of_a_printer_are_always_there() -> None:
    assert all(is_folder(ROOT / name) for name in FOLDERS)
    assert is_folder(ROOT)
    assert is_folder(PurePosixPath("/sdcard/model"))
    assert not is_folder(PurePosixPath("/other"))
    assert not is_folder(PurePosixPath("/cache/model"))


def test_machine_listings_give_facts_in_utc() -> None:
    local = NOW.astimezone(timezone(timedelta(hours=5)))
    assert (
        mlsd_line(Entry("Cube 1.3mf", 1234, local)) == "type=file;size=1234;modify=20260704123000;perm=dr; Cube 1.3mf"
    )
    folder = Entry("cache", 0, NOW, Kind.FOLDER)
    assert mlsd_line(folder) == "type=dir;size=0;modify=20260704123000;perm=cel; cache"
    assert mdtm(local) == "20260704123000"


@pytest.mark.parametrize(
    ("modified", "when"),
    [
        (NOW, "Jul  4 12:30"),
        (NOW - timedelta(days=100), "Mar 26 12:30"),
        (NOW - timedelta(days=200), "Dec 16  2025"),
        (NOW + timedelta(days=1), "Jul  5  2026"),
    ],
)
def test_listings_for_people_look_like_ls(modified: datetime, when: str) -> None:
    assert list_line(Entry("a b.3mf", 77, modified), NOW) == f"-rw-r--r-- 1 bblp bblp           77 {when} a b.3mf"


def test_folders_are_told_from_files() -> None:
    assert list_line(Entry("cache", 0, NOW, Kind.FOLDER), NOW).startswith("drwxr-xr-x 1 bblp")


def test_a_listing_is_lines() -> None:
    assert listing(["a", "ü"]) == "a\r\nü\r\n".encode()
    assert listing([]) == b""
