"""Real printers by the API."""

from typing import Any

import pytest

from tests.control.harness import READ_TOKEN, Api, FakeBus, Parts
from tests.control.targets import CODE, FIRST, HOST, SECOND, SERIAL, add, fares, heard, hears, proxy, sees
from tests.control.test_audit import trail
from tests.control.test_desired import publishing, until
from tests.control.test_virtual_printers import status
from vprinter_common.contracts import subjects
from vprinter_control.tracking import Tracking


def tracking(parts: Parts) -> Tracking:
    return Tracking(parts.control.targets, parts.control.addresses, parts.control.metrics.target_online)


async def test_host_and_code_are_enough_for_a_printer_that_answers(api: Api, bus: FakeBus) -> None:
    asked = sees(bus)
    answer = await api("POST", "printers", {"host": HOST, "access_code": CODE})
    assert answer.status == 201
    made = answer.body
    assert (made["name"], made["serial"], made["model"]) == ("Shop P1S", SERIAL, "C12")
    assert made["fingerprint"] == FIRST
    assert CODE not in str(made)
    (question,) = asked
    assert question.access_code is not None
    assert question.access_code.get_secret_value() == CODE
    assert await api.items("printers") == [made]


async def test_by_hand_it_is_put_in_unseen(api: Api, bus: FakeBus) -> None:
    by_hand = {"host": "printer.example.org", "access_code": CODE, "serial": SERIAL, "model": "P1S"}
    unseen = await api.post("printers", by_hand)  # no proxy answers
    assert (unseen["name"], unseen["model"], unseen["fingerprint"]) == ("P1S 6789", "C12", None)
    sees(bus, serial=None, model=None, fingerprint=None, trouble="unreachable", error="it is off")
    other = await api.post("printers", by_hand | {"serial": "01P00A999999999", "name": "Off"})
    assert (other["name"], other["fingerprint"]) == ("Off", None)


@pytest.mark.parametrize(
    ("found", "status_", "code", "field"),
    [
        ({"trouble": "access_code", "code_accepted": False}, 422, "access_code", "access_code"),
        ({"trouble": "wrong_printer"}, 422, "wrong_printer", "host"),
        ({"trouble": "unreachable", "serial": None, "model": None}, 503, "printer_not_found", "serial"),
        ({"model": "Z9"}, 422, "unknown_model", "model"),
    ],
)
async def test_what_keeps_a_printer_out_says_what_to_do(
    api: Api, bus: FakeBus, *, found: dict[str, Any], status_: int, code: str, field: str
) -> None:
    sees(bus, **found)
    answer = await api("POST", "printers", {"host": HOST, "access_code": CODE})
    assert (answer.status, answer.code, answer.body["field"]) == (status_, code, field)
    assert answer.body["hint"]
    assert await api.items("printers") == []


async def test_without_a_proxy_service_nobody_looks(api: Api) -> None:
    answer = await api("POST", "printers", {"host": HOST, "access_code": CODE})
    assert (answer.status, answer.code) == (503, "proxy_away")


async def test_a_model_that_nobody_knows_can_be_named(api: Api, bus: FakeBus) -> None:
    sees(bus, model="Z9")
    assert (await api.post("printers", {"host": HOST, "access_code": CODE, "model": "X1C"}))["model"] == "BL-P001"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"host": ""}, "host"), ({"host": "a b"}, "host"), ({"host": "1.2.3"}, "host"), ({"host": "0.0.0.0"}, "host"),
        ({"host": "-x.example"}, "host"), ({"access_code": "123"}, "access_code"), ({"serial": "a/b"}, "serial"),
    ],
)  # fmt: skip
async def test_a_wrong_field_is_named(api: Api, bus: FakeBus, wrong: dict[str, Any], field: str) -> None:
    sees(bus)
    answer = await api("POST", "printers", {"host": HOST, "access_code": CODE} | wrong)
    assert (answer.status, answer.body["field"]) == (422, field)


async def test_nobody_is_put_in_twice_nor_one_of_ours(api: Api, bus: FakeBus) -> None:
    await add(api, bus)
    again = await api("POST", "printers", {"host": "192.0.2.71", "access_code": CODE})
    assert (again.status, again.code) == (409, "duplicate_serial")
    assert "Shop P1S" in again.body["detail"]
    own = await api.post("virtual-printers", {"name": "Desk", "model": "X1C", "enabled": False})
    sees(bus, serial=own["serial"])
    mine = await api("POST", "printers", {"host": "192.0.2.10", "access_code": CODE})
    assert (mine.status, mine.code) == (409, "own_printer")


