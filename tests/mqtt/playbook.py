"""Conversations as text, run against the printer's mind; a difference shows as a diff of the script.

>> section.command {fields}     the slicer asks (sequence_id "1" unless given)
>> raw TEXT                     the slicer sends these bytes (Python escapes)
^^ phase id filename [a/b]      an upload of this slicer moves; a of b bytes
.. seconds                      time passes
<< section.command {fields}     the printer answers
<< push STATE percent "job"     a report goes out
<< asks filename plate          a print is made known to the system
<< forwards section.command     a command goes to the real printer
@@ section.command {fields}     the real printer says something, sequence_id "1" unless given
<< ignored reason
"""

import json
from dataclasses import dataclass, field
from difflib import ndiff
from textwrap import dedent

import pytest

from tests.simulators.report_rules import report_errors
from vprinter_common.catalog import Model, model
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.target import TargetSaid
from vprinter_mqtt.conversation import Conversation, Forward, Ignored, Outgoing, PrintRequested, PushNow, Reply
from vprinter_mqtt.mirror import Mirror
from vprinter_mqtt.session_state import SessionState

SERIAL = "00M00A391800001"
CODE = "a1B2c3D4"
CLIENT = "192.168.1.20"


def a_session(serial: str = SERIAL, client: str = CLIENT, owner: str = "") -> SessionState:
    """A slicer that has logged in."""
    return SessionState(client=client, serial=serial, advertise="192.168.255.133", access_code=CODE, owner=owner)


def an_upload(phase: str, name: str = "u1", filename: str = "cube.gcode.3mf", **more: object) -> UploadLive:
    """News of an upload of that slicer."""
    fields: dict[str, object] = {"upload": name, "printer": "p1", "client": CLIENT, "filename": filename}
    return UploadLive.model_validate(fields | {"phase": UploadPhase(phase)} | more)


@dataclass
class Playbook:
    """One printer, one slicer, one clock."""

    of: Model = field(default_factory=lambda: model("X1C"))
    session: SessionState = field(default_factory=a_session)
    now: float = 1000.0
    mirror: Mirror | None = None

    def __post_init__(self) -> None:
        self.conversation = Conversation(self.of, self.mirror)
        self.sequence = 0

    def run(self, script: str) -> None:
        """Play the inputs of a script and compare all that is said with it."""
        wanted = [line for line in dedent(script).strip().splitlines() if line]
        said: list[str] = []
        for line in wanted:
            if not line.startswith("<<"):
                said += [line, *self._play(line)]
        if said != wanted:
            pytest.fail(
                "the conversation went otherwise (- script, + said):\n" + "\n".join(ndiff(wanted, said)), pytrace=False
            )

    def ask(self, frame: object) -> list[Outgoing]:
        """Send one frame."""
        topic = f"device/{self.session.serial}/request"
        return self.conversation.on_request(self.session, topic, json.dumps(frame).encode(), self.now)

    def report(self) -> dict[str, object]:
        """The `print` section of a report for the slicer, checked."""
        self.sequence += 1
        payload = self.conversation.render(self.conversation.report_key(self.session, self.now), self.sequence)
        message = json.loads(payload)
        assert report_errors(message, self.of.code) == []
        report: dict[str, object] = message["print"]
        return report

    def _play(self, line: str) -> list[str]:
        match line.split(maxsplit=2):
            case [">>", "raw", text]:
                payload = text.encode("latin-1").decode("unicode_escape").encode("latin-1")
                topic = f"device/{self.session.serial}/request"
                return self._tell(self.conversation.on_request(self.session, topic, payload, self.now))
            case [">>", name, *fields]:
                section, command = name.split(".")
                body = {"command": command, "sequence_id": "1"} | json.loads(fields[0] if fields else "{}")
                return self._tell(self.ask({section: body}))
            case ["..", seconds]:
                self.now += float(seconds)
                late = self.conversation.overdue(self.now)
                return self._tell([*self.conversation.on_time(self.session, self.now), *self._own(late)])
            case ["@@", name, *fields]:
                section, command = name.split(".")
                body = {"command": command, "sequence_id": "1"} | json.loads(fields[0] if fields else "{}")
                said = TargetSaid(target="r1", payload={section: body})
                return self._tell(self._own(self.conversation.on_said(said, self.now)))
            case ["^^", phase, rest]:
                upload, filename, *sizes = rest.split()
                received, total = (int(part) for part in sizes[0].split("/")) if sizes else (0, None)
                event = an_upload(phase, upload, filename, received=received, total=total)
                moved = self.conversation.on_upload([self.session], event, self.now)
                return self._tell([PushNow() for _ in moved])
        raise ValueError(line)

    def _own(self, replies: list[tuple[SessionState, Reply]]) -> list[Outgoing]:
        """What of it is for this slicer."""
        return [reply for session, reply in replies if session is self.session]

    def _tell(self, said: list[Outgoing]) -> list[str]:
        return [f"<< {self._line(item)}" for item in said]

    def _line(self, item: Outgoing) -> str:
        match item:
            case Reply(message=message):
                assert item.topic == self.session.report_topic
                assert json.loads(item.payload) == message
                assert report_errors(message, self.of.code) == []
                ((section, body),) = message.items()
                assert isinstance(body, dict)
                fields = {name: value for name, value in body.items() if name != "command"}
                return f"{section}.{body['command']} {json.dumps(fields, ensure_ascii=False)}"
            case PushNow():
                report = self.report()
                return f'push {report["gcode_state"]} {report["gcode_file_prepare_percent"]} "{report["subtask_name"]}"'
            case PrintRequested(project):
                return f"asks {project.filename} {project.plate}"
            case Forward(command=command):
                return f"forwards {command.label}"
            case Ignored(reason):
                return f"ignored {reason}"
