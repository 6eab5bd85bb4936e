"""Virtual printers by the API."""

import asyncio
from typing import Any

import pytest
from cryptography import x509

from tests.control.harness import READ_TOKEN, Api, FakeBus, Parts
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_control.store import printers as store

CODE = "Abcd2345"


def body(**more: Any) -> dict[str, Any]:
    """A printer on an address of its own."""
    return {"name": "Desk", "model": "BL-P001", "access_code": CODE, "bind": {"address": "192.0.2.10"}} | more


async def specs(parts: Parts) -> dict[str, VirtualPrinter]:
    """Desired state as it would be published."""
    async with parts.database.read() as session:
        return await store.specifications(session)


async def test_a_created_printer_is_answered_whole(api: Api) -> None:
    answer = await api("POST", "virtual-printers", body())
    assert answer.status == 201
    made = answer.body
    assert made["serial"].startswith("00M00A")
    assert made["bind"] == {"address": "192.0.2.10"}
    assert made["passive_ports"] == [50000, 50100]
    assert made["access_code"] == CODE
    assert [code["owner"] for code in made["access_codes"]] == [""]
    assert (made["mode"], made["enabled"], made["status"]["state"]) == ("immediate", True, "unserved")
    assert await api.get(f"virtual-printers/{made['id']}") == made
    assert await api.items("virtual-printers") == [made]


async def test_a_code_left_out_is_made_up(api: Api) -> None:
    made = await api.post("virtual-printers", {"name": "Desk", "model": "P1S"})
    assert len(made["access_code"]) == 8
    assert made["access_code"].isalnum()
    assert made["model"] == "C12"


async def test_a_reader_sees_no_access_code(api: Api) -> None:
    await api.post("virtual-printers", body())
    (seen,) = await Api(api.client, READ_TOKEN).items("virtual-printers")
    assert seen["access_code"] is None
    assert CODE not in str(seen)


@pytest.mark.parametrize(
    ("wrong", "field", "code"),
    [
        ({"name": ""}, "name", "invalid"),
        ({"name": "a\r\nb"}, "name", "invalid"),
        ({"name": "x" * 101}, "name", "invalid"),
        ({"model": "Ender 3"}, "model", "unknown_model"),
        ({"mode": "fax"}, "mode", "invalid"),
        ({"access_code": "1234567"}, "access_code", "invalid"),
        ({"access_code": "1234-678"}, "access_code", "invalid"),
        ({"bind": {}}, "bind", "invalid"),
        ({"bind": {"address": "0.0.0.0"}}, "bind", "invalid"),
        ({"bind": {"address": "192.0.2.1", "any": True}}, "bind", "invalid"),
        ({"bind": {"adress": "192.0.2.1"}}, "bind.adress", "invalid"),
        ({"advertise": "fe80::1"}, "advertise", "invalid"),
        ({"pasv_address": "224.0.0.1"}, "pasv_address", "invalid"),
        ({"passive_ports": [50000, 50002]}, "passive_ports", "invalid"),
        ({"passive_ports": [50100, 50000]}, "passive_ports", "invalid"),
        ({"passive_ports": [1]}, "passive_ports", "invalid"),
        ({"announce_to": ["nobody"]}, "announce_to.0", "invalid"),
        ({"colour": "red"}, "colour", "invalid"),
    ],
)
async def test_a_wrong_field_is_named(api: Api, wrong: dict[str, Any], field: str, code: str) -> None:
    answer = await api("POST", "virtual-printers", body(**wrong))
    assert (answer.status, answer.code, answer.body["field"]) == (422, code, field)
    assert CODE not in str(answer.body)
    assert await api.items("virtual-printers") == []


@pytest.mark.parametrize(
    "bind",
    [{"address": "192.0.2.10"}, {"any": True}, {"interface": "eth0"}],
    ids=["same address", "any", "interface with that address"],
)
async def test_two_enabled_printers_never_share_an_address(api: Api, bind: dict[str, Any]) -> None:
    await api.post("virtual-printers", body())
    answer = await api("POST", "virtual-printers", body(name="Shelf", bind=bind))
    assert (answer.status, answer.code, answer.body["field"]) == (409, "address_conflict", "bind")
    assert "Desk" in answer.body["detail"]
    disabled = await api.post("virtual-printers", body(name="Shelf", bind=bind, enabled=False))
    answer = await api("POST", f"virtual-printers/{disabled['id']}/enable")
    assert (answer.status, answer.code) == (409, "address_conflict")


