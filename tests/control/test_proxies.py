"""Virtual printers with a real one behind them: proxies, mirrors, who is connected, what passed."""

from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.control.harness import NOON, READ_TOKEN, Api, FakeBus, Parts, requested, stored
from tests.control.targets import CODE, HOST, SERIAL, add, fares, proxy, sees
from tests.control.test_virtual_printers import body, specs, status
from tests.simulators import threemf
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed
from vprinter_common.contracts.live import Disconnect
from vprinter_common.contracts.printer import Mode
from vprinter_common.contracts.status import PrinterStatus, SessionStatus, State
from vprinter_control.live.board import LiveType


async def test_a_proxy_has_its_targets_identity_and_no_codes_of_its_own(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    made = await api.post("virtual-printers", proxy(target["id"]))
    assert (made["serial"], made["model"], made["target"]) == (SERIAL, "C12", target["id"])
    assert (made["access_code"], made["access_codes"]) == (None, [])
    assert made["relay"] == {"allow": "control", "ftp": "terminate", "capture": False, "camera": True}
    spec = (await specs(parts))[made["id"]]
    assert (spec.serial, spec.model, spec.access_codes) == (SERIAL, "C12", ())
    assert spec.target is not None
    assert (spec.target.host, spec.target.access_code.get_secret_value()) == (HOST, CODE)
    leaf = x509.load_pem_x509_certificate(spec.certificate.chain_pem.encode())
    (name,) = leaf.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == SERIAL


async def test_what_a_proxy_was_before_it_is_afterwards(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    before = await api.post("virtual-printers", body())
    path = f"virtual-printers/{before['id']}"
    turned = await api.patch(path, {"mode": "proxy", "target": target["id"], "relay": {"allow": "files"}})
    assert (turned["serial"], turned["relay"]["allow"]) == (SERIAL, "files")
    back = await api.patch(path, {"mode": "queue"})
    assert (back["serial"], back["model"]) == (before["serial"], before["model"])
    assert back["access_code"] == before["access_code"]
    assert back["relay"] == {"allow": "view", "ftp": "terminate", "capture": False, "camera": False}
    alone = await api.patch(path, {"target": None})
    assert (alone["target"], alone["relay"]) == (None, None)


async def test_a_mirror_may_take_its_targets_model(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    made = await api.post("virtual-printers", {"name": "Mirror", "target": target["id"]})
    assert (made["model"], made["mode"]) == ("C12", "immediate")
    assert made["serial"] != SERIAL
    assert (await specs(parts))[made["id"]].target is not None


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"target": None}, "no_target", "target"),
        ({"target": "nobody"}, "unknown_printer", "target"),
        ({"model": "X1C"}, "model_of_target", "model"),
        ({"access_code": CODE}, "unused_access_code", "access_code"),
        ({"relay": {"capture": True, "ftp": "passthrough"}}, "capture_needs_terminate", "relay.capture"),
        ({"relay": {"allow": "nothing"}}, "invalid", "relay.allow"),
        ({"mode": "immediate", "model": "X1C", "relay": {"capture": True}}, "nothing_to_capture", "relay.capture"),
    ],
)
async def test_what_does_not_fit_a_proxy_is_named(
    api: Api, bus: FakeBus, change: dict[str, Any], code: str, field: str
) -> None:
    target = await add(api, bus)
    answer = await api("POST", "virtual-printers", proxy(target["id"]) | change)
    assert (answer.status, answer.code, answer.body["field"]) == (422, code, field)
    made = await api.post("virtual-printers", proxy(target["id"]))
    changed = await api("PATCH", f"virtual-printers/{made['id']}", change)
    assert (changed.status, changed.code, changed.body["field"]) == (422, code, field)


async def test_a_printer_without_a_model_says_so(api: Api) -> None:
    answer = await api("POST", "virtual-printers", {"name": "What?"})
    assert (answer.status, answer.code, answer.body["field"]) == (422, "invalid", "model")


async def test_one_serial_number_is_seen_once_in_a_network(api: Api, bus: FakeBus) -> None:
    target = await add(api, bus)
    await api.post("virtual-printers", proxy(target["id"]))
    twin = proxy(target["id"], name="Twin", bind={"address": "192.0.2.11"})
    answer = await api("POST", "virtual-printers", twin)
    assert (answer.status, answer.code) == (409, "target_conflict")
    assert "Door" in answer.body["detail"]
    elsewhere = twin | {"bind": {"address": "198.51.100.9"}}
    assert (await api("POST", "virtual-printers", elsewhere)).status == 201


