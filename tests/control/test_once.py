"""Requests that are sent twice, and changes of what was changed meanwhile."""

import asyncio
from datetime import timedelta

import pytest

from tests.control.filled import take
from tests.control.harness import READ_TOKEN, Answer, Api, Parts
from vprinter_common.contracts.printer import Mode
from vprinter_control.api import projects
from vprinter_control.store import once


async def send(api: Api, key: str, name: str = "Boxes") -> Answer:
    """Make a project, with a key."""
    return await api("POST", "projects", {"name": name}, headers={"Idempotency-Key": key})


async def test_a_repeated_post_is_answered_as_it_was(api: Api) -> None:
    first, again = await send(api, "one"), await send(api, "one")
    assert (first.status, first.body, first.headers["ETag"]) == (again.status, again.body, again.headers["ETag"])
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(await api.items("projects")) == 1
    await send(api, "another")
    assert len(await api.items("projects")) == 2


async def test_a_key_is_for_one_request(api: Api) -> None:
    await send(api, "one")
    other = await send(api, "one", name="Lids")
    assert (other.status, other.code) == (409, "idempotency_key_reused")


async def test_a_refused_request_does_not_use_up_its_key(api: Api, parts: Parts) -> None:
    answer = await api("POST", "queue", {"archive_id": "nothing"}, headers={"Idempotency-Key": "one"})
    assert answer.status == 404
    (file,) = await take(parts, "cube.3mf")
    answer = await api("POST", "queue", {"archive_id": file}, headers={"Idempotency-Key": "one"})
    assert answer.status == 201


async def test_a_key_is_forgotten_after_a_day(api: Api, parts: Parts) -> None:
    first = await send(api, "one")
    parts.clock.forward(timedelta(hours=24).total_seconds())
    second = await send(api, "one", name="Lids")
    assert (second.status, second.body["name"]) == (201, "Lids")
    assert first.body["id"] != second.body["id"]
    async with parts.database.write() as session:
        await once.forget(session, parts.clock() + once.KEPT)
    assert (await send(api, "one")).status == 201


async def test_two_at_the_same_time_are_carried_out_once(api: Api) -> None:
    answers = await asyncio.gather(*(send(api, "one") for _ in range(4)))
    assert len(await api.items("projects")) == 1
    assert {answer.status for answer in answers} <= {201, 409}
    assert {answer.code for answer in answers if answer.status == 409} <= {"idempotency_key_in_use"}


async def test_a_change_whose_answer_was_lost_is_not_made_twice(
    api: Api, parts: Parts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(_project: object) -> None:
        raise RuntimeError("control dies before it answers")

    with monkeypatch.context() as patch:
        patch.setattr(projects, "_object", die)
        assert (await send(api, "one")).status == 500
    again = await send(api, "one")
    assert (again.status, again.code) == (409, "idempotency_answer_lost")
    assert len(await api.items("projects")) == 1


async def test_an_answer_that_holds_a_secret_is_not_kept(api: Api) -> None:
    for status in (201, 409):
        answer = await api("POST", "tokens", {"name": "x", "scopes": ["read"]}, headers={"Idempotency-Key": "one"})
        assert answer.status == status
    assert answer.code == "idempotency_answer_lost"


@pytest.mark.parametrize("key", ["", "x" * 201])
async def test_a_key_has_a_form(api: Api, key: str) -> None:
    answer = await send(api, key)
    assert (answer.status, answer.body["field"]) == (422, "Idempotency-Key")


async def test_a_change_is_made_to_what_was_seen(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf")
    seen = (await api("GET", f"archive/{id_}")).headers["ETag"]
    changed = await api("PATCH", f"archive/{id_}", {"notes": "mine"}, headers={"If-Match": seen})
    assert changed.status == 200
    assert changed.headers["ETag"] != seen
    for method, body in (("PATCH", {"notes": "yours"}), ("DELETE", None)):
        late = await api(method, f"archive/{id_}", body, headers={"If-Match": seen})
        assert (late.status, late.code) == (412, "changed_meanwhile")
        assert late.headers["ETag"] == changed.headers["ETag"]
    assert (await api("DELETE", f"archive/{id_}", headers={"If-Match": f'"x", {late.headers["ETag"]}'})).status == 204


async def test_of_two_changes_at_once_one_is_made(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf", mode=Mode.REVIEW)
    seen = (await api("GET", f"pending/{id_}")).headers["ETag"]
    answers = await asyncio.gather(
        *(api("PATCH", f"pending/{id_}", {"notes": f"{n}"}, headers={"If-Match": seen}) for n in range(5))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412, 412, 412]


async def test_what_changes_by_itself_does_not_stand_in_the_way(api: Api, parts: Parts) -> None:
    (id_,) = await take(parts, "cube.3mf")
    first = await api.post("queue", {"archive_id": id_})
    second = await api("POST", "queue", {"archive_id": id_})
    await api.delete(f"queue/{first['id']}")
    held = await api(
        "PATCH", f"queue/{second.body['id']}", {"hold": True}, headers={"If-Match": second.headers["ETag"]}
    )
    assert (held.status, held.body["position"]) == (200, 1)
    assert (await Api(api.client, READ_TOKEN)("GET", f"archive/{id_}")).status == 200


async def test_a_printer_is_changed_as_it_was_seen_and_its_codes_each_for_itself(api: Api) -> None:
    made = await api("POST", "virtual-printers", {"name": "Desk", "model": "P1S", "enabled": False})
    printer = f"virtual-printers/{made.body['id']}"
    ada = await api("POST", f"{printer}/access-codes", {"owner": "Ada"})
    code = f"{printer}/access-codes/{ada.body['id']}"
    assert (await api("GET", code)).headers["ETag"] == ada.headers["ETag"]
    renamed = await api("PATCH", printer, {"name": "Bench"}, headers={"If-Match": made.headers["ETag"]})
    assert (renamed.status, renamed.body["name"]) == (200, "Bench")
    late = await api("PATCH", printer, {"mode": "review"}, headers={"If-Match": made.headers["ETag"]})
    assert (late.status, late.code) == (412, "changed_meanwhile")
    assert (await api("PATCH", code, {"rotate": True}, headers={"If-Match": ada.headers["ETag"]})).status == 200
    for method, body in (("PATCH", {"rotate": True}), ("DELETE", None)):
        late = await api(method, code, body, headers={"If-Match": ada.headers["ETag"]})
        assert (late.status, late.code) == (412, "changed_meanwhile")
    assert (await api("DELETE", printer, headers={"If-Match": renamed.headers["ETag"]})).status == 204