async def test_a_change_is_made_to_what_its_maker_saw(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus)
    path = f"printers/{made['id']}"
    etag = (await api("GET", path)).headers["ETag"]
    fares(parts, made["id"], state="RUNNING")
    assert (await api("GET", path)).headers["ETag"] == etag
    changed = await api("PATCH", path, {"host": "192.0.2.80", "access_code": "Next5678"}, headers={"If-Match": etag})
    assert (changed.status, changed.body["host"], changed.body["revision"]) == (200, "192.0.2.80", 2)
    late = await api("PATCH", path, {"name": "Late"}, headers={"If-Match": etag})
    assert (late.status, late.code) == (412, "changed_meanwhile")
    (entry,) = [entry for entry in await trail(api) if entry["action"] == "real_printer.changed"]
    assert entry["object"]["name"] == "Shop P1S"
    assert entry["changes"]["host"] == {"from": HOST, "to": "192.0.2.80"}
    assert "Next5678" not in str(await trail(api))


async def test_the_code_is_shown_to_who_may_and_asks_for_it(api: Api, bus: FakeBus) -> None:
    made = await add(api, bus)
    assert await api.get(f"printers/{made['id']}/access-code") == {"access_code": CODE}
    answer = await Api(api.client, READ_TOKEN)("GET", f"printers/{made['id']}/access-code")
    assert (answer.status, answer.code) == (403, "missing_scope")
    assert (await Api(api.client, READ_TOKEN)("POST", "printers", {})).status == 403


async def test_a_repeated_request_adds_one_printer(api: Api, bus: FakeBus) -> None:
    sees(bus)
    body, key = {"host": HOST, "access_code": CODE}, {"Idempotency-Key": "k"}
    first = await api("POST", "printers", body, headers=key)
    again = await api("POST", "printers", body, headers=key)
    assert (again.body, again.headers["Idempotency-Replayed"]) == (first.body, "true")


async def test_another_serial_number_is_another_printer(api: Api, bus: FakeBus) -> None:
    made = await add(api, bus)
    changed = await api.patch(f"printers/{made['id']}", {"serial": "01P00A000000001"})
    assert (changed["serial"], changed["fingerprint"]) == ("01P00A000000001", None)


async def test_those_in_use_stay_and_queue_items_are_anybodys_again(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus)
    door = await api.post("virtual-printers", proxy(made["id"]))
    refused = await api("DELETE", f"printers/{made['id']}")
    assert (refused.status, refused.code) == (409, "printer_in_use")
    assert "Door" in refused.body["detail"]
    assert (await api.get(f"printers/{made['id']}"))["used_by"] == [{"id": door["id"], "name": "Door", "mode": "proxy"}]
    await api.delete(f"virtual-printers/{door['id']}")
    await api.delete(f"printers/{made['id']}")
    assert await api.items("printers") == []


async def test_they_are_published_with_their_codes(api: Api, bus: FakeBus, parts: Parts) -> None:
    async with publishing(parts):
        made = await add(api, bus)
        bucket = bus.bucket(subjects.TARGETS)
        await until(lambda: made["id"] in bucket)
        spec = bucket[made["id"]]
        assert (spec.host, spec.serial, spec.fingerprint) == (HOST, SERIAL, FIRST)
        assert spec.access_code.get_secret_value() == CODE
        await api.delete(f"printers/{made['id']}")
        await until(lambda: made["id"] not in bucket)


async def test_what_is_heard_and_not_known_is_discovered(api: Api, bus: FakeBus, parts: Parts) -> None:
    assert (await api("GET", "printers/discovered")).code == "discovery_away"
    own = await api.post("virtual-printers", {"name": "Desk", "model": "X1C", "enabled": False})
    hears(bus, heard(own["serial"]), heard(last_heard_seconds=9.0), heard("22E00A1", model="N7"))
    hears(bus, heard(address="192.0.2.71"), node="cellar")
    parts.control.statuses.latest = {"d": status("p", "discovery", parts).model_copy(update={"node": "cellar"})}
    first, second = await api.items("printers/discovered")
    assert (first["serial"], second["serial"]) in {(SERIAL, "22E00A1"), ("22E00A1", SERIAL)}
    found = {one["serial"]: one for one in (first, second)}
    assert (found[SERIAL]["host"], found[SERIAL]["model"]) == ("192.0.2.71", "C12")
    assert "access code" in found[SERIAL]["todo"]
    await add(api, bus)
    assert [one["serial"] for one in await api.items("printers/discovered")] == ["22E00A1"]


