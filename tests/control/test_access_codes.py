"""Access codes of a virtual printer over the API: many, each with an owner."""

from typing import Any

import pytest

from tests.control.harness import READ_TOKEN, Api, Parts, requested, stored
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_control import tokens
from vprinter_control.store import printers
from vprinter_control.tokens import Scope

GOOD = "Sesame42"


@pytest.fixture
async def codes(api: Api) -> str:
    """The path of a printer's access codes; the printer's own is GOOD."""
    printer = await api.post("virtual-printers", {"name": "Bench", "model": "BL-P001", "access_code": GOOD})
    return f"virtual-printers/{printer['id']}/access-codes"


async def published(parts: Parts) -> list[tuple[str, str]]:
    """Owners and codes as edges get them."""
    async with parts.database.read() as session:
        (spec,) = (await printers.specifications(session)).values()
    return [(code.owner, code.code.get_secret_value()) for code in spec.access_codes]


async def test_a_printer_begins_with_one_code_that_is_its_primary(api: Api, codes: str) -> None:
    (only,) = await api.items(codes)
    assert (only["owner"], only["code"], only["primary"], only["last_used_at"]) == ("", GOOD, True, None)


async def test_codes_are_added_named_replaced_and_revoked(api: Api, parts: Parts, codes: str) -> None:
    given = await api.post(codes, {"owner": "Ada", "code": "AdaAda42"})
    made = await api.post(codes, {"owner": "Bob"})
    assert len(made["code"]) == 8
    assert await published(parts) == [("", GOOD), ("Ada", "AdaAda42"), ("Bob", made["code"])]
    renamed = await api.patch(f"{codes}/{given['id']}", {"owner": "Ada Lovelace"})
    assert (renamed["owner"], renamed["code"]) == ("Ada Lovelace", "AdaAda42")
    rotated = await api.patch(f"{codes}/{made['id']}", {"rotate": True})
    assert rotated["code"] not in (made["code"], GOOD)
    replaced = await api.patch(f"{codes}/{given['id']}", {"code": "AdaAda43"})
    assert replaced["code"] == "AdaAda43"
    await api.delete(f"{codes}/{made['id']}")
    assert await published(parts) == [("", GOOD), ("Ada Lovelace", "AdaAda43")]
    assert [event for event in await api.events() if event.startswith("access_code")] == [
        "access_code.added",
        "access_code.added",
        "access_code.changed",
        "access_code.changed",
        "access_code.changed",
        "access_code.revoked",
    ]


async def test_every_change_is_published_and_none_makes_a_new_certificate(api: Api, codes: str) -> None:
    printer = codes.rpartition("/")[0]
    before = (await api.get(printer))["revision"]
    made = await api.post(codes, {"owner": "Ada"})
    await api.patch(f"{codes}/{made['id']}", {"owner": "Ada", "code": made["code"]})  # changes nothing
    await api.patch(f"{codes}/{made['id']}", {"rotate": True})
    await api.delete(f"{codes}/{made['id']}")
    assert (await api.get(printer))["revision"] == before + 3
    assert (await api.events()).count("certificate.issued") == 1


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"owner": "Bob", "code": GOOD}, 409, "duplicate_code", "code"),
        ({"owner": "ADA"}, 409, "duplicate_owner", "owner"),
        ({"owner": " "}, 422, "invalid", "owner"),
        ({}, 422, "invalid", "owner"),
        ({"owner": "Bob", "code": "short"}, 422, "invalid", "code"),
    ],
)
async def test_what_is_refused_when_adding(  # noqa: PLR0917 - a table
    api: Api, codes: str, body: dict[str, Any], status: int, code: str, field: str
) -> None:
    await api.post(codes, {"owner": "Ada"})
    answer = await api("POST", codes, body)
    assert (answer.status, answer.code, answer.body["field"]) == (status, code, field)
    assert len(await api.items(codes)) == 2


