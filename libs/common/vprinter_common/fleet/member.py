"""One running printer of a fleet."""

import asyncio
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vprinter_common.contracts.printer import VirtualPrinter
from vprinter_common.contracts.status import ListenerState, ListenerStatus, PrinterStatus, State
from vprinter_common.fleet.edge import Listener, Placement, Serving, serving_key


@dataclass(slots=True)
class Member:
    """One printer of the fleet."""

    spec: VirtualPrinter
    placement: Placement
    serving: Serving | None = None
    error: str | None = None
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    task: asyncio.Task[None] | None = None

    @property
    def key(self) -> Hashable:
        """What would need a restart."""
        return serving_key(self.spec)

    def update(self, spec: VirtualPrinter) -> bool:
        """Take over a newer spec without a restart; False if nothing is new."""
        if spec == self.spec:
            return False
        self.spec = spec
        if self.serving is not None:
            self.serving.spec = spec
            self.serving.changed()
        return True

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