async def test_its_status_says_how_it_fares(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus)
    path = f"printers/{made['id']}/status"
    assert (await api.get(path))["state"] == "unwatched"
    fares(parts, made["id"], state="RUNNING", job="cube", percent=40, nozzle_celsius=219.5)
    found = await api.get(path)
    assert (found["state"], found["printing"], found["percent"], found["nozzle_celsius"]) == (
        "online", "RUNNING", 40, 219.5,
    )  # fmt: skip
    fares(parts, made["id"], online=False, trouble="unreachable")
    found = await api.get(path)
    assert (found["state"], found["trouble"]) == ("offline", "unreachable")
    assert "switched on" in found["hint"]
    fares(parts, made["id"], online=False, trouble="access_code", error="the code is wrong")
    assert (await api.get(path))["error"] == "the code is wrong"
    assert (await api.get(path))["state"] == "attention"
    parts.clock.forward(31)
    assert (await api.get(path))["state"] == "unwatched"


async def test_a_look_at_it_says_what_is_wrong(api: Api, bus: FakeBus) -> None:
    made = await add(api, bus)
    asked = sees(bus, fingerprint=SECOND, trouble="certificate_changed", code_accepted=None)
    seen = await api.post(f"printers/{made['id']}/probe")
    assert (seen["fingerprint"], seen["trusted"], seen["trouble"]) == (SECOND, False, "certificate_changed")
    assert (asked[0].serial, asked[0].fingerprint) == (SERIAL, FIRST)


async def test_who_is_online_is_a_metric(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus)

    async def online() -> dict[str, float]:
        await tracking(parts).look()
        (family,) = parts.control.metrics.target_online.collect()
        return {sample.labels["target"]: sample.value for sample in family.samples}

    assert await online() == {made["id"]: 0}
    fares(parts, made["id"])
    assert await online() == {made["id"]: 1}
    await api.delete(f"printers/{made['id']}")
    assert await online() == {}


async def test_the_first_certificate_is_trusted(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await api.post("printers", {"host": HOST, "access_code": CODE, "serial": SERIAL, "model": "P1S"})
    fares(parts, made["id"], online=False, trouble="tls")
    await tracking(parts).look()
    assert (await api.get(f"printers/{made['id']}"))["fingerprint"] is None
    fares(parts, made["id"])
    await tracking(parts).look()
    assert (await api.get(f"printers/{made['id']}"))["fingerprint"] == FIRST
    fares(parts, made["id"], fingerprint=SECOND)
    await tracking(parts).look()
    assert (await api.get(f"printers/{made['id']}"))["fingerprint"] == FIRST


async def test_another_certificate_is_trusted_by_who_saw_it_only(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus)
    path = f"printers/{made['id']}/accept-certificate"
    fares(parts, made["id"], online=False, trouble="certificate_changed", fingerprint=SECOND)
    refused = await api("POST", path, {"fingerprint": "3c" * 32})
    assert (refused.status, refused.code) == (409, "certificate_not_shown")
    assert (await api.post(path, {"fingerprint": SECOND}))["fingerprint"] == SECOND
    (entry,) = [entry for entry in await trail(api) if entry["action"] == "real_printer.certificate_accepted"]
    assert entry["changes"]["fingerprint"] == {"from": FIRST, "to": SECOND}


@pytest.mark.parametrize(
    ("at", "found", "follows"),
    [
        ("192.0.2.77", {}, True),
        ("192.0.2.77", {"fingerprint": SECOND, "trouble": "certificate_changed"}, False),
        ("192.0.2.77", {"trouble": "unreachable", "fingerprint": None}, False),
        ("192.0.2.10", {}, False),
        (HOST, {}, False),
    ],
    ids=["it is there", "an impostor", "nobody there", "a proxy of ours", "where it was"],
)
async def test_a_printer_that_is_away_is_followed_to_where_it_really_is(
    api: Api, bus: FakeBus, parts: Parts, *, at: str, found: dict[str, Any], follows: bool
) -> None:
    made = await add(api, bus)
    hears(bus, heard(address=at))
    await tracking(parts).look()
    fares(parts, made["id"], online=False, trouble="unreachable")
    asked = sees(bus, **found)
    await tracking(parts).look()
    assert (await api.get(f"printers/{made['id']}"))["host"] == (at if follows else HOST)
    assert all(question.access_code is None for question in asked)
    followed = [entry for entry in await trail(api) if entry["action"] == "real_printer.followed"]
    assert len(followed) == follows
    if follows:
        assert followed[0]["actor"]["kind"] == "system"
        assert followed[0]["changes"]["host"] == {"from": HOST, "to": at}


async def test_a_name_is_not_followed(api: Api, bus: FakeBus, parts: Parts) -> None:
    made = await add(api, bus, host="shop.example.org")
    hears(bus, heard(address="192.0.2.77"))
    fares(parts, made["id"], online=False, trouble="unreachable")
    await tracking(parts).look()
    assert (await api.get(f"printers/{made['id']}"))["host"] == "shop.example.org"