async def test_of_two_at_once_one_gets_the_address(api: Api) -> None:
    answers = await asyncio.gather(*(api("POST", "virtual-printers", body(name=name)) for name in "abc"))
    assert sorted(answer.status for answer in answers) == [201, 409, 409]


async def test_serial_numbers_are_unique_and_follow_the_model(api: Api, parts: Parts) -> None:
    one = await api.post("virtual-printers", body())
    two = await api.post("virtual-printers", body(bind={"address": "192.0.2.11"}))
    assert one["serial"] != two["serial"]
    renamed = await api.patch(f"virtual-printers/{one['id']}", {"name": "Table"})
    assert renamed["serial"] == one["serial"]
    remodelled = await api.patch(f"virtual-printers/{one['id']}", {"model": "A1 mini"})
    assert remodelled["serial"].startswith("03000A")
    assert (await specs(parts))[one["id"]].serial == remodelled["serial"]


async def test_a_certificate_is_made_anew_only_when_it_must(api: Api, parts: Parts) -> None:
    made = await api.post("virtual-printers", body())
    path, id_ = f"virtual-printers/{made['id']}", made["id"]
    first = (await specs(parts))[id_].certificate
    await api.patch(path, {"name": "Table", "mode": "queue", "access_code": "Zyxw9876"})
    assert (await specs(parts))[id_].certificate == first
    await api.patch(path, {"advertise": "198.51.100.7"})
    second = (await specs(parts))[id_].certificate
    assert second.chain_pem != first.chain_pem
    assert second.key_pem == first.key_pem
    names = x509.load_pem_x509_certificate(second.chain_pem.encode()).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    addresses = {str(address) for address in names.value.get_values_for_type(x509.IPAddress)}
    assert addresses == {"192.0.2.10", "198.51.100.7", "127.0.0.1"}
    assert made["serial"] in names.value.get_values_for_type(x509.DNSName)


async def test_a_copied_ca_gets_every_certificate_made_anew(api: Api, parts: Parts) -> None:
    made = await api.post("virtual-printers", body())
    before = (await specs(parts))[made["id"]]
    await parts.control.printers.keep_certificates()
    assert (await specs(parts))[made["id"]] == before
    for file in parts.control.trust.certificate_file.parent.iterdir():
        file.unlink()
    await parts.control.printers.keep_certificates()
    after = (await specs(parts))[made["id"]]
    assert after.certificate.chain_pem != before.certificate.chain_pem
    assert after.revision > before.revision


async def test_every_change_counts_the_revision_up(api: Api) -> None:
    made = await api.post("virtual-printers", body())
    path = f"virtual-printers/{made['id']}"
    revisions = [made["revision"]]
    for change in ({"name": "Table"}, {"enabled": False}, {"advertise": "192.0.2.1"}, {"advertise": None}):
        changed = await api.patch(path, change)
        revisions.append(changed["revision"])
        field, value = next(iter(change.items()))
        assert changed[field] == value
    assert revisions == sorted(set(revisions))


async def test_what_changes_nothing_counts_nothing(api: Api) -> None:
    made = await api.post("virtual-printers", body())
    path = f"virtual-printers/{made['id']}"
    assert await api.post(f"{path}/enable") == made
    assert await api.patch(path, {}) == made
    assert await api.patch(path, {"name": "Desk", "bind": {"address": "192.0.2.10"}}) == made


async def test_a_printer_never_enabled_is_not_published(api: Api, parts: Parts) -> None:
    made = await api.post("virtual-printers", body(enabled=False))
    assert await specs(parts) == {}
    await api.post(f"virtual-printers/{made['id']}/enable")
    assert (await specs(parts))[made["id"]].enabled
    await api.post(f"virtual-printers/{made['id']}/disable")
    assert not (await specs(parts))[made["id"]].enabled


