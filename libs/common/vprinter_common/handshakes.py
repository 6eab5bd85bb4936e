"""What becomes of TLS handshakes: counted, logged, and failures published so that the page can say what is wrong."""

from collections import OrderedDict
from collections.abc import Callable

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts.facts import TlsFailed
from vprinter_common.contracts.message import new_id
from vprinter_common.listen import OnHandshake
from vprinter_common.metrics import declared
from vprinter_common.runtime.tasks import TaskSet
from vprinter_common.tls import HandshakeFailure

log = structlog.get_logger()

QUIET = 60.0
"""Seconds between two published failures of one address at one listener."""
MAX_REMEMBERED = 1_000

ADVICE = {
    HandshakeFailure.UNKNOWN_CA: "the slicer does not trust this CA: append it to the slicer's printer.cer",
    HandshakeFailure.BAD_CERTIFICATE: "the slicer refused the certificate: append the current CA to its printer.cer",
}


class Handshakes:
    """Counts and reports the handshakes of one service."""

    def __init__(
        self, service: str, bus: Bus, *, registry: CollectorRegistry, tasks: TaskSet, clock: Callable[[], float]
    ) -> None:
        self._service = service
        self._bus = bus
        self._tasks = tasks
        self._clock = clock
        self._published: OrderedDict[tuple[str, str, str], float] = OrderedDict()
        self._counter = declared.TLS_HANDSHAKES.create(registry)

    def watch(self, printer: str, listener: str) -> OnHandshake:
        """The callback for one listener of one printer."""

        def on_handshake(client: str, failure: HandshakeFailure | None) -> None:
            if failure is None:
                self._counter.labels(listener, "ok", "").inc()
            else:
                self._failed(printer, listener, client, failure)

        return on_handshake

    def _failed(self, printer: str, listener: str, client: str, failure: HandshakeFailure) -> None:
        self._counter.labels(listener, "failed", failure.value).inc()
        now = self._clock()
        key = (printer, listener, client)
        if now - self._published.get(key, -QUIET) < QUIET:
            return
        self._published[key] = now
        self._published.move_to_end(key)
        while len(self._published) > MAX_REMEMBERED:
            self._published.popitem(last=False)
        log.warning(
            "tls_failed",
            printer=printer,
            listener=listener,
            peer=client,
            reason=failure.value,
            advice=ADVICE.get(failure),
        )
        self._tasks.spawn(self._publish(printer, listener, client, failure), "tls-failed")

    async def _publish(self, printer: str, listener: str, client: str, failure: HandshakeFailure) -> None:
        fact = TlsFailed(printer=printer, service=self._service, listener=listener, client=client, reason=failure.value)
        try:
            await self._bus.publish_fact(fact, new_id())
        except BusUnavailable as error:
            log.debug("fact_dropped", kind="tls.failed", error=str(error))
