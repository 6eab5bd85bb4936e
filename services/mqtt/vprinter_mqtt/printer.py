"""One printer with all its slicers: logins, requests, uploads, and a report for each every second."""

from collections import Counter as Tally
from collections.abc import Callable

import structlog

from vprinter_common.access import still_there
from vprinter_common.catalog import model
from vprinter_common.contracts.facts import CommandOutcome, CommandRelayed, JobRequested
from vprinter_common.contracts.live import SessionPhase, UploadLive
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import AccessCode, Allow, VirtualPrinter
from vprinter_common.contracts.status import SessionStatus
from vprinter_common.contracts.target import TargetCommand, TargetReport, TargetSaid
from vprinter_common.fleet.edge import Serving
from vprinter_common.logins import Logins, Refused
from vprinter_common.wire.commands import Command, Kind
from vprinter_common.wire.mqtt_packets import encode_publish
from vprinter_common.wire.project_file import ProjectFile
from vprinter_mqtt.client import Closed, SlicerConnection, is_user
from vprinter_mqtt.conversation import (
    Conversation,
    Forward,
    Ignored,
    Outgoing,
    PrintRequested,
    PushNow,
    Reply,
    ReportKey,
)
from vprinter_mqtt.messenger import Messenger
from vprinter_mqtt.metrics import Metrics
from vprinter_mqtt.mirror import Mirror
from vprinter_mqtt.session_state import SessionState

log = structlog.get_logger()

MAX_STRANGERS_PER_ADDRESS = 32
"""Connections of one address that have not logged in."""


