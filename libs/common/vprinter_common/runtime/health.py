"""Liveness and readiness of a service."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum

from prometheus_client import CollectorRegistry, Histogram

from vprinter_common.metrics import declared

MAX_LAG = 10.0
"""Seconds that the event loop may be stuck before the service counts as dead."""
INTERVAL = 2.0
"""Seconds between two measurements; more often would be most of what an idle service does."""


class Severity(IntEnum):
    """How bad a failing check is."""

    DEGRADED = 1
    """The service serves, but not all it should; `/readyz` says so with 200."""
    FAILED = 2
    """The service cannot do its work; `/readyz` answers 503."""


Check = Callable[[], str | None]
"""None = well, otherwise one sentence that says what is wrong and what to do."""


@dataclass(slots=True)
class Health:
    """Named checks and the event loop's lag."""

    registry: CollectorRegistry
    clock: Callable[[], float] = time.monotonic
    _checks: dict[str, tuple[Severity, Check]] = field(default_factory=dict)
    _beat: float = 0.0
    _lag: Histogram = field(init=False)

    def __post_init__(self) -> None:
        self._beat = self.clock()
        self._lag = declared.LOOP_LAG.create(self.registry)

    def add(self, name: str, severity: Severity, check: Check) -> None:
        """Register a check."""
        self._checks[name] = (severity, check)

    async def beat(self) -> None:
        """Measure the loop's lag for ever (a root task)."""
        while True:
            before = self.clock()
            await asyncio.sleep(INTERVAL)
            self._beat = self.clock()
            self._lag.observe(max(0.0, self._beat - before - INTERVAL))

    def alive(self) -> bool:
        """Whether the event loop turns."""
        return self.clock() - self._beat < MAX_LAG

    def problems(self) -> dict[str, tuple[Severity, str]]:
        """Failing checks by name."""
        found = {}
        for name, (severity, check) in self._checks.items():
            if (problem := check()) is not None:
                found[name] = (severity, problem)
        return found
