"""The AsyncAPI document and the JSON Schema of all contracts: `python -m vprinter_common.contracts.document docs/contracts`."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import FACTS
from vprinter_common.contracts.live import Disconnect, SessionLive, UploadLive, Visit
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.requests import Heard, Nothing, ProbeTarget, SelfCheck, TargetProbe
from vprinter_common.contracts.status import PrinterStatus
from vprinter_common.contracts.target import Lease, RealPrinter, TargetCommand, TargetReport, TargetSaid, TargetStatus

MESSAGE_ID = {"type": "object", "required": ["Nats-Msg-Id"], "properties": {"Nats-Msg-Id": {"type": "string"}}}
PARAMETERS = {
    "printer": "Id of a virtual printer.",
    "target": "Id of a real printer.",
    "service": "discovery, ftps, mqtt or proxy.",
    "node": "Name of a node.",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """A subject. `answer`: what comes back, for a request."""

    name: str
    address: str
    message: type[Message]
    summary: str
    answer: type[Message] | None = None


def channels() -> tuple[Channel, ...]:
    """Everything that crosses NATS."""
    stream, status = subjects.FACT_STREAM, subjects.STATUS
    return (
        Channel(
            "desired",
            f"$KV.{subjects.PRINTERS.name}.{{printer}}",
            VirtualPrinter,
            "Desired state of a printer, written by control.",
        ),
        Channel(
            "status",
            f"$KV.{status.name}.{subjects.status_key('{printer}', '{service}', '{node}')}",
            PrinterStatus,
            f"How a printer fares, written by the edges; expires after {status.ttl:.0f} s.",
        ),
        Channel(
            "targets",
            f"$KV.{subjects.TARGETS.name}.{{target}}",
            RealPrinter,
            "A real printer that control knows.",
        ),
        Channel(
            "target.status",
            f"$KV.{subjects.TARGET_STATUS.name}.{{target}}",
            TargetStatus,
            f"How a real printer fares; expires after {subjects.TARGET_STATUS.ttl:.0f} s.",
        ),
        Channel("leases", f"$KV.{subjects.LEASES.name}.{{target}}", Lease, _first_line(Lease)),
        Channel("target.report", subjects.target_report("{target}"), TargetReport, _first_line(TargetReport)),
        Channel("target.said", subjects.target_said("{target}"), TargetSaid, _first_line(TargetSaid)),
        Channel("target.command", subjects.target_command("{target}"), TargetCommand, _first_line(TargetCommand)),
        *(
            Channel(
                f"fact.{kind}",
                subjects.fact(kind),
                message,
                f"{_first_line(message)} Kept in the stream {stream.name}.",
            )
            for kind, message in FACTS.items()
        ),
        Channel("live.upload", subjects.live_upload("{printer}"), UploadLive, _first_line(UploadLive)),
        Channel("live.session", subjects.live_session("{printer}"), SessionLive, _first_line(SessionLive)),
        Channel("live.visit", subjects.visit("{printer}"), Visit, _first_line(Visit)),
        Channel("live.disconnect", subjects.disconnect("{printer}"), Disconnect, _first_line(Disconnect)),
        Channel("rpc.proxy.probe", subjects.rpc("proxy", "probe"), ProbeTarget, "What is there?", TargetProbe),
        Channel(
            "rpc.discovery.heard", subjects.rpc("discovery", "heard"), Nothing, "Which real printers are there?", Heard
        ),
        Channel(
            "rpc.discovery.heard.node",
            subjects.rpc("discovery", subjects.heard_of("{node}")),
            Nothing,
            "Which real printers does this node hear?",
            Heard,
        ),
        Channel("rpc.selfcheck", subjects.rpc("{service}", "selfcheck"), Nothing, "Is the service well?", SelfCheck),
        Channel(
            "rpc.selfcheck.node",
            subjects.rpc("{service}", subjects.selfcheck_of("{node}")),
            Nothing,
            "Is the service of this node well?",
            SelfCheck,
        ),
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema of every message under `$defs`."""
    return _schemas("#/$defs/{model}")


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document."""
    described = channels()
    facts = set(FACTS.values())
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Virtual printers: what crosses NATS",
            "version": "1",
            "description": "Generated from vprinter_common.contracts. Unknown fields are ignored on reading.",
        },
        "defaultContentType": "application/json",
        "channels": {name: item for one in described for name, item in _channel_items(one)},
        "operations": {one.name: _operation(one) for one in described if one.answer},
        "components": {
            "messages": {
                message.__name__: {
                    "summary": _first_line(message),
                    "payload": {"$ref": f"#/components/schemas/{message.__name__}"},
                    **({"headers": MESSAGE_ID} if message in facts else {}),
                }
                for message in _messages()
            },
            "schemas": _schemas("#/components/schemas/{model}")["$defs"],
        },
    }


def documents() -> Mapping[str, str]:
    """Content of the generated files by name."""
    made = {"asyncapi.json": asyncapi(), "schema.json": json_schema()}
    return {name: json.dumps(document, indent=2, ensure_ascii=False) + "\n" for name, document in made.items()}


def main(directory: str) -> None:
    """Write the files."""
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (target / name).write_text(text, encoding="utf-8")


def _messages() -> list[type[Message]]:
    """Every message once, in the order of the channels."""
    both = (message for one in channels() for message in (one.message, one.answer) if message is not None)
    return list(dict.fromkeys(both))


def _schemas(ref_template: str) -> dict[str, Any]:
    _, schema = models_json_schema([(message, "validation") for message in _messages()], ref_template=ref_template)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _channel_items(one: Channel) -> list[tuple[str, dict[str, Any]]]:
    item: dict[str, Any] = {"address": one.address, "summary": one.summary, "messages": _references(one.message)}
    if parameters := {name: {"description": text} for name, text in PARAMETERS.items() if f"{{{name}}}" in one.address}:
        item["parameters"] = parameters
    if one.answer is None:
        return [(one.name, item)]
    # The address of an answer is the asker's inbox, made anew for every request.
    answers = {"address": None, "summary": f"Answers to {one.name}.", "messages": _references(one.answer)}
    return [(one.name, item), (f"{one.name}.answer", answers)]


def _operation(one: Channel) -> dict[str, Any]:
    return {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{one.name}"},
        "summary": one.summary,
        "reply": {"channel": {"$ref": f"#/channels/{one.name}.answer"}},
    }


def _references(message: type[Message]) -> dict[str, Any]:
    return {message.__name__: {"$ref": f"#/components/messages/{message.__name__}"}}


def _first_line(message: type[Message]) -> str:
    return (message.__doc__ or "").partition("\n")[0]


if __name__ == "__main__":
    main(sys.argv[1])
