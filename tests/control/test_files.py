"""Archive, pending uploads, queue and projects by the API."""

import pytest

from tests.control.harness import Api, FakeBus, Parts, stored
from tests.control.targets import add
from tests.simulators import threemf
from tests.simulators.threemf import Plate
from vprinter_common.contracts.printer import Mode


async def archive(parts: Parts, *filenames: str, mode: Mode = Mode.IMMEDIATE) -> list[str]:
    """Files in the archive; returns their ids."""
    ids = []
    for number, filename in enumerate(filenames):
        content = threemf.sliced(Plate(1), Plate(2), seed=number)
        parts.keep(content)
        fact = stored(content, filename=filename, mode=mode)
        await parts.take(fact)
        ids.append(fact.upload)
    return ids


async def test_the_archive_is_listed_newest_first_page_by_page(api: Api, parts: Parts) -> None:
    ids = await archive(parts, *(f"{letter}.gcode.3mf" for letter in "abcde"))
    seen, cursor = [], ""
    while True:
        page = await api.get(f"archive?limit=2{cursor}")
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=TEST", ["50%_test"]),
        ("q=%25_", ["cube", "50%_test"]),
        ("q=.3MF", ["cube", "50%_test"]),
        ("printer=printer", ["cube", "50%_test"]),
        ("printer=another", []),
    ],
)
async def test_the_archive_is_searched(api: Api, parts: Parts, query: str, names: list[str]) -> None:
    await archive(parts, "50%_test.gcode.3mf", "cube.3mf")
    assert [item["name"] for item in await api.items(f"archive?{query}")] == names


async def test_an_archive_item_is_changed(api: Api, parts: Parts) -> None:
    (id_,) = await archive(parts, "cube.gcode.3mf")
    project = await api.post("projects", {"name": "Boxes"})
    changed = await api.patch(
        f"archive/{id_}", {"name": "Cube", "notes": "two\nlines", "tags": ["red"], "project_id": project["id"]}
    )
    assert (changed["name"], changed["notes"], changed["tags"]) == ("Cube", "two\nlines", ["red"])
    assert [item["id"] for item in await api.items(f"archive?project={project['id']}")] == [id_]
    await api.delete(f"projects/{project['id']}")
    assert (await api.get(f"archive/{id_}"))["project_id"] is None
    assert (await api("PATCH", f"archive/{id_}", {"project_id": project["id"]})).status == 404


async def test_a_file_is_downloaded_whole_and_in_ranges(api: Api, parts: Parts) -> None:
    content = threemf.sliced()
    parts.keep(content)
    fact = stored(content, filename='sö "x".gcode.3mf')
    await parts.take(fact)
    whole = await api("GET", f"archive/{fact.upload}/file")
    assert (whole.status, whole.body) == (200, content)
    disposition = whole.headers["Content-Disposition"]
    assert disposition == ("attachment; filename=\"s_ _x_.gcode.3mf\"; filename*=UTF-8''s%C3%B6%20%22x%22.gcode.3mf")
    part = await api("GET", f"archive/{fact.upload}/file", headers={"Range": "bytes=2-5"})
    assert (part.status, part.body) == (206, content[2:6])
    assert part.headers["Content-Range"] == f"bytes 2-5/{len(content)}"
    picture = await api("GET", f"archive/{fact.upload}/plates/1/thumbnail")
    assert picture.body.startswith(b"\x89PNG")
    assert (await api("GET", f"archive/{fact.upload}/plates/2/thumbnail")).code == "no_thumbnail"


async def test_a_deleted_archive_item_leaves_the_queue_too(api: Api, parts: Parts) -> None:
    gone, kept = await archive(parts, "a.gcode.3mf", "b.gcode.3mf", mode=Mode.QUEUE)
    await api.delete(f"archive/{gone}")
    assert {item["archive_id"] for item in await api.items("queue")} == {kept}
    assert (await api("GET", f"archive/{gone}")).status == 404


