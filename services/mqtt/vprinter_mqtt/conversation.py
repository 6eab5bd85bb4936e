"""The printer's mind: what a request or a file's arrival makes it say. No sockets, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from vprinter_common.catalog import Model
from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.contracts.target import TargetReport, TargetSaid
from vprinter_common.wire.commands import Command
from vprinter_common.wire.project_file import ProjectFile, parse
from vprinter_common.wire.report import ReportError, acknowledge, dumps, ip_as_u32_le, loads
from vprinter_mqtt import answers
from vprinter_mqtt.answers import POLICIES, Policy
from vprinter_mqtt.forwarding import Forwarding
from vprinter_mqtt.job import VERIFY_JOB, View
from vprinter_mqtt.mirror import Mirror
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
class Forward:
    """A command for the real printer, as the slicer wrote it."""

    payload: str
    command: Command


@dataclass(frozen=True, slots=True)
class Ignored:
    """A request got no answer; the reason is for the log."""

    reason: str


Outgoing = Reply | PushNow | PrintRequested | Forward | Ignored


class ReportKey(NamedTuple):
    """All that reports of one printer differ in, but for the sequence id: equal keys share one rendering."""

    serial: str
    address: str
    view: View


class Conversation:
    """The conversation of one virtual printer with all its slicers; what concerns one slicer is in its session."""

    def __init__(self, model: Model, mirror: Mirror | None = None) -> None:
        self._model = model
        self._mirror = mirror
        self._forwarding = Forwarding()
        self._plain = Template(push_status(model), Slot)
        self._shown: Template | None = self._plain
        self._stored: dict[str, None] = {}
        self._around_sequence = lru_cache(MAX_RENDERED)(self._fill)

    def report_key(self, session: SessionState, now: float) -> ReportKey:
        """What decides this session's report."""
        mirror, view = self._fresh_mirror(now), session.job.view
        if mirror is not None and session.job.has_settled(now):
            view = mirror.live or view
        return ReportKey(session.serial, session.advertise, view)

    def render(self, key: ReportKey, sequence: int) -> bytes:
        """The full `push_status`; `sequence` is the printer's own counter, and from second to second all that is new."""
        before, after = self._around_sequence(key)
        return b'%b"%d"%b' % (before, sequence, after)

    def _fill(self, key: ReportKey) -> tuple[bytes, bytes]:
        """The report before and after its sequence id."""
        view = key.view
        report = self._template().fill(
            {
                Slot.SEQUENCE: Slot.SEQUENCE,
                Slot.SERIAL: key.serial,
                Slot.ADDRESS: ip_as_u32_le(key.address),
                Slot.GCODE_STATE: view.gcode_state,
                Slot.PERCENT_TEXT: str(view.percent),
                Slot.PERCENT: view.percent,
                Slot.GCODE_FILE: view.filename,
                Slot.SUBTASK_NAME: view.subtask_name,
                Slot.DONE_PERCENT: view.progress.percent,
                Slot.REMAINING: view.progress.remaining_minutes,
                Slot.LAYER: view.progress.layer,
                Slot.LAYERS: view.progress.layers,
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
        if (mirror := self._fresh_mirror(now)) is not None:
            command = self._forwarding.take(session, payload, now, may_control=mirror.may_control)
            if command is not None:
                return [Forward(payload.rstrip(b"\0").decode(), command)]
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

    def on_report(self, report: TargetReport, now: float) -> None:
        """The real printer has reported."""
        if self._mirror is not None:
            self._mirror.heard(report, now)
            self._show_anew(None)

    def on_said(self, said: TargetSaid, now: float) -> list[tuple[SessionState, Reply]]:
        """The real printer has answered somebody: whom, and how it is told."""
        if (mirror := self._fresh_mirror(now)) is None:
            return []
        replies = []
        for session, section in self._forwarding.answered(said.payload):
            disguise = mirror.disguise(session.serial, session.advertise)
            replies.append((session, Reply(session.report_topic, disguise.message({section: said.payload[section]}))))
        return replies

    def overdue(self, now: float) -> list[tuple[SessionState, Reply]]:
        """Our own answers to what the real printer did not answer in time; to be asked for at every tick."""
        late = self._forwarding.overdue(now)
        return [(session, Reply(session.report_topic, message)) for session, message in late]

    def on_left(self, session: SessionState) -> None:
        """A slicer has gone."""
        self._forwarding.left(session)

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
                message, after = acknowledge(request), [PushNow()]
            case Policy.VERSION:
                message = answers.version(request, self._modules(session, now))
            case Policy.ACCESS_CODE:
                message = acknowledge(request, access_code=session.access_code)
            case Policy.EMPTY:
                message = answers.empty(request)
            case Policy.AGREE:
                message = acknowledge(request)
            case _:
                message = answers.refuse(request, answers.REFUSAL if self._mirror is None else answers.NOT_PASSED_ON)
        return [Reply(session.report_topic, {section: message}), *after]

    def _print(
        self, session: SessionState, request: dict[str, object], now: float
    ) -> tuple[dict[str, object], list[Outgoing]]:
        project = parse(request)
        if not project.filename:
            return answers.refuse(request, "the request names no file"), []
        session.job.on_project_file(project, stored=project.filename in self._stored, now=now)
        return answers.project_file(request, project, session.job.view), [PrintRequested(project), PushNow()]

    def _modules(self, session: SessionState, now: float) -> list[dict[str, object]]:
        mirror = self._fresh_mirror(now)
        return modules(self._model, session.serial) if mirror is None else mirror.modules(session.serial)

    def _fresh_mirror(self, now: float) -> Mirror | None:
        """The real printer, if it was heard lately; else the printer is shown plainly."""
        if self._mirror is None or self._mirror.is_fresh(now):
            return self._mirror
        if self._shown is not self._plain:
            self._show_anew(self._plain)
        return None

    def _template(self) -> Template:
        """What is filled in: written when it is needed, as the real printer reports though nobody may look."""
        if self._shown is None:
            assert self._mirror is not None  # noqa: S101 - or there would be nothing but the plain one
            self._shown = Template(self._mirror.push_status(), Slot)
        return self._shown

    def _show_anew(self, template: Template | None) -> None:
        """None = as the mirror has it."""
        self._shown = template
        self._around_sequence.cache_clear()

    def _remember(self, filename: str) -> None:
        self._stored.pop(filename, None)
        self._stored[filename] = None
        if len(self._stored) > MAX_STORED:
            del self._stored[next(iter(self._stored))]


def _push_once(said: list[Outgoing]) -> list[Outgoing]:
    """At most one report, after everything else."""
    rest: list[Outgoing] = [item for item in said if not isinstance(item, PushNow)]
    return [*rest, PushNow()] if len(rest) < len(said) else rest
