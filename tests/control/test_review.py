"""Many pending uploads at once, and second thoughts."""

from tests.control.filled import take
from tests.control.harness import Api, Parts
from vprinter_common.contracts.printer import Mode
from vprinter_control.upkeep import Keeping, Upkeep


def upkeep(parts: Parts) -> Upkeep:
    """Housekeeping that lets a discarded upload be restored for a minute."""
    control = parts.control
    keeping = Keeping(events=100, audit_days=30, discarded=60)
    return Upkeep(control.database, control.printers, control.trust, control.addresses, control.metrics, keeping)


async def test_a_discarded_upload_can_be_restored_for_a_minute(api: Api, parts: Parts) -> None:
    kept, gone = await take(parts, "a.3mf", "b.3mf", mode=Mode.REVIEW)
    for id_ in (kept, gone):
        assert (await api("POST", f"pending/{id_}/discard")).status == 204
    assert await api.items("pending") == []
    assert {item["id"] for item in await api.items("pending?discarded=true")} == {kept, gone}
    answer = await api("POST", f"pending/{gone}/approve")
    assert (answer.status, answer.code) == (409, "discarded")
    assert (await api("PATCH", f"pending/{gone}", {"notes": "x"})).code == "discarded"
    parts.clock.forward(59)
    await upkeep(parts).clear_out()
    assert (await api.post(f"pending/{kept}/restore"))["discarded_at"] is None
    parts.clock.forward(2)
    await upkeep(parts).clear_out()
    assert [item["id"] for item in await api.items("pending")] == [kept]
    assert (await api("POST", f"pending/{gone}/restore")).code == "not_found"


async def test_many_are_approved_at_once_with_what_is_said_of_them(api: Api, parts: Parts) -> None:
    project = await api.post("projects", {"name": "Boxes"})
    one, other, discarded = await take(parts, "a.3mf", "b.3mf", "c.3mf", mode=Mode.REVIEW)
    await api.post(f"pending/{discarded}/discard")
    answer = await api.post(
        "pending/bulk",
        {
            "action": "approve",
            "ids": [one, "nothing", other, one, discarded],
            "to": "queue",
            "project_id": project["id"],
            "tags": ["red"],
        },
    )
    assert answer["done"] == [one, other]
    assert [(failed["id"], failed["code"]) for failed in answer["failed"]] == [
        ("nothing", "not_found"),
        (discarded, "discarded"),
    ]
    archived = await api.items(f"archive?project={project['id']}&tag=red")
    assert {item["id"] for item in archived} == {one, other}
    assert [item["archive_id"] for item in await api.items("queue")] == [one, other]


async def test_many_are_discarded_at_once(api: Api, parts: Parts) -> None:
    ids = await take(parts, "a.3mf", "b.3mf", mode=Mode.REVIEW)
    assert await api.post("pending/bulk", {"action": "discard", "ids": ids}) == {"done": ids, "failed": []}
    assert await api.items("pending") == []


async def test_a_project_that_is_not_there_stops_all(api: Api, parts: Parts) -> None:
    ids = await take(parts, "a.3mf", mode=Mode.REVIEW)
    answer = await api("POST", "pending/bulk", {"action": "approve", "ids": ids, "project_id": "nothing"})
    assert (answer.status, answer.code) == (404, "not_found")
    assert len(await api.items("pending")) == 1


async def test_a_pending_upload_is_looked_into(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "a.3mf", mode=Mode.REVIEW)
    content = parts.blobs.path((await api.get(f"pending/{id_}"))["sha256"]).read_bytes()
    assert (await api("GET", f"pending/{id_}/file")).body == content
    assert (await api("GET", f"pending/{id_}/plates/1/thumbnail")).body.startswith(b"\x89PNG")
