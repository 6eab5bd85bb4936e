"""The audit trail."""

from datetime import timedelta
from typing import Any

from tests.control.filled import take
from tests.control.harness import READ_TOKEN, Api, Parts
from tests.control.test_review import upkeep
from vprinter_common.contracts.printer import Mode


async def trail(api: Api, query: str = "") -> list[dict[str, Any]]:
    """The trail, the oldest first."""
    return (await api.items(f"audit?limit=500{query}"))[::-1]


async def test_who_changed_what_is_kept(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf")
    await api.patch(f"archive/{id_}", {"notes": "red", "tags": []})
    (entry,) = [entry for entry in await trail(api) if entry["action"] == "archive.changed"]
    assert entry["actor"] == {"kind": "token", "name": "admin"}
    assert entry["address"] == "127.0.0.1"
    assert entry["object"] == {"kind": "archive", "id": id_, "name": "cube"}
    assert entry["changes"] == {"notes": {"from": "", "to": "red"}}


async def test_which_slicer_sent_which_file_from_where_is_kept(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf", owner="Ann", mode=Mode.REVIEW)
    (entry,) = await trail(api, f"&object={id_}")
    assert entry["actor"] == {"kind": "slicer", "name": "Ann"}
    assert (entry["address"], entry["action"]) == ("192.0.2.200", "pending.added")
    assert entry["changes"]["filename"] == "cube.3mf"
    assert entry["changes"]["slicer"].startswith("BambuStudio")


async def test_the_trail_is_filtered_and_paged(api: Api, parts: Parts) -> None:
    one, other = await take(parts, "a.3mf", "b.3mf", owner="Ann")
    await api.delete(f"archive/{one}")
    assert [entry["action"] for entry in await trail(api, f"&object={one}")] == ["archive.added", "archive.deleted"]
    assert {entry["object"]["id"] for entry in await trail(api, "&actor=Ann")} == {one, other}
    page = await api.get("audit?limit=1")
    assert page["items"][0]["action"] == "archive.deleted"
    assert page["next"] is not None


async def test_only_an_admin_reads_it(api: Api) -> None:
    answer = await Api(api.client, READ_TOKEN)("GET", "audit")
    assert (answer.status, answer.code) == (403, "missing_scope")


async def test_what_is_done_to_a_queue_item_is_told_by_its_position(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf")
    first = await api.post("queue", {"archive_id": id_})
    second = await api.post("queue", {"archive_id": id_})
    await api.patch(f"queue/{second['id']}", {"before": first["id"], "hold": True})
    entry = (await trail(api, f"&object={second['id']}"))[-1]
    assert entry["changes"] == {"hold": {"from": False, "to": True}, "position": {"from": 2, "to": 1}}


async def test_no_secret_gets_into_it(api: Api, parts: Parts) -> None:
    printer = await api.post("virtual-printers", {"name": "Desk", "model": "X1C", "access_code": "S3cretCd"})
    await api.patch(f"virtual-printers/{printer['id']}", {"access_code": "An0ther1"})
    token = (await api.post("tokens", {"name": "x"}))["token"]
    text = str(await trail(api))
    assert "S3cretCd" not in text
    assert "An0ther1" not in text
    assert token not in text
    assert "PRIVATE KEY" not in text


async def test_it_goes_back_so_many_days(api: Api, parts: Parts) -> None:
    await take(parts, "old.3mf")
    parts.clock.forward(timedelta(days=31).total_seconds())
    await take(parts, "new.3mf")
    await upkeep(parts).forget()
    assert [entry["object"]["name"] for entry in await trail(api)] == ["new"]
