"""One running printer of a fleet."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import MAX_SESSIONS, ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_common.fleet.edge import Listener, Placement, Serving


@dataclass(slots=True)
class Member:
    """One printer of the fleet."""

    spec: VirtualPrinter
    placement: Placement
    serving: Serving | None = None
    error: str | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    news: asyncio.Event = field(default_factory=asyncio.Event)
    """There is something to report."""
    task: asyncio.Task[None] | None = None
    stopping: bool = False

    def begin(self, serving: Serving) -> None:
        """The edge serves it now."""
        self.serving, self.error = serving, None
        serving.report = self.news.set
        self.news.set()
        if serving.spec != self.spec:  # it changed while the edge was preparing
            serving.take_over(self.spec)

    def update(self, spec: VirtualPrinter) -> None:
        """Take over a newer spec without a restart."""
        if spec == self.spec:
            return
        self.spec = spec
        self.news.set()
        if self.serving is not None:
            self.serving.take_over(spec)

    def problems(self) -> Iterator[str]:
        """What is wrong, a sentence each."""
        if self.error is not None:
            yield self.error
        for listener in self.serving.listeners if self.serving else ():
            if listener.error is not None:
                yield listener.error

    def status(self, service: str, node: str, restarts: int) -> PrinterStatus:
        """The status as it is now."""
        serving = self.serving
        listeners = serving.listeners if serving else ()
        return PrinterStatus(
            printer=self.spec.id,
            service=service,
            node=node,
            state=self._state(listeners),
            revision=self.spec.revision,
            address=self.placement.address_for(None),
            listeners=tuple(
                ListenerStatus(
                    name=one.name,
                    address=one.address or self.placement.bind,
                    port=one.port,
                    state=one.state,
                    error=one.error,
                )
                for one in listeners
            ),
            connections=serving.connections if serving else 0,
            sessions=tuple(serving.sessions.values())[-MAX_SESSIONS:] if serving else (),
            last_client=serving.last_client if serving else None,
            since=self.since,
            restarts=restarts,
            error=self.error,
        )

    def _state(self, listeners: Sequence[Listener]) -> State:
        if self.serving is None:
            return State.FAILED if self.error else State.STARTING
        states = {one.state for one in listeners}
        if states <= {ListenerState.OPEN}:
            return State.RUNNING
        return State.DEGRADED if ListenerState.FAILED in states else State.STARTING
