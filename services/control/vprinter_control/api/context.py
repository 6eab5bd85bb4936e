"""What handlers have at hand."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from vprinter_common.access import LoginBrake
from vprinter_common.blobs import DirectoryBlobs
from vprinter_common.certs import Clock
from vprinter_control.addresses import Addresses
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.statuses import Statuses
from vprinter_control.store.database import Database
from vprinter_control.trust import Trust


@dataclass(slots=True)
class Control:
    """The parts of the service."""

    database: Database
    blobs: DirectoryBlobs
    printers: Printers
    statuses: Statuses
    addresses: Addresses
    trust: Trust
    metrics: Metrics
    clock: Clock
    new_token: Callable[[], str]
    brake: LoginBrake
    event_clients: int
    """Clients of the event feed at most."""
    feeds: int = 0
    """Clients of the event feed now."""
    keep_alive: float = 15.0
    """Seconds between comments in a silent event feed."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the API is to end its endless answers."""