async def test_what_changes_at_the_target_changes_its_proxies(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    made = await api.post("virtual-printers", proxy(target["id"]))
    before = (await specs(parts))[made["id"]]
    await api.patch(f"printers/{target['id']}", {"name": "Renamed"})
    assert (await specs(parts))[made["id"]] == before
    await api.patch(f"printers/{target['id']}", {"serial": "01P00A000000002", "model": "A1"})
    after = (await specs(parts))[made["id"]]
    assert (after.serial, after.model) == ("01P00A000000002", "N2S")
    assert after.revision > before.revision
    leaf = x509.load_pem_x509_certificate(after.certificate.chain_pem.encode())
    assert "01P00A000000002" in leaf.subject.rfc4514_string()


def relaying(printer: str, parts: Parts, *sessions: SessionStatus) -> PrinterStatus:
    """What the proxy says."""
    return status(printer, "proxy", parts).model_copy(update={"sessions": sessions, "connections": len(sessions)})


def passing(**more: Any) -> SessionStatus:
    """A slicer that is connected through a proxy."""
    given = {"id": "s1", "client": "192.0.2.200", "since": NOON, "port": 8883, "to_target": 10, "to_client": 20}
    return SessionStatus.model_validate(given | more)


async def test_a_proxy_runs_without_mqtt_and_ftps(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    made = await api.post("virtual-printers", proxy(target["id"]))
    path = f"virtual-printers/{made['id']}/status"
    assert "discovery and proxy" in (await api.get(path))["error"]
    parts.control.statuses.latest = {
        service: status(made["id"], service, parts, State.RUNNING) for service in ("discovery", "proxy")
    }
    assert (await api.get(path))["state"] == "running"
    assert (await api.get(path))["target"]["state"] == "unwatched"
    fares(parts, target["id"])
    assert (await api.get(path))["target"]["state"] == "online"


async def test_who_is_connected_is_told_as_it_moves(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    id_ = (await api.post("virtual-printers", proxy(target["id"])))["id"]
    live = parts.control.live
    with live.board.read(lambda: None) as reader:
        live.sessions.listed(relaying(id_, parts, passing()), parts.clock())
        live.sessions.listed(relaying(id_, parts, passing(to_target=99, last_command="print.pause")), parts.clock())
        live.sessions.listed(relaying(id_, parts, passing(to_target=99, last_command="print.pause")), parts.clock())
        told = reader.take()
    assert [one.type for one in told] == [LiveType.SESSION_OPENED, LiveType.SESSION_CHANGED]
    assert told[1].data["last_command"] == "print.pause"
    (seen,) = (await api.get(f"virtual-printers/{id_}/status"))["sessions"]
    assert (seen["port"], seen["to_target"], seen["to_client"], seen["last_command"]) == (8883, 99, 20, "print.pause")
    assert (await api.get(f"virtual-printers/{id_}/sessions"))["items"] == [seen]


async def test_a_relayed_session_can_be_closed(api: Api, bus: FakeBus, parts: Parts) -> None:
    target = await add(api, bus)
    id_ = (await api.post("virtual-printers", proxy(target["id"])))["id"]
    path = f"virtual-printers/{id_}/sessions"
    parts.control.live.sessions.listed(relaying(id_, parts, passing()), parts.clock())
    parts.control.live.sessions.listed(
        status(id_, "mqtt", parts).model_copy(update={"sessions": (passing(id="m1"),)}), parts.clock()
    )
    assert (await api("POST", f"{path}/s1/disconnect")).code == "nats_away"
    bus.broken = None
    assert (await api("POST", f"{path}/m1/disconnect")).code == "not_relayed"
    assert (await api("POST", f"{path}/s9/disconnect")).status == 404
    assert (await Api(api.client, READ_TOKEN)("POST", f"{path}/s1/disconnect")).status == 403
    await api.post(f"{path}/s1/disconnect")
    ((subject, message),) = bus.published
    assert subject == subjects.disconnect(id_)
    assert isinstance(message, Disconnect)
    assert (message.printer, message.session) == (id_, "s1")
    assert "session.disconnected" in await api.events()


def command(**more: Any) -> CommandRelayed:
    """A command that passed."""
    given = {
        "printer": "door", "target": "shop", "session": "s1", "client": "192.0.2.200", "command": "print.pause",
        "outcome": CommandOutcome.PASSED, "at": NOON,
    }  # fmt: skip
    return CommandRelayed.model_validate(given | more)


async def test_commands_are_logged_once_and_found_again(api: Api, parts: Parts) -> None:
    await parts.take(command())
    await parts.take(command())
    await parts.take(command(at=NOON + timedelta(seconds=1), outcome="refused", command="print.stop"))
    await parts.take(command(printer="other", target="garage", session="s2", command="DELE", detail="/old.3mf"))
    newest, stopped, paused = await api.items("commands")
    assert (newest["command"], newest["detail"]) == ("DELE", "/old.3mf")
    assert await api.items("commands?virtual_printer=door") == [stopped, paused]
    assert await api.items("commands?printer=shop&outcome=refused") == [stopped]
    assert [one for one in await api.events() if one.startswith("command")] == [
        "command.relayed", "command.refused", "command.relayed",
    ]  # fmt: skip


async def captured(api: Api, bus: FakeBus, parts: Parts, **more: Any) -> tuple[str, str, str]:
    """A relayed file that was kept: ids of target, proxy and archive item."""
    target = await add(api, bus)
    door = await api.post("virtual-printers", proxy(target["id"], relay={"capture": True}))
    content = threemf.sliced(title="cube")
    parts.keep(content)
    fact = stored(content, printer=door["id"], service="proxy", mode=Mode.PROXY, **more)
    await parts.take(fact)
    return target["id"], door["id"], fact.upload


async def test_a_captured_file_is_archived_with_its_printer_and_its_print(api: Api, bus: FakeBus, parts: Parts) -> None:
    target, door, file = await captured(api, bus, parts)
    item = await api.get(f"archive/{file}")
    assert (item["virtual_printer_id"], item["real_printer_id"], item["mode"]) == (door, target, "proxy")
    assert item["job"] is None
    told = command(printer=door, command="print.project_file", detail="/cube.gcode.3mf", at=NOON + timedelta(seconds=3))
    await parts.take(told)
    known = (await api.get(f"archive/{file}"))["job"]
    assert (known["client"], known["options"]) == ("192.0.2.200", {})
    whole = requested(printer=door, at=NOON + timedelta(seconds=3))
    await parts.take(whole)
    assert (await api.get(f"archive/{file}"))["job"]["options"] == {"bed_type": "textured_plate"}
    await parts.take(told.model_copy(update={"session": "again"}))
    assert (await api.get(f"archive/{file}"))["job"]["id"] == whole.job


async def test_a_refused_print_is_no_job(api: Api, bus: FakeBus, parts: Parts) -> None:
    _, door, file = await captured(api, bus, parts)
    await parts.take(command(printer=door, command="print.project_file", detail="cube.gcode.3mf", outcome="refused"))
    assert (await api.get(f"archive/{file}"))["job"] is None


async def test_a_relayed_file_warns_if_it_is_for_another_model(api: Api, bus: FakeBus, parts: Parts) -> None:
    _, _, file = await captured(api, bus, parts)
    item = await api.get(f"archive/{file}")
    assert item["sliced_for"] != "C12"
    assert [warning["code"] for warning in item["warnings"]] == ["model_mismatch"]


async def test_a_queued_plate_is_assigned_to_a_real_printer_only(api: Api, bus: FakeBus, parts: Parts) -> None:
    target, _, file = await captured(api, bus, parts)
    item = await api.post("queue", {"archive_id": file, "printer_id": target})
    assert item["printer_id"] == target
    answer = await api("PATCH", f"queue/{item['id']}", {"printer_id": "nobody"})
    assert (answer.status, answer.code, answer.body["field"]) == (422, "unknown_printer", "printer_id")


async def test_a_deleted_printer_leaves_its_queue_items_to_anybody(api: Api, bus: FakeBus, parts: Parts) -> None:
    target, door, file = await captured(api, bus, parts)
    sees(bus)
    await api.post("queue", {"archive_id": file, "printer_id": target})
    await api.delete(f"virtual-printers/{door}")
    await api.delete(f"printers/{target}")
    (item,) = await api.items("queue")
    assert item["printer_id"] is None
    assert (await api.get(f"archive/{file}"))["real_printer_id"] == target
