"""Who plays the slicer and is none: the prober tells before it comes."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vprinter_common.certs import Clock
from vprinter_common.contracts.live import Visit

MOST = 1000
"""Visits known at once."""


@dataclass(slots=True)
class Visits:
    """The visits under way."""

    clock: Clock
    _until: dict[tuple[str, str], datetime] = field(default_factory=dict)

    async def heard(self, visit: Visit) -> None:
        """Somebody is about to come."""
        now = self.clock()
        self._until = {key: until for key, until in self._until.items() if until > now}
        if len(self._until) < MOST:
            self._until[visit.printer, visit.client] = now + timedelta(seconds=visit.seconds)

    def under_way(self, printer: str, client: str) -> bool:
        """Whether this client of the printer is such a visitor."""
        until = self._until.get((printer, client))
        return until is not None and until > self.clock()
