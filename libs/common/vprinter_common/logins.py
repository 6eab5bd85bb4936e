"""Logins of one service: the code is checked, failures are braked, logged, counted and shared with the other services."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry

from vprinter_common.access import LoginBrake, match_code
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.facts import AuthFailed
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import AccessCode
from vprinter_common.metrics import declared
from vprinter_common.runtime.tasks import TaskSet

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused login. `wait`: seconds until the address may try again, 0 = at once."""

    reason: str
    wait: float = 0.0


class Logins:
    """Checks logins for one service; failures of the other services count too."""

    def __init__(
        self,
        service: str,
        node: str,
        bus: Bus,
        *,
        registry: CollectorRegistry,
        tasks: TaskSet,
        clock: Callable[[], float],
    ) -> None:
        self._service = service
        self._node = node
        self._bus = bus
        self._tasks = tasks
        self._brake = LoginBrake(clock)
        self._counter = declared.LOGINS.create(registry)

    async def follow(self) -> None:
        """Count the failures that other services publish; returns once subscribed."""

        async def on_failure(fact: AuthFailed) -> None:
            if (fact.service, fact.node) != (self._service, self._node):
                self._brake.failed(fact.client)

        await self._bus.subscribe(subjects.fact("auth.failed"), AuthFailed, on_failure)

    def check(self, printer: str, client: str, codes: Iterable[AccessCode], password: bytes) -> AccessCode | Refused:
        """The access code that the client logged in with, or why it is refused."""
        if (refused := self.braked(printer, client)) is not None:
            return refused
        code = match_code(codes, password)
        if code is None:
            return self.failed(printer, client)
        self.succeeded(printer, client)
        return code

    def braked(self, printer: str, client: str) -> Refused | None:
        """Whether the address has to wait, whatever it brings; `succeeded` or `failed` follow if another checks the code."""
        if (wait := self._brake.refused_for(client)) <= 0:
            return None
        self._counter.labels(printer, "braked").inc()
        return Refused(f"too many failed logins from {client}; try again in {wait:.0f} s", wait)

    def succeeded(self, printer: str, client: str) -> None:
        """The client brought a right code."""
        self._brake.succeeded(client)
        self._counter.labels(printer, "ok").inc()

    def failed(self, printer: str, client: str) -> Refused:
        """The client brought a wrong code."""
        self._counter.labels(printer, "wrong_code").inc()
        closed = self._brake.failed(client)
        reason = "five wrong access codes within a minute" if closed else "wrong access code"
        log.warning("login_refused", printer=printer, peer=client, reason=reason)
        self._tasks.spawn(self._publish(printer, client, reason), "auth-failed")
        return Refused("wrong access code")

    async def _publish(self, printer: str, client: str, reason: str) -> None:
        fact = AuthFailed(printer=printer, service=self._service, node=self._node, client=client, reason=reason)
        try:
            await self._bus.publish_fact(fact, new_id())
        except BusUnavailable as error:
            log.debug("fact_dropped", kind="auth.failed", error=str(error))
