import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.common.printers import CODE, virtual_printer
from vprinter_common.contracts import document, subjects
from vprinter_common.contracts.facts import (
    FACTS,
    AuthFailed,
    CommandOutcome,
    CommandRelayed,
    FailureReason,
    JobRequested,
    TlsFailed,
    UploadFailed,
    UploadStored,
    kind_of,
)
from vprinter_common.contracts.live import Disconnect, SessionLive, SessionPhase, UploadLive, UploadPhase, Visit
from vprinter_common.contracts.message import Message, new_id
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.requests import (
    Heard,
    HeardPrinter,
    Nothing,
    PortSeen,
    ProbeTarget,
    SelfCheck,
    TargetProbe,
)
from vprinter_common.contracts.status import ClientStatus, ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_common.contracts.target import (
    Lease,
    RealPrinter,
    TargetCommand,
    TargetReport,
    TargetSaid,
    TargetStatus,
    TargetTrouble,
)

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
DOCUMENTS = Path(__file__).parents[2] / "docs" / "contracts"
KEY = "-----BEGIN PRIVATE KEY-----"

EXAMPLES: list[Message] = [
    virtual_printer(
        certificate={"chain_pem": "chain", "key_pem": KEY},
        target={"id": "r1", "host": "10.0.0.9", "serial": "01P00A000000001", "model": "C12", "access_code": "target99"},
        announce_to=["10.0.0.7"],
        pasv_address="203.0.113.9",
    ),
    UploadStored(
        at=NOW, upload="u1", printer="p1", mode="queue", filename="ä.3mf", sha256="0" * 64, size=1, client="10.0.0.9"
    ),
    UploadFailed(
        at=NOW, upload="u1", printer="p1", filename="a.3mf", client="10.0.0.9", reason=FailureReason.DISK_FULL
    ),
    JobRequested(
        at=NOW, job="j1", printer="p1", filename="a.3mf", plate=2, options={"ams_mapping": [0, -1]}, client="10.0.0.9"
    ),
    AuthFailed(at=NOW, printer="p1", service="ftps", node="n", client="10.0.0.9", reason="wrong access code"),
    TlsFailed(at=NOW, printer="p1", service="mqtt", listener="mqtt", client="10.0.0.9", reason="unknown_ca"),
    UploadLive(
        at=NOW,
        upload="u1",
        printer="p1",
        client="10.0.0.9",
        filename="a.3mf",
        phase=UploadPhase.PROGRESS,
        received=5,
        total=9,
    ),
    SessionLive(at=NOW, printer="p1", service="mqtt", client="10.0.0.9", phase=SessionPhase.CONNECTED),
    PrinterStatus(
        at=NOW,
        printer="p1",
        service="ftps",
        node="n",
        state=State.DEGRADED,
        revision=3,
        address="10.0.0.5",
        listeners=(
            ListenerStatus(name="ftps", address="10.0.0.5", port=990, state=ListenerState.FAILED, error="taken"),
        ),
        last_client=ClientStatus(address="10.0.0.9", at=NOW),
        since=NOW,
    ),
    RealPrinter(
        id="r1",
        revision=1,
        name="Bench",
        host="bench.lan",
        serial="01P00A000000001",
        model="C12",
        access_code="target99",
        fingerprint="0" * 64,
    ),
    TargetStatus(at=NOW, target="r1", node="n", online=False, trouble=TargetTrouble.BUSY, error="try later"),
    TargetReport(at=NOW, target="r1", serial="01P00A000000001", print={"ams": {"ams": []}}, modules=({"name": "ota"},)),
    Lease(node="n1"),
    TargetSaid(at=NOW, target="r1", payload={"info": {"command": "get_version"}}),
    TargetCommand(at=NOW, target="r1", printer="p1", client="10.0.0.9", payload='{"print": {"command": "pause"}}'),
    CommandRelayed(
        at=NOW,
        printer="p1",
        target="r1",
        session="s1",
        client="10.0.0.9",
        command="print.pause",
        outcome=CommandOutcome.REFUSED,
    ),
    Disconnect(at=NOW, printer="p1", session="s1"),
    Visit(at=NOW, printer="p1", client="10.0.0.9", seconds=30),
    ProbeTarget(host="10.0.0.8", access_code="target99"),
    TargetProbe(at=NOW, address="10.0.0.8", ports=(PortSeen(port=8883, open=True),), serial="01P00A000000001"),
    Nothing(),
    Heard(
        at=NOW,
        printers=(HeardPrinter(serial="s", address="10.0.0.8", model="C12", name="Bench", last_heard_seconds=1.5),),
    ),
    SelfCheck(at=NOW, service="ftps", node="n", ready=False, problems=("no NATS",)),
]


