"""Who asked for a printer: told to the page, which waits for a slicer to turn up, and never more often than is of use."""

from collections import OrderedDict
from collections.abc import Callable

from vprinter_common.bus import Bus
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_common.runtime.tasks import TaskSet
from vprinter_discovery.searches import Bucket, Rate

SERVICE = "discovery"
QUIET = 15.0
"""Seconds between two messages about one client at one printer; slicers search every few seconds."""
IN_TOTAL = Rate(per_second=8, burst=64)
"""The sender of a search is easily forged."""
MAX_REMEMBERED = 1_024


class Sightings:
    """Publishes what discovery sees of slicers, within limits."""

    def __init__(self, bus: Bus, *, tasks: TaskSet, clock: Callable[[], float], in_total: Rate = IN_TOTAL) -> None:
        self._bus = bus
        self._tasks = tasks
        self._clock = clock
        self._total = Bucket(in_total, clock())
        self._told: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    def seen(self, listener: str, printer: str, client: str) -> None:
        """A client searched for a printer or asked its detect listener who it is, and was answered."""
        now = self._clock()
        key = (printer, listener, client)
        if now - self._told.get(key, -QUIET) < QUIET or not self._total.take(now):
            return
        self._told[key] = now
        self._told.move_to_end(key)
        if len(self._told) > MAX_REMEMBERED:
            self._told.popitem(last=False)
        sighting = SessionLive(
            printer=printer, service=SERVICE, client=client, listener=listener, phase=SessionPhase.SEEN
        )
        self._tasks.spawn(self._bus.publish(subjects.live_session(printer), sighting), "sighting")
