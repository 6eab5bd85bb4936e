"""One printer with all its slicers: logins, requests, uploads, and a report for each every second."""

from collections import Counter as Tally
from collections.abc import Callable

import structlog

from vprinter_common.catalog import model
from vprinter_common.contracts.facts import JobRequested
from vprinter_common.contracts.live import SessionPhase, UploadLive
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.fleet.edge import Serving
from vprinter_common.logins import Logins, Refused
from vprinter_common.wire.mqtt_packets import encode_publish
from vprinter_common.wire.project_file import ProjectFile
from vprinter_mqtt.client import Closed, SlicerConnection, is_user
from vprinter_mqtt.conversation import Conversation, Ignored, Outgoing, PrintRequested, PushNow, Reply, ReportKey
from vprinter_mqtt.messenger import Messenger
from vprinter_mqtt.metrics import Metrics
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
        self._conversation = Conversation(model(serving.spec.model))
        self._strangers: dict[SlicerConnection, None] = {}
        self._slicers: dict[SlicerConnection, SessionState] = {}
        self._sequence = 0
        self._gauge = metrics.sessions.labels(self.id)

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
        self._push(self._slicers)

    def upload_moved(self, upload: UploadLive) -> None:
        """An upload to this printer moves: show it to the slicer whose it is."""
        moved = self._conversation.on_upload(self._slicers.values(), upload, self._clock())
        self._push([client for client, session in self._slicers.items() if session in moved])

    def spec_changed(self) -> None:
        """Names and codes may have changed: whoever logged in with a code that is gone, goes."""
        codes = self._serving.spec.access_codes
        for client in list(self._slicers):
            if client.access_code not in codes:
                client.close(Closed.REVOKED)

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
        self._serving.connected(client.address)
        self._messenger.session(self.id, client.address, code.owner, SessionPhase.CONNECTED)
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
        session = self._slicers.pop(client, None)
        if session is None:
            return
        self._gauge.set(len(self._slicers))
        self._serving.disconnected()
        self._messenger.session(self.id, client.address, session.owner, SessionPhase.DISCONNECTED)
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
                self._messenger.job(self._job(session, project))
            case Ignored(reason):
                log.info("request_ignored", printer=self.id, peer=client.address, reason=reason)

    def _push(self, clients: "list[SlicerConnection] | dict[SlicerConnection, SessionState]") -> None:
        """Send the present report to some slicers."""
        if not clients:
            return
        self._sequence += 1
        packets: dict[ReportKey, bytes] = {}
        sent = 0
        for client in list(clients):
            session = self._slicers[client]
            key = self._conversation.report_key(session)
            packet = packets.get(key)
            if packet is None:
                packet = encode_publish(session.report_topic, self._conversation.render(key, self._sequence))
                packets[key] = packet
                self._metrics.render.inc()
            sent += client.send_report(packet)
        self._metrics.messages.labels(self.id, "out", "push_status").inc(sent)

    def _job(self, session: SessionState, project: ProjectFile) -> JobRequested:
        return JobRequested(
            job=new_id(),
            printer=self.id,
            filename=project.filename,
            subtask_name=project.subtask_name,
            plate=project.plate,
            options=project.options,
            client=session.client,
            owner=session.owner,
        )


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
        case _:
            return "other"