async def test_a_pending_upload_is_approved_once(api: Api, parts: Parts) -> None:
    (id_,) = await archive(parts, "cube.gcode.3mf", mode=Mode.REVIEW)
    await api.patch(f"pending/{id_}", {"notes": "looks good", "tags": ["ok"]})
    approved = await api.post(f"pending/{id_}/approve")
    assert (approved["id"], approved["notes"], approved["tags"]) == (id_, "looks good", ["ok"])
    assert await api.items("pending") == await api.items("queue") == []
    assert [item["id"] for item in await api.items("archive")] == [id_]
    again = await api("POST", f"pending/{id_}/approve", {"to": "archive"})
    assert (again.status, again.code) == (404, "not_found")


async def test_a_pending_upload_is_approved_to_the_queue(api: Api, parts: Parts) -> None:
    (id_,) = await archive(parts, "cube.gcode.3mf", mode=Mode.REVIEW)
    await api.post(f"pending/{id_}/approve", {"to": "queue"})
    assert [(item["archive_id"], item["plate"]) for item in await api.items("queue")] == [(id_, 1), (id_, 2)]


async def test_a_pending_upload_outlives_its_printer(api: Api, parts: Parts) -> None:
    printer = await api.post("virtual-printers", {"name": "Desk", "model": "X1C", "enabled": False})
    content = threemf.sliced()
    parts.keep(content)
    fact = stored(content, mode=Mode.REVIEW, printer=printer["id"])
    await parts.take(fact)
    await api.delete(f"virtual-printers/{printer['id']}")
    approved = await api.post(f"pending/{fact.upload}/approve")
    assert approved["virtual_printer_id"] == printer["id"]


async def test_a_discarded_upload_is_gone(api: Api, parts: Parts) -> None:
    (id_,) = await archive(parts, "cube.gcode.3mf", mode=Mode.REVIEW)
    assert (await api("POST", f"pending/{id_}/discard")).status == 204
    assert await api.items("pending") == await api.items("archive") == []


async def test_the_queue_is_added_to_and_reordered(api: Api, parts: Parts, bus: FakeBus) -> None:
    garage = (await add(api, bus))["id"]
    (id_,) = await archive(parts, "cube.gcode.3mf")
    first = await api.post("queue", {"archive_id": id_})
    second = await api.post("queue", {"archive_id": id_, "plate": 2})
    third = await api.post("queue", {"archive_id": id_})
    assert [first["plate"], second["plate"]] == [1, 2]
    await api.patch(f"queue/{third['id']}", {"after": None, "hold": True, "printer_id": garage})
    await api.patch(f"queue/{first['id']}", {"before": None})
    listed = await api.items("queue")
    assert [item["id"] for item in listed] == [third["id"], second["id"], first["id"]]
    assert [item["position"] for item in listed] == [1, 2, 3]
    assert (listed[0]["hold"], listed[0]["printer_id"]) == (True, garage)
    await api.delete(f"queue/{second['id']}")
    assert [item["position"] for item in await api.items("queue")] == [1, 2]


async def test_the_queue_refuses_what_is_not_there(api: Api, parts: Parts) -> None:
    (id_,) = await archive(parts, "cube.gcode.3mf")
    answer = await api("POST", "queue", {"archive_id": id_, "plate": 9})
    assert (answer.status, answer.code, answer.body["field"]) == (422, "no_such_plate", "plate")
    assert (await api("POST", "queue", {"archive_id": "nothing"})).status == 404


async def test_projects_are_kept(api: Api) -> None:
    made = await api.post("projects", {"name": "Boxes"})
    changed = await api.patch(f"projects/{made['id']}", {"notes": "all of them"})
    assert changed == made | {"notes": "all of them"}
    assert await api.items("projects") == [changed]
    assert await api.get(f"projects/{made['id']}") == changed