async def test_the_ca_is_made_at_the_first_enabling(api: Api, parts: Parts) -> None:
    for file in parts.control.trust.certificate_file.parent.iterdir():
        file.unlink()
    assert (await api("GET", "certificate-authority")).status == 404
    await api.post("virtual-printers", body(enabled=False))
    assert (await api("GET", "certificate-authority.pem")).status == 404
    (made,) = await api.items("virtual-printers")
    await api.post(f"virtual-printers/{made['id']}/enable")
    authority = await api.get("certificate-authority")
    pem = (await Api(api.client, None)("GET", "certificate-authority.pem")).body.decode()
    assert pem == parts.control.trust.certificate_file.read_text()
    assert len(authority["sha256"]) == 95


async def test_half_a_ca_is_said_and_nothing_is_made(api: Api, parts: Parts) -> None:
    parts.control.trust.certificate_file.with_suffix(".key").unlink()
    answer = await api("POST", "virtual-printers", body())
    assert (answer.status, answer.code) == (503, "certificate_authority_unusable")
    assert "bbl_ca.key" in answer.body["detail"]
    assert await api.items("virtual-printers") == []


async def test_a_deleted_printer_is_gone(api: Api, parts: Parts) -> None:
    made = await api.post("virtual-printers", body())
    await api.delete(f"virtual-printers/{made['id']}")
    assert await specs(parts) == {}
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/status"), ("POST", "/enable")):
        answer = await api(method, f"virtual-printers/{made['id']}{path}", {} if method == "PATCH" else None)
        assert (answer.status, answer.code) == (404, "not_found")


async def test_the_default_printer_is_made_once(api: Api, parts: Parts) -> None:
    await parts.control.printers.create_first()
    (made,) = await api.items("virtual-printers")
    assert (made["name"], made["model"], made["mode"], made["enabled"]) == (
        "Virtual Printer",
        "BL-P001",
        "immediate",
        True,
    )
    assert made["bind"] == {"any": True}
    await api.delete(f"virtual-printers/{made['id']}")
    await parts.control.printers.create_first()
    assert await api.items("virtual-printers") == []


async def test_the_status_names_the_listener_that_failed(api: Api, parts: Parts, bus: FakeBus) -> None:
    made = await api.post("virtual-printers", body())
    parts.control.statuses.latest = {
        service: status(made["id"], service, parts) for service in ("discovery", "ftps", "mqtt")
    }
    assert (await api.get(f"virtual-printers/{made['id']}"))["status"]["state"] == "running"
    broken = ListenerStatus(name="ftps", address="192.0.2.10", port=990, state=ListenerState.FAILED, error="port 990!")
    parts.control.statuses.latest["ftps"] = status(made["id"], "ftps", parts, State.DEGRADED, (broken,))
    found = await api.get(f"virtual-printers/{made['id']}/status")
    assert found["state"] == "degraded"
    assert found["error"] == "ftps: ftps: port 990!"
    assert found["services"]["ftps"]["listeners"][0]["error"] == "port 990!"
    assert [item["service"] for item in found["items"]] == ["discovery", "ftps", "mqtt"]
    parts.clock.forward(31)
    assert (await api.get(f"virtual-printers/{made['id']}/status"))["state"] == "unserved"


def status(
    printer: str, service: str, parts: Parts, state: State = State.RUNNING, listeners: tuple[ListenerStatus, ...] = ()
) -> PrinterStatus:
    """What a service says."""
    now = parts.clock()
    return PrinterStatus(
        printer=printer,
        service=service,
        node="node",
        state=state,
        revision=1,
        address="192.0.2.10",
        since=now,
        at=now,
        listeners=listeners,
    )


async def test_interfaces_show_whose_an_address_is(api: Api) -> None:
    made = await api.post("virtual-printers", body())
    eth0, lo = await api.items("interfaces")
    assert eth0["is_default"]
    assert [address["printer_id"] for address in eth0["addresses"]] == [made["id"], None]
    assert lo["addresses"][0]["address"] == "127.0.0.1"


async def test_every_model_of_the_catalog_can_be_made(api: Api) -> None:
    models = await api.items("models")
    assert len(models) >= 15
    for model in models:
        made = await api.post("virtual-printers", body(model=model["code"], enabled=False))
        assert made["serial"].startswith(model["serial_prefix"])