async def test_what_is_refused_when_changing(api: Api, codes: str) -> None:
    ada = await api.post(codes, {"owner": "Ada"})
    bob = await api.post(codes, {"owner": "Bob"})
    for body, code in (
        ({"owner": "Bob"}, "duplicate_owner"),
        ({"code": bob["code"]}, "duplicate_code"),
        ({"code": "Another1", "rotate": True}, "invalid"),
    ):
        assert (await api("PATCH", f"{codes}/{ada['id']}", body)).code == code
    assert (await api("PATCH", f"{codes}/nobody", {"rotate": True})).code == "not_found"
    assert (await api("POST", "virtual-printers/none/access-codes", {"owner": "Ada"})).code == "not_found"


async def test_the_last_code_stays(api: Api, codes: str) -> None:
    (only,) = await api.items(codes)
    answer = await api("DELETE", f"{codes}/{only['id']}")
    assert (answer.status, answer.code) == (409, "last_access_code")


async def test_there_is_an_end_to_how_many_there_may_be(api: Api, codes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vprinter_control.store.access_codes.MOST", 2)
    await api.post(codes, {"owner": "Ada"})
    assert (await api("POST", codes, {"owner": "Bob"})).code == "too_many_codes"


async def test_when_the_primary_code_is_revoked_the_next_one_takes_its_place(api: Api, codes: str) -> None:
    ada = await api.post(codes, {"owner": "Ada"})
    primary, _ = await api.items(codes)
    await api.delete(f"{codes}/{primary['id']}")
    assert [code["primary"] for code in await api.items(codes)] == [True]
    assert (await api.get(codes.rpartition("/")[0]))["access_code"] == ada["code"]


async def test_the_printers_own_field_changes_the_primary_code_and_no_other(api: Api, parts: Parts, codes: str) -> None:
    ada = await api.post(codes, {"owner": "Ada"})
    printer = codes.rpartition("/")[0]
    answer = await api("PATCH", printer, {"access_code": ada["code"]})
    assert (answer.status, answer.code, answer.body["field"]) == (409, "duplicate_code", "code")
    before = await api.items(codes)
    await api.patch(printer, {"access_code": "Another1"})
    assert await published(parts) == [("", "Another1"), ("Ada", ada["code"])]
    assert [code["id"] for code in await api.items(codes)] == [code["id"] for code in before]


async def test_codes_are_shown_to_who_may_change_printers_and_to_nobody_else(
    api: Api, parts: Parts, codes: str
) -> None:
    async with parts.database.write() as session:
        await tokens.add(session, parts.clock, "workshop", [Scope.PRINTERS], "a token for printers only")
    (shown,) = await Api(api.client, "a token for printers only").items(codes)
    (hidden,) = await Api(api.client, READ_TOKEN).items(codes)
    assert (shown["code"], hidden["code"]) == (GOOD, None)
    assert (await Api(api.client, READ_TOKEN)("POST", codes, {"owner": "Ada"})).code == "missing_scope"


async def test_the_last_use_of_each_code_is_known_from_logins_and_uploads(api: Api, parts: Parts, codes: str) -> None:
    ada, bob = await api.post(codes, {"owner": "Ada"}), await api.post(codes, {"owner": "Bob"})
    login = SessionLive(
        printer="p", service="mqtt", client="a", phase=SessionPhase.CONNECTED, access_code=ada["id"], at=parts.clock()
    )
    await parts.control.codes.heard(login)
    await parts.take(stored(b"content", access_code=bob["id"], owner="Bob"))
    used = {code["owner"]: code["last_used_at"] for code in await api.items(codes)}
    assert used == {"": None, "Ada": "2026-05-04T12:00:00Z", "Bob": "2026-05-04T12:00:00Z"}
    await parts.control.uses.write()
    rotated = await api.patch(f"{codes}/{ada['id']}", {"rotate": True})
    assert rotated["last_used_at"] is None


async def test_uploads_of_two_owners_behind_one_address_keep_their_jobs_apart(api: Api, parts: Parts) -> None:
    await parts.take(requested(access_code="of-ada", owner="Ada", options={"bed_type": "cool_plate"}))
    await parts.take(stored(b"of Bob", access_code="of-bob", owner="Bob"))
    await parts.take(stored(b"of Ada", access_code="of-ada", owner="Ada"))
    jobs = {item["owner"]: item["job"] for item in await api.items("archive")}
    assert jobs["Bob"] is None
    assert jobs["Ada"]["options"] == {"bed_type": "cool_plate"}