def printer_fields(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(virtual_printer().encode())
    return fields | changes


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_every_message_survives_the_wire(message: Message) -> None:
    assert type(message).decode(message.encode()) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_fields_from_the_future_are_ignored(message: Message) -> None:
    fields = json.loads(message.encode()) | {"a_field_of_version_2": {"x": 1}, "v": 2}
    assert type(message).decode(json.dumps(fields).encode()).model_copy(update={"v": 1}) == message


@pytest.mark.parametrize("message", EXAMPLES, ids=lambda message: type(message).__name__)
def test_messages_cannot_be_changed_after_they_were_made(message: Message) -> None:
    with pytest.raises(ValidationError, match="frozen"):
        message.v = 2  # type: ignore[misc]


def test_there_is_an_example_of_every_message() -> None:
    assert {type(example) for example in EXAMPLES} == set(document._messages())


def test_secrets_are_plain_on_the_wire_for_the_edges_need_them() -> None:
    fields = json.loads(EXAMPLES[0].encode())
    assert fields["access_codes"][0]["code"] == CODE
    assert fields["certificate"]["key_pem"] == KEY
    assert fields["target"]["access_code"] == "target99"


@pytest.mark.parametrize("show", [repr, str, lambda value: repr(value.model_dump())], ids=["repr", "str", "dump"])
def test_secrets_are_hidden_wherever_a_printer_is_shown(show: Any) -> None:
    shown = show(EXAMPLES[0])
    for secret in (CODE, KEY, "target99"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bind": {}}, "exactly one of"),
        ({"bind": {"any": True, "address": "10.0.0.5"}}, "exactly one of"),
        ({"bind": {"address": "224.0.0.1"}}, "not the address of one host"),
        ({"bind": {"address": "0.0.0.0"}}, "not the address of one host"),
        ({"bind": {"address": "fe80::1"}}, "IPv4"),
        ({"access_codes": [{"id": "c", "code": "short"}]}, "exactly 8 letters or digits"),
        ({"access_codes": [{"id": "c", "code": "with-dash"}]}, "exactly 8 letters or digits"),
        ({"access_codes": [{"id": "c", "code": "öööööööö"}]}, "exactly 8 letters or digits"),
        ({"passive_ports": {"low": 50100, "high": 50000}}, "starts at 50100, after its end 50000"),
        ({"model": "nonsense"}, "unknown printer model 'nonsense'"),
        ({"id": "../etc"}, "pattern"),
        ({"id": "a.b"}, "pattern"),
        ({"name": ""}, "at least 1"),
    ],
)
def test_a_printer_that_cannot_be_is_refused_with_the_reason(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        VirtualPrinter.model_validate(printer_fields(**change))


def test_a_refused_access_code_is_not_told_in_the_complaint() -> None:
    with pytest.raises(ValidationError) as refused:
        VirtualPrinter.model_validate(printer_fields(access_codes=[{"id": "c", "code": "hunter2"}]))
    assert "hunter2" not in str(refused.value)


def test_a_models_alias_becomes_its_code() -> None:
    assert virtual_printer(model="3DPrinter-X1-Carbon").model == "BL-P001"


def test_a_port_range_counts_both_ends_and_a_bind_reads_as_what_it_binds() -> None:
    assert len(virtual_printer().passive_ports) == 101
    binds = [{"any": True}, {"address": "10.0.0.5"}, {"interface": "eth0"}]
    assert [str(virtual_printer(bind=bind).bind) for bind in binds] == ["any", "10.0.0.5", "eth0"]


@given(st.binary(max_size=300))
def test_garbage_is_a_validation_error_and_nothing_else(data: bytes) -> None:
    for message in (VirtualPrinter, UploadStored, PrinterStatus):
        with pytest.raises(ValidationError):
            message.decode(data)


def test_every_fact_knows_its_kind_and_its_subject_is_in_the_stream() -> None:
    facts = [example for example in EXAMPLES if type(example) in FACTS.values()]
    assert {kind_of(fact): type(fact) for fact in facts} == FACTS  # type: ignore[arg-type]
    (pattern,) = subjects.FACT_STREAM.subjects
    assert all(subjects.fact(kind).startswith(pattern.removesuffix(">")) for kind in FACTS)


def test_subjects_are_made_of_safe_parts() -> None:
    assert subjects.live_upload("p1") == "vprinter.live.p1.upload"
    assert subjects.live_session("p1") == "vprinter.live.p1.session"
    assert subjects.rpc("discovery", "heard") == "vprinter.rpc.discovery.heard"
    assert subjects.status_key("p1", "ftps", "node") == "p1.ftps.node"


def test_identifiers_are_fresh_and_safe() -> None:
    assert new_id() != new_id()
    UploadLive(upload=new_id(), printer="p1", client="c", filename="a", phase=UploadPhase.STARTED)


# -- the generated documents -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", document.documents())
def test_the_committed_documents_are_current(name: str) -> None:
    remedy = "run .venv/bin/python -m vprinter_common.contracts.document docs/contracts"
    assert (DOCUMENTS / name).read_text(encoding="utf-8") == document.documents()[name], remedy


def references(node: object) -> list[str]:
    match node:
        case {"$ref": str(reference)}:
            return [reference]
        case dict():
            return [found for value in node.values() for found in references(value)]
        case list():
            return [found for value in node for found in references(value)]
    return []


@pytest.mark.parametrize("name", document.documents())
def test_every_reference_leads_somewhere(name: str) -> None:
    whole = json.loads(document.documents()[name])
    found = references(whole)
    assert found
    for reference in found:
        node = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_document_names_every_subject_with_its_parameters() -> None:
    described = document.asyncapi()["channels"]
    addresses = {item["address"]: sorted(item.get("parameters", ())) for item in described.values()}
    assert addresses["$KV.vprinter-printers.{printer}"] == ["printer"]
    assert addresses["$KV.vprinter-status.{printer}.{service}.{node}"] == ["node", "printer", "service"]
    assert addresses["vprinter.live.{printer}.upload"] == ["printer"]
    assert {subjects.fact(kind) for kind in FACTS} <= addresses.keys()


def test_the_command_writes_the_documents(tmp_path: Path) -> None:
    target = tmp_path / "a" / "b"
    subprocess.run([sys.executable, "-m", "vprinter_common.contracts.document", str(target)], check=True)
    assert {path.name for path in target.iterdir()} == set(document.documents())
