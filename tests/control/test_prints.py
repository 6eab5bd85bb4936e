"""What the API tells of files: their plates, their printer, their likes, their pictures."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.control.harness import NOON, Api, Parts, stored
from tests.simulators import threemf
from tests.simulators.threemf import Filament, Layout, Plate
from vprinter_common.contracts.printer import Mode
from vprinter_control.reading import read_kept
from vprinter_control.rereading import BATCH, Rereading
from vprinter_control.store.schema import ArchiveItem, PendingUpload

TWO_COLOURS = Plate(
    2,
    "Lid",
    3723,
    12.75,
    objects=("lid.stl", "hinge.stl"),
    filaments=(Filament(1, "PLA", "#FFFFFF", 10.5, 3.52), Filament(4, "PETG", "#000000", 2.25, 0.75)),
)


async def archived(parts: Parts, content: bytes, **more: Any) -> str:
    """A file in the archive; returns its id."""
    parts.keep(content)
    fact = stored(content, **more)
    await parts.take(fact)
    return fact.upload


async def printer(api: Api, model: str) -> str:
    """A printer of a model; returns its id."""
    made: dict[str, str] = await api.post("virtual-printers", {"name": model, "model": model, "enabled": False})
    return made["id"]


# -- what is in it -------------------------------------------------------------------------------------------------


async def test_every_field_is_told(api: Api, parts: Parts) -> None:
    content = threemf.sliced(
        TWO_COLOURS,
        model="C12",
        title="Würfel",
        designer="Ann",
        layout=Layout.ORCA,
        about={"Origin": "https://makerworld.com/en/models/42"},
    )
    id_ = await archived(parts, content, printer=await printer(api, "P1S"))
    item = await api.get(f"archive/{id_}")
    assert {name: item[name] for name in ("title", "designer", "sliced_for", "sliced_for_name", "makerworld_url")} == {
        "title": "Würfel",
        "designer": "Ann",
        "sliced_for": "C12",
        "sliced_for_name": "Bambu Lab P1S",
        "makerworld_url": "https://makerworld.com/en/models/42",
    }
    assert item["slicer"] == {"name": "OrcaSlicer", "version": "2.3.2"}
    assert (item["warnings"], item["reader_error"]) == ([], None)
    assert item["duplicates"] == {"exact": 0, "likely": 0}
    assert item["plates"] == [
        {
            "index": 2,
            "name": "Lid",
            "seconds": 3723,
            "grams": 12.75,
            "layers": 42,
            "height_mm": 8.4,
            "bed_type": "Textured PEI Plate",
            "nozzle_mm": 0.4,
            "filaments": [
                {"slot": 1, "type": "PLA", "color": "#FFFFFF", "grams": 10.5, "metres": 3.52},
                {"slot": 4, "type": "PETG", "color": "#000000", "grams": 2.25, "metres": 0.75},
            ],
            "objects": ["lid.stl", "hinge.stl"],
            "thumbnail": True,
        }
    ]


async def test_an_approved_upload_keeps_what_was_read(api: Api, parts: Parts) -> None:
    id_ = await archived(parts, threemf.sliced(TWO_COLOURS, title="Box"), mode=Mode.REVIEW)
    pending = await api.get(f"pending/{id_}")
    assert (pending["title"], pending["plates"][0]["name"]) == ("Box", "Lid")
    assert (await api.post(f"pending/{id_}/approve")) == pending


@pytest.mark.parametrize("layout", Layout)
async def test_the_queue_gets_each_plate_as_found(api: Api, parts: Parts, layout: Layout) -> None:
    content = threemf.sliced(*(Plate(n) for n in range(1, 13)), layout=layout)
    await archived(parts, content, mode=Mode.QUEUE)
    assert [item["plate"] for item in await api.items("queue")] == list(range(1, 13))


# -- what it was sliced for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "sliced_for", "told"),
    [
        ("P1S", "C12", None),
        ("P1S", "BL-P001", "sliced for Bambu Lab X1 Carbon, received by a virtual Bambu Lab P1S"),
        ("X1C", "Creality K1", "sliced for Creality K1, received by a virtual Bambu Lab X1 Carbon"),
        ("O1C", "O1C2", None),
    ],
)
async def test_a_file_that_was_sliced_for_another_printer_is_flagged(
    api: Api, parts: Parts, model: str, sliced_for: str, told: str | None
) -> None:
    id_ = await archived(parts, threemf.sliced(model=sliced_for), printer=await printer(api, model))
    warnings = (await api.get(f"archive/{id_}"))["warnings"]
    assert [warning["code"] for warning in warnings] == (["model_mismatch"] if told else [])
    assert all(warning["text"].startswith(told) for warning in warnings)


async def test_what_the_printer_becomes_later_does_not_matter(api: Api, parts: Parts) -> None:
    id_ = await printer(api, "P1S")
    file = await archived(parts, threemf.sliced(model="C12"), printer=id_)
    await api.patch(f"virtual-printers/{id_}", {"model": "A1"})
    await api.delete(f"virtual-printers/{id_}")
    assert (await api.get(f"archive/{file}"))["warnings"] == []


async def test_nothing_is_said_of_what_is_not_known(api: Api, parts: Parts) -> None:
    no_model = await archived(parts, b"G28", filename="a.gcode", printer=await printer(api, "P1S"))
    no_printer = await archived(parts, threemf.sliced(model="C12"))
    for id_ in (no_model, no_printer):
        assert (await api.get(f"archive/{id_}"))["warnings"] == []


# -- duplicates ----------------------------------------------------------------------------------------------------


async def test_copies_and_kin_are_counted_and_listed(api: Api, parts: Parts) -> None:
    about = {"DesignModelId": "US1"}
    first = await archived(parts, threemf.sliced(title="Box", designer="Ann"), filename="1.3mf")
    copy = await archived(parts, threemf.sliced(title="Box", designer="Ann"), filename="2.3mf")
    sliced_again = await archived(parts, threemf.sliced(title="BOX", designer="ann", seed=1), filename="3.3mf")
    remixed = await archived(parts, threemf.sliced(title="Other", about=about, seed=2), filename="4.3mf")
    same_design = await archived(
        parts, threemf.sliced(title="Box", designer="Ann", about=about, seed=3), filename="5.3mf"
    )
    await archived(parts, threemf.sliced(title="Box", designer="Bob", seed=4), filename="6.3mf")
    waiting = await archived(parts, threemf.sliced(title="Box", designer="Ann"), filename="7.3mf", mode=Mode.REVIEW)
    expected = {
        first: (1, 2, {copy, sliced_again, same_design}),
        copy: (1, 2, {first, sliced_again, same_design}),
        sliced_again: (0, 3, {first, copy, same_design}),
        remixed: (0, 1, {same_design}),
        same_design: (0, 4, {first, copy, sliced_again, remixed}),
        waiting: (2, 2, {first, copy, sliced_again, same_design}),
    }
    listed = {item["id"]: item["duplicates"] for item in [*await api.items("archive"), *await api.items("pending")]}
    for id_, (exact, likely, others) in expected.items():
        assert listed[id_] == {"exact": exact, "likely": likely}, id_
        assert {item["id"] for item in await api.items(f"archive?duplicates_of={id_}")} == others
    assert (await api("GET", "archive?duplicates_of=nothing")).status == 404


async def test_without_a_title_the_file_name_tells_the_project(api: Api, parts: Parts) -> None:
    names = ("Box_plate_1.gcode.3mf", "box_plate_12.gcode.3mf", "Box.3mf", "Boxes.3mf", "plate_1.gcode.3mf")
    ids = [await archived(parts, threemf.sliced(title="", seed=n), filename=name) for n, name in enumerate(names)]
    listed = {item["id"]: item["duplicates"]["likely"] for item in await api.items("archive")}
    assert [listed[id_] for id_ in ids] == [2, 2, 2, 0, 0]


# -- pictures and content ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "where"), [(Mode.IMMEDIATE, "archive"), (Mode.REVIEW, "pending")])
async def test_pictures_are_served_once(api: Api, parts: Parts, mode: Mode, where: str) -> None:
    content = threemf.sliced(Plate(1, color="#FF0000"), Plate(2, color="#00FF00"))
    id_ = await archived(parts, content, mode=mode)
    path = f"{where}/{id_}/plates/2/thumbnail"
    answer = await api("GET", path)
    assert (answer.status, answer.body) == (200, threemf.png("#00FF00"))
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"].startswith("private")
    again = await api("GET", path, headers={"If-None-Match": answer.headers["Etag"]})
    assert (again.status, again.body) == (304, b"")
    other = await api("GET", f"{where}/{id_}/plates/1/thumbnail", headers={"If-None-Match": answer.headers["Etag"]})
    assert (other.status, other.body) == (200, threemf.png("#FF0000"))
    assert (await api("GET", f"{where}/{id_}/plates/3/thumbnail")).code == "no_thumbnail"
    assert (await api("GET", f"{where}/{id_}/file")).body == content


async def test_a_plate_says_whether_it_has_a_picture(api: Api, parts: Parts) -> None:
    content = threemf.sliced(
        Plate(1), Plate(2), without=[f"Metadata/{kind}_2.png" for kind in ("plate", "plate_no_light", "top")]
    )
    id_ = await archived(parts, content)
    for plate in (await api.get(f"archive/{id_}"))["plates"]:
        answer = await api("GET", f"archive/{id_}/plates/{plate['index']}/thumbnail")
        assert answer.status == (200 if plate["thumbnail"] else 404)


# -- reading again -------------------------------------------------------------------------------------------------


@pytest.fixture
def rereading(parts: Parts) -> Rereading:
    """What runs in the background."""
    return Rereading(parts.database, parts.blobs, parts.clock)


async def forget(parts: Parts) -> None:
    """Make all files those of the first release."""
    async with parts.database.write() as session:
        for table in (ArchiveItem, PendingUpload):
            old = {"plates": [{"index": 1}], "reader": 0, "title": None, "project_key": None, "seconds": None}
            await session.execute(update(table).values(**old))


async def test_files_of_an_older_release_are_read_again(api: Api, parts: Parts, rereading: Rereading) -> None:
    for number in range(BATCH + 3):
        await archived(parts, threemf.sliced(title=f"Box {number}", seed=number))
    await archived(parts, threemf.sliced(title="Waiting"), mode=Mode.REVIEW)
    before = await api.items("archive"), await api.items("pending")
    await forget(parts)
    old = await api.items("archive")
    assert (old[0]["title"], old[0]["plates"][0]["seconds"], old[0]["plates"][0]["objects"]) == (None, None, [])
    assert await rereading.round() == BATCH + 4
    assert (await api.items("archive"), await api.items("pending")) == before
    assert (await api.events())[-3:] == ["files.read"] * 3
    assert await rereading.round() == 0


async def test_a_file_that_comes_back_is_read_after_all(api: Api, parts: Parts, rereading: Rereading) -> None:
    content = threemf.sliced(title="Box")
    fact = stored(content)
    await parts.take(fact)
    item = await api.get(f"archive/{fact.upload}")
    assert (item["title"], item["reader_error"]) == (None, "the file is missing from the store")
    assert await rereading.round() == 0
    parts.keep(content)
    assert await rereading.round() == 1
    item = await api.get(f"archive/{fact.upload}")
    assert (item["title"], item["reader_error"]) == ("Box", None)


async def test_a_file_that_goes_missing_keeps_what_was_known(api: Api, parts: Parts, rereading: Rereading) -> None:
    id_ = await archived(parts, threemf.sliced(title="Box"))
    async with parts.database.write() as session:
        await session.execute(update(ArchiveItem).values(reader=0))
    (sha,) = parts.blobs.hashes()
    parts.blobs.path(sha).unlink()
    assert await rereading.round() == 1
    item = await api.get(f"archive/{id_}")
    assert (item["title"], item["reader_error"]) == ("Box", "the file is missing from the store")


async def test_what_was_written_by_hand_survives_reading_again(api: Api, parts: Parts, rereading: Rereading) -> None:
    id_ = await archived(parts, threemf.sliced(title="Box"))
    await api.patch(f"archive/{id_}", {"name": "My box", "notes": "blue", "tags": ["gift"]})
    await forget(parts)
    await rereading.round()
    item = await api.get(f"archive/{id_}")
    assert (item["name"], item["notes"], item["tags"], item["title"]) == ("My box", "blue", ["gift"], "Box")


# -- the limits of reading -----------------------------------------------------------------------------------------


async def test_a_disk_that_does_not_answer_holds_up_nobody_for_long(
    parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event  # noqa: PLC0415 - only here

    answered = Event()

    def slow(_path: Path, _filename: str) -> None:
        answered.wait(30)

    monkeypatch.setattr("vprinter_control.reading.read_contents", slow)
    sha = parts.keep(threemf.sliced())
    found = await read_kept(parts.blobs, sha, "a.gcode.3mf", patience=0.01)
    answered.set()
    assert found.error is not None
    assert "longer than 0.01 seconds" in found.error
    assert found.reader == 0


async def test_a_file_of_gigabytes_is_taken_like_any_other(api: Api, parts: Parts) -> None:
    content = threemf.sliced()
    fact = stored(content, at=NOON)
    fact = fact.model_copy(update={"size": 2 << 30})
    path = parts.blobs.path(fact.sha256)
    path.parent.mkdir()
    threemf.huge(path)
    await parts.take(fact)
    item = await api.get(f"archive/{fact.upload}")
    assert (item["reader_error"], item["size"]) == (None, 2 << 30)
    assert item["plates"][0]["seconds"] == replace(Plate()).seconds
