"""The printer's mind: what a request or a file's arrival makes it say. No sockets, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from vprinter_common.catalog import Model
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.wire.project_file import ProjectFile, parse
from vprinter_common.wire.report import ReportError, dumps, ip_as_u32_le, loads
from vprinter_mqtt import answers
from vprinter_mqtt.answers import POLICIES, Policy
from vprinter_mqtt.job import VERIFY_JOB, View
from vprinter_mqtt.reports.modules import modules
from vprinter_mqtt.reports.push_status import Slot, push_status
from vprinter_mqtt.reports.template import Template
from vprinter_mqtt.session_state import SessionState, session_for_upload

MAX_STORED = 256
"""Names of stored files that are remembered."""
MAX_RENDERED = 32
"""Reports that are kept for the next second; a report is about 8 KiB."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A message to the slicer that asked, and to nobody else."""

    topic: str
    message: dict[str, object] = field(repr=False)
    """Not in the repr: one answer carries the access code."""

    @property
    def payload(self) -> bytes:
        """The message as it goes out."""
        return dumps(self.message)


@dataclass(frozen=True, slots=True)
class PushNow:
    """Send this slicer a report without waiting for the next tick."""


@dataclass(frozen=True, slots=True)
class PrintRequested:
    """The slicer asked for a print: a fact to publish. `project.filename` is never empty."""

    project: ProjectFile


@dataclass(frozen=True, slots=True)
class Ignored:
    """A request got no answer; the reason is for the log."""

    reason: str


Outgoing = Reply | PushNow | PrintRequested | Ignored


class ReportKey(NamedTuple):
    """All that reports of one printer differ in, but for the sequence id: equal keys share one rendering."""

    serial: str
    address: str
    view: View


class Conversation:
    """The conversation of one virtual printer with all its slicers; what concerns one slicer is in its session."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._report = Template(push_status(model), Slot)
        self._stored: dict[str, None] = {}
        self._around_sequence = lru_cache(MAX_RENDERED)(self._fill)

    def report_key(self, session: SessionState) -> ReportKey:
        """What decides this session's report."""
        return ReportKey(session.serial, session.advertise, session.job.view)

    def render(self, key: ReportKey, sequence: int) -> bytes:
        """The full `push_status`; `sequence` is the printer's own counter, and from second to second all that is new."""
        before, after = self._around_sequence(key)
        return b'%b"%d"%b' % (before, sequence, after)

    def _fill(self, key: ReportKey) -> tuple[bytes, bytes]:
        """The report before and after its sequence id."""
        view = key.view
        report = self._report.fill(
            {
                Slot.SEQUENCE: Slot.SEQUENCE,
                Slot.SERIAL: key.serial,
                Slot.ADDRESS: ip_as_u32_le(key.address),
                Slot.GCODE_STATE: view.gcode_state,
                Slot.PERCENT_TEXT: str(view.percent),
                Slot.PERCENT: view.percent,
                Slot.GCODE_FILE: view.filename,
                Slot.SUBTASK_NAME: view.subtask_name,
            }
        )
        before, _, after = report.partition(f'"{Slot.SEQUENCE}"'.encode())
        return before, after

    def on_request(self, session: SessionState, topic: str, payload: bytes, now: float) -> list[Outgoing]:
        """Answer a PUBLISH. Each section of the frame is a request; a `header` with a signature is not looked at."""
        if not session.on_request_topic(topic):
            return [Ignored(f"{topic[:100]!r} is not a request topic")]
        try:
            frame = loads(payload)
        except ReportError as error:
            return [Ignored(str(error))]
        requests = {section: body for section, body in frame.items() if section in POLICIES}
        if not requests:
            return [Ignored("no known section in the frame")]
        said = [item for section, body in requests.items() for item in self._on_section(session, section, body, now)]
        return _push_once(said)

    def on_upload(self, sessions: Iterable[SessionState], upload: UploadLive, now: float) -> list[SessionState]:
        """An upload to this printer moves; returns the sessions that want a report now."""
        if upload.phase is UploadPhase.STORED and upload.filename != VERIFY_JOB:
            self._remember(upload.filename)
        session = session_for_upload(sessions, upload)
        if session is None:
            return []
        before = session.job.view.gcode_state
        session.job.on_upload(upload, now)
        return [session] if session.job.view.gcode_state != before else []

    def on_time(self, session: SessionState, now: float) -> list[Outgoing]:
        """Time has passed: to be called at `session.next_deadline`, or at every tick."""
        before = session.job.view
        session.job.on_time(now)
        return [PushNow()] if session.job.view != before else []

    def _on_section(self, session: SessionState, section: str, body: object, now: float) -> list[Outgoing]:
        command = body.get("command") if isinstance(body, dict) else None
        if not isinstance(body, dict) or not isinstance(command, str):
            return [Ignored(f"{section} without a command")]
        policy = POLICIES[section].get(command)
        if policy is None:
            return [Ignored(f"unknown command {section}.{command[:64]}")]
        return self._follow(policy, session, section, body, now)

    def _follow(
        self, policy: Policy, session: SessionState, section: str, request: dict[str, object], now: float
    ) -> list[Outgoing]:
        message: dict[str, object]
        after: list[Outgoing] = []
        match policy:
            case Policy.PUSH:
                return [PushNow()]
            case Policy.SILENT:
                return []
            case Policy.PRINT:
                message, after = self._print(session, request, now)
            case Policy.STOP:
                session.job.stop(now)
                message, after = answers.acknowledge(request), [PushNow()]
            case Policy.VERSION:
                message = answers.version(request, modules(self._model, session.serial))
            case Policy.ACCESS_CODE:
                message = answers.acknowledge(request, access_code=session.access_code)
            case Policy.EMPTY:
                message = answers.empty(request)
            case Policy.AGREE:
                message = answers.acknowledge(request)
            case _:
                message = answers.refuse(request)
        return [Reply(session.report_topic, {section: message}), *after]

    def _print(
        self, session: SessionState, request: dict[str, object], now: float
    ) -> tuple[dict[str, object], list[Outgoing]]:
        project = parse(request)
        if not project.filename:
            return answers.refuse(request, "the request names no file"), []
        session.job.on_project_file(project, stored=project.filename in self._stored, now=now)
        return answers.project_file(request, project, session.job.view), [PrintRequested(project), PushNow()]

    def _remember(self, filename: str) -> None:
        self._stored.pop(filename, None)
        self._stored[filename] = None
        if len(self._stored) > MAX_STORED:
            del self._stored[next(iter(self._stored))]


def _push_once(said: list[Outgoing]) -> list[Outgoing]:
    """At most one report, after everything else."""
    rest: list[Outgoing] = [item for item in said if not isinstance(item, PushNow)]
    return [*rest, PushNow()] if len(rest) < len(said) else rest
