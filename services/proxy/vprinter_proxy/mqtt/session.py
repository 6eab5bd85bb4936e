"""One slicer's session with the real printer: two connections, and what is between them."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from ssl import SSLContext
from typing import Protocol

import structlog

from vprinter_common.contracts.printer import Allow, VirtualPrinter
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.wire.commands import Kind
from vprinter_common.wire.mqtt import ProtocolViolated
from vprinter_common.wire.mqtt_packets import Connack, ConnectCode
from vprinter_common.wire.mqtt_relay import (
    REPORTS,
    Answered,
    Event,
    Introduced,
    Listening,
    Reported,
    ReportRelay,
    Requested,
    RequestRelay,
)
from vprinter_common.wire.mqtt_topics import topic_matches
from vprinter_common.wire.report_rewrite import ReportRewriter
from vprinter_proxy.mqtt.audit import Audit
from vprinter_proxy.mqtt.closed import AT_ONCE, Closed
from vprinter_proxy.mqtt.ends import End
from vprinter_proxy.printer import Printer
from vprinter_proxy.reports import Hear
from vprinter_proxy.sessions import Session
from vprinter_proxy.upstream import Troubled, connect_tls

log = structlog.get_logger()

LISTENER = "mqtt"
CONNECT_WITHIN = 60.0
"""Seconds a slicer has to send CONNECT."""
ANSWER_WITHIN = 10.0
"""Seconds the printer has to answer it."""
SLICER_READS_WITHIN = 5.0
"""Seconds a slicer may leave what is for it unread."""
PRINTER_READS_WITHIN = 30.0
REPORT_WITHIN = 30.0
"""Seconds without a message after which a printer that somebody listens to counts as gone."""
GOODBYE = 5.0
"""Seconds in which the last bytes must be taken."""
OUTPUT_LIMIT = 64 * 1024
"""Bytes that the kernel keeps for a slicer."""

_KINDS = {Allow.VIEW: Kind.VIEW, Allow.FILES: Kind.FILES, Allow.CONTROL: Kind.CONTROL}
_WRONG_CODE = frozenset({ConnectCode.BAD_CREDENTIALS, ConnectCode.NOT_AUTHORISED})


class Host(Protocol):
    """What a session needs of its part of the proxy."""

    printer: Printer
    tasks: TaskSet
    context: SSLContext
    """For the printer."""

    def admit(self, session: "RelaySession") -> Closed | None:
        """A slicer connected; a reason refuses it."""

    def gone(self, session: "RelaySession") -> None:
        """Its connection is closed."""


class RelaySession:
    """From a slicer's TLS handshake to the end."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._printer = host.printer
        self._loop = asyncio.get_running_loop()
        self._requests = RequestRelay(_KINDS[host.printer.spec.relay.allow])
        self._reports: ReportRelay | None = None
        self._rewriter: ReportRewriter | None = None
        self._early: list[Requested] = []
        self._listed: Session | None = None
        self._audit: Audit | None = None
        self._hear: Hear = _nobody
        self._relayed = ExitStack()
        self._reaching: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heard = 0.0
        self._listens = False
        self._ended = False
        self.address = ""
        self.known = False
        """Whether the printer let it in."""
        self.slicer = self._end(self._came, self._from_slicer, self._left, Closed.NOT_READING, SLICER_READS_WITHIN)
        self._target: End | None = None

    def spec_changed(self, spec: VirtualPrinter) -> None:
        """The policy may be another."""
        self._requests.allowed = _KINDS[spec.relay.allow]
        if self._rewriter is not None:
            self._rewriter.tunnel = _has_tunnel(spec)

    def end(self, reason: Closed) -> None:
        """Close both connections; what was written before still goes out, unless there is no waiting for the slicer."""
        if self._ended:
            return
        self._ended = True
        self._disarm()
        self._relayed.close()
        if self._reaching is not None:
            self._reaching.cancel()
        self._printer.house.metrics.closed.labels(self._printer.id, reason.value).inc()
        if self._listed is not None:
            self._listed.close(reason.value)
        if self._target is not None:
            self._target.close()
        if reason in AT_ONCE:
            self.slicer.abort()
        else:
            self._arm(GOODBYE, self.slicer.abort)
            self.slicer.close()

    # -- the slicer's end ---------------------------------------------------------------------------------------

    def _came(self) -> None:
        self.address = self.slicer.peer
        self.slicer.limit_output(OUTPUT_LIMIT)
        if (reason := self._host.admit(self)) is not None:
            self.end(reason)
        else:
            self._arm(CONNECT_WITHIN, lambda: self.end(Closed.NO_CONNECT))

    def _from_slicer(self, data: bytes) -> None:
        if self._ended:
            return
        self._handle(self._requests.receive_data(data))
        if self._requests.closed:
            self.end(Closed.LEFT)

    def _left(self) -> None:
        self.end(Closed.LEFT)
        self._disarm()
        self._host.gone(self)

    # -- the printer's end --------------------------------------------------------------------------------------

    async def _reach(self) -> None:
        printer, target = self._printer, self._printer.target
        port = printer.house.settings.proxy.printers.mqtt
        try:
            _, end = await connect_tls(target, port, self._host.context, self._make_target)
        except Troubled as trouble:
            self._turn_away(trouble)
            return
        ours = printer.serving.placement.address_for(self.slicer.local)
        addresses = (end.peer, target.host)
        self._rewriter = ReportRewriter(addresses, ours, tunnel=_has_tunnel(printer.spec))
        self._reports = ReportRelay(self._rewriter)
        self._target = end
        self._target.fed_by(self.slicer)
        self.slicer.fed_by(self._target)
        self._arm(ANSWER_WITHIN, lambda: self._turn_away(_no_answer(f"did not answer within {ANSWER_WITHIN:g} s")))
        self._flush()

    def _make_target(self) -> End:
        return self._end(lambda: None, self._from_printer, self._lost, Closed.PRINTER_NOT_READING, PRINTER_READS_WITHIN)

    def _from_printer(self, data: bytes) -> None:
        if self._ended:
            return
        if self._reports is not None:  # as it is, unless it speaks before it is spoken to
            self._handle(self._reports.receive_data(data))

    def _lost(self) -> None:
        if not self._ended and not self.known:
            self._turn_away(_no_answer("closed the connection without an answer"))
        self.end(Closed.PRINTER_LEFT)

    # -- between them -------------------------------------------------------------------------------------------

    def _handle(self, events: list[Event]) -> None:
        """Act on what was said, once it has been passed on."""
        ending: Closed | None = None
        for event in events:
            ending = self._act(event) or ending
        self._flush()
        if ending is not None:
            self.end(ending)

    def _act(self, event: Event) -> Closed | None:
        match event:
            case Introduced(client_id):
                return self._introduced(client_id)
            case Answered(code):
                return self._answered(code)
            case Requested():
                self._note(event)
            case Reported(topic, payload):
                self._heard = self._loop.time()
                if topic_matches(REPORTS, topic):
                    self._hear(payload)
            case Listening():
                self._listens = True
                self._listen()
            case ProtocolViolated(reason, detail):
                return self._violated(reason.value, detail)
        return None

    def _flush(self) -> None:
        """Pass on what may pass. The printer's CONNACK comes before any answer of ours."""
        if self._reports is not None:
            self._to_slicer(self._reports.data_for_slicer())
        self._to_slicer(self._requests.data_for_slicer())
        if self._target is not None:
            data = self._requests.data_for_printer()
            self._target.write(data)
            if self._listed is not None:
                self._listed.to_target += len(data)

    def _to_slicer(self, data: bytes) -> None:
        self.slicer.write(data)
        if self._listed is not None:
            self._listed.to_client += len(data)

    def _introduced(self, client_id: str) -> Closed | None:
        self._disarm()
        log.debug("slicer_introduced", printer=self._printer.id, peer=self.address, client_id=client_id[:64])
        if self._printer.house.logins.braked(self._printer.id, self.address) is not None:
            # 3 leaves the code stored in the slicer; 5 would make it ask for another one.
            self.slicer.write(Connack(ConnectCode.SERVER_UNAVAILABLE).encode())
            return Closed.BRAKED
        self.slicer.hold(self)
        self._reaching = self._host.tasks.spawn(self._reach(), "reach")
        return None

    def _answered(self, code: ConnectCode) -> Closed | None:
        self._disarm()
        logins = self._printer.house.logins
        if code in _WRONG_CODE:
            logins.failed(self._printer.id, self.address)
            return Closed.WRONG_CODE
        if code is not ConnectCode.ACCEPTED:
            self._troubled(_no_answer(f"refused the session ({code.name.lower()})"))
            return Closed.TROUBLE
        logins.succeeded(self._printer.id, self.address)
        self._requests.accepted()
        self._let_in()
        return None

    def _let_in(self) -> None:
        printer = self._printer
        self.known = True
        self._listed = printer.monitor.opened(
            LISTENER,
            printer.house.settings.proxy.mqtt_port,
            self.address,
            lambda: self.end(Closed.DISCONNECTED),
        )
        self._audit = Audit(printer, self._listed, self._loop.time)
        self._hear = self._relayed.enter_context(printer.house.reports.relayed(printer.target.id))
        for each in self._early:
            self._audit.note(each)
        self._early.clear()
        self.slicer.let_go(self)
        self._listen()

    def _note(self, requested: Requested) -> None:
        if self._audit is None:
            self._early.append(requested)  # few: nothing is read of a slicer that waits for its answer
        else:
            self._audit.note(requested)

    def _listen(self) -> None:
        """Watch for silence, from when the slicer both is let in and listens."""
        if self.known and self._listens and self._timer is None:
            self._heard = self._loop.time()
            self._arm(REPORT_WITHIN, self._check_silence)

    def _check_silence(self) -> None:
        left = self._heard + REPORT_WITHIN - self._loop.time()
        if left > 0:
            self._arm(left, self._check_silence)
            return
        text = f"the printer has said nothing for {REPORT_WITHIN:g} s; is it still on, and on this network?"
        self._printer.troubled(LISTENER, Troubled(TargetTrouble.SILENT, text))
        self.end(Closed.PRINTER_SILENT)

    def _turn_away(self, trouble: Troubled) -> None:
        """The printer is of no use: tell the slicer in MQTT's words, with the code that keeps its login stored."""
        self._troubled(trouble)
        self.slicer.write(Connack(ConnectCode.SERVER_UNAVAILABLE).encode())
        self.end(Closed.TROUBLE)

    def _troubled(self, trouble: Troubled) -> None:
        self._printer.troubled(LISTENER, trouble)
        if trouble.trouble is TargetTrouble.BUSY:
            self._printer.house.reports.refused(self._printer.target.id)

    def _violated(self, reason: str, detail: str) -> Closed:
        by_slicer = self._requests.closed
        log.warning(
            "mqtt_violation",
            printer=self._printer.id,
            peer=self.address if by_slicer else self._printer.target.host,
            reason=reason,
            detail=detail,
        )
        if by_slicer:
            return Closed.VIOLATION
        if not self.known:
            self.slicer.write(Connack(ConnectCode.SERVER_UNAVAILABLE).encode())
        return Closed.PRINTER_VIOLATION

    def _end(
        self,
        made: Callable[[], None],
        received: Callable[[bytes], None],
        lost: Callable[[], None],
        stalled: Closed,
        patience: float,
    ) -> End:
        return End(made=made, received=received, lost=lost, stalled=lambda: self.end(stalled), patience=patience)

    def _arm(self, seconds: float, action: Callable[[], None]) -> None:
        self._disarm()
        self._timer = self._loop.call_later(seconds, action)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _nobody(_payload: bytes) -> None:
    """Nobody listens along yet."""


def _has_tunnel(spec: VirtualPrinter) -> bool:
    """Whether slicers reach the printer's file tunnel through us."""
    return spec.relay.camera and spec.relay.allow is not Allow.VIEW


def _no_answer(what: str) -> Troubled:
    return Troubled(
        TargetTrouble.BUSY,
        f"the printer {what}: it takes few MQTT sessions at once; close other programs that are connected to it",
    )