class Printer:
    """The mqtt side of one virtual printer."""

    def __init__(
        self,
        serving: Serving,
        *,
        logins: Logins,
        messenger: Messenger,
        metrics: Metrics,
        clock: Callable[[], float],
        max_clients: int,
    ) -> None:
        self._serving = serving
        self._logins = logins
        self._messenger = messenger
        self._metrics = metrics
        self._clock = clock
        self._max_clients = max_clients
        self._mirror = _mirror(serving.spec)
        self._conversation = Conversation(model(serving.spec.model), self._mirror)
        self._strangers: dict[SlicerConnection, None] = {}
        self._slicers: dict[SlicerConnection, SessionState] = {}
        self._listed: dict[SlicerConnection, SessionStatus] = {}
        self._sequence = 0
        self._gauge = metrics.sessions.labels(self.id)
        self._pushed = metrics.messages.labels(self.id, "out", "push_status")

    @property
    def id(self) -> str:
        """The printer's id."""
        return self._serving.spec.id

    def connection(self) -> SlicerConnection:
        """The protocol of a new connection."""
        return SlicerConnection(self)

    def report(self) -> None:
        """Push a report to every slicer, as each beat wants it; what several share is rendered once."""
        now = self._clock()
        for session in self._slicers.values():
            if session.next_deadline is not None:
                self._conversation.on_time(session, now)
        self._reply(self._conversation.overdue(now))
        self._push(self._slicers)

    async def target_reported(self, report: TargetReport) -> None:
        """The real printer behind this one has reported."""
        self._conversation.on_report(report, self._clock())

    async def target_said(self, said: TargetSaid) -> None:
        """The real printer has answered somebody."""
        self._reply(self._conversation.on_said(said, self._clock()))

    def upload_moved(self, upload: UploadLive) -> None:
        """An upload to this printer moves: show it to the slicer whose it is."""
        moved = self._conversation.on_upload(self._slicers.values(), upload, self._clock())
        self._push([client for client, session in self._slicers.items() if session in moved])

    def spec_changed(self) -> None:
        """Names, codes and what is allowed may have changed: whoever logged in with a code that is gone, goes."""
        if self._mirror is not None and self._serving.spec.target is not None:
            self._mirror.target = self._serving.spec.target
            self._mirror.may_control = _may_control(self._serving.spec)
        codes = self._serving.spec.access_codes
        for client, session in list(self._slicers.items()):
            code = client.access_code and still_there(client.access_code, codes)
            if code is None:
                client.close(Closed.REVOKED)
            elif code.owner != session.owner:
                client.access_code, session.owner = code, code.owner
                self._listed[client] = self._serving.renamed(self._listed[client], code.owner)

    def close(self) -> None:
        """End all connections."""
        for client in [*self._strangers, *self._slicers]:
            client.close(Closed.STOPPED)

    # -- Host: what connections ask of their printer --------------------------------------------------------------

    def admit(self, client: SlicerConnection) -> Closed | None:
        """Refuse a connection beyond the limits."""
        self._strangers[client] = None
        if len(self._strangers) + len(self._slicers) > self._max_clients:
            return Closed.FULL
        addresses = Tally(stranger.address for stranger in self._strangers)
        return Closed.FULL if addresses[client.address] > MAX_STRANGERS_PER_ADDRESS else None

    def login(self, client: SlicerConnection, username: bytes | None, password: bytes | None) -> AccessCode | Refused:
        """Check a login; a wrong user name counts like a wrong code."""
        given = password if is_user(username) and password is not None else b""
        return self._logins.check(self.id, client.address, self._serving.spec.access_codes, given)

    def joined(self, client: SlicerConnection) -> None:
        """Greet a slicer with a report, which it expects before it has subscribed."""
        code = client.access_code
        assert code is not None  # noqa: S101 - set by the login that led here
        self._strangers.pop(client, None)
        self._slicers[client] = SessionState(
            client=client.address,
            serial=self._serving.spec.serial,
            advertise=self._serving.placement.address_for(client.local_address),
            access_code=code.code.get_secret_value(),
            owner=code.owner,
        )
        self._gauge.set(len(self._slicers))
        self._listed[client] = self._serving.logged_in(client.address, code)
        self._messenger.session(self.id, self._listed[client], SessionPhase.CONNECTED)
        log.info("slicer_connected", printer=self.id, peer=client.address)
        self._push([client])

    def subscribed(self, client: SlicerConnection, topics: tuple[str, ...]) -> None:
        """Learn the serial that the slicer believes in, and push."""
        for topic in topics:
            self._slicers[client].on_subscribe(topic)
        self._push([client])

    def requested(self, client: SlicerConnection, topic: str, payload: bytes) -> None:
        """Answer a request."""
        session = self._slicers[client]
        said = self._conversation.on_request(session, topic, payload, self._clock())
        for item in said:
            self._metrics.messages.labels(self.id, "in", _command(item)).inc()
            self._say(client, session, item)

    def left(self, client: SlicerConnection, reason: Closed | None) -> None:
        """Forget a connection."""
        self._strangers.pop(client, None)
        if reason is not None:
            self._metrics.rejected.labels(self.id, reason.value).inc()
        if (session := self._slicers.pop(client, None)) is None:
            return
        self._conversation.on_left(session)
        self._gauge.set(len(self._slicers))
        listed = self._listed.pop(client)
        self._serving.logged_out(listed)
        self._messenger.session(self.id, listed, SessionPhase.DISCONNECTED)
        log.info("slicer_left", printer=self.id, peer=client.address, reason=reason.value if reason else "closed")

    # -- inside ---------------------------------------------------------------------------------------------------

    def _say(self, client: SlicerConnection, session: SessionState, item: Outgoing) -> None:
        match item:
            case Reply(topic=topic):
                client.send(topic, item.payload)
                self._metrics.messages.labels(self.id, "out", _command(item)).inc()
            case PushNow():
                self._push([client])
            case PrintRequested(project):
                self._messenger.job(self._job(client, session, project))
            case Forward(payload, command):
                self._forward(client, payload, command)
            case Ignored(reason):
                log.info("request_ignored", printer=self.id, peer=client.address, reason=reason)

    def _push(self, clients: "list[SlicerConnection] | dict[SlicerConnection, SessionState]") -> None:
        """Send the present report to some slicers."""
        if not clients:
            return
        self._sequence += 1
        now = self._clock()
        packets: dict[ReportKey, bytes] = {}
        sent = 0
        for client in list(clients):
            session = self._slicers[client]
            key = self._conversation.report_key(session, now)
            packet = packets.get(key)
            if packet is None:
                packet = encode_publish(session.report_topic, self._conversation.render(key, self._sequence))
                packets[key] = packet
                self._metrics.render.inc()
            sent += client.send_report(packet)
        self._pushed.inc(sent)

    def _reply(self, replies: "list[tuple[SessionState, Reply]]") -> None:
        """Answer slicers who asked a while ago."""
        if not replies:
            return
        clients = {session: client for client, session in self._slicers.items()}
        for session, reply in replies:
            if (client := clients.get(session)) is not None:
                self._say(client, session, reply)

    def _forward(self, client: SlicerConnection, payload: str, command: Command) -> None:
        """Have a command sent to the real printer, and write down who changed something there."""
        assert self._mirror is not None  # noqa: S101 - or nothing is forwarded
        target = self._mirror.target.id
        self._messenger.command(TargetCommand(target=target, printer=self.id, client=client.address, payload=payload))
        if command.kind is not Kind.VIEW:
            self._messenger.relayed(
                CommandRelayed(
                    printer=self.id,
                    target=target,
                    session=self._listed[client].id,
                    client=client.address,
                    command=command.label,
                    detail=command.detail,
                    outcome=CommandOutcome.PASSED,
                )
            )

    def _job(self, client: SlicerConnection, session: SessionState, project: ProjectFile) -> JobRequested:
        return JobRequested(
            job=new_id(),
            printer=self.id,
            filename=project.filename,
            subtask_name=project.subtask_name,
            plate=project.plate,
            options=project.options,
            client=session.client,
            access_code=client.access_code.id if client.access_code else None,
            owner=session.owner,
        )


def _mirror(spec: VirtualPrinter) -> Mirror | None:
    """The real printer that it shows, if it names one."""
    if spec.target is None:
        return None
    return Mirror(model(spec.model), spec.target, may_control=_may_control(spec))


def _may_control(spec: VirtualPrinter) -> bool:
    return spec.relay.allow is Allow.CONTROL


def _command(item: Outgoing) -> str:
    """A label from the closed table of known commands."""
    match item:
        case Reply(message=message):
            section, body = next(iter(message.items()))
            return f"{section}.{body['command']}" if isinstance(body, dict) else section
        case PushNow():
            return "push_status"
        case PrintRequested():
            return "job"
        case Forward(command=command):
            return command.label
        case _:
            return "other"
