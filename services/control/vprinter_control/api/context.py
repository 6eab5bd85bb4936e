"""What handlers have at hand."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network

from vprinter_common.access import LoginBrake
from vprinter_common.bus import Bus
from vprinter_common.certs import Clock
from vprinter_common.custody import CustodySection
from vprinter_common.object_store import Blobs
from vprinter_control.access_codes import AccessCodes
from vprinter_control.addresses import Addresses
from vprinter_control.deliveries import Deliveries
from vprinter_control.doctor.doctor import Doctor
from vprinter_control.ingest import Ingest
from vprinter_control.live.live import Live
from vprinter_control.metrics import Metrics
from vprinter_control.printers import Printers
from vprinter_control.statuses import Statuses, TargetStatuses
from vprinter_control.store.database import Database
from vprinter_control.streams import Streams
from vprinter_control.targets import Targets
from vprinter_control.trust import Trust
from vprinter_control.uses import LastUses


@dataclass(slots=True)
class Control:
    """The parts of the service."""

    database: Database
    bus: Bus
    blobs: Blobs
    printers: Printers
    statuses: Statuses
    targets: Targets
    target_statuses: TargetStatuses
    live: Live
    addresses: Addresses
    trust: Trust
    doctor: Doctor
    metrics: Metrics
    clock: Clock
    new_token: Callable[[], str]
    brake: LoginBrake
    event_clients: int
    """Clients of the event feed at most."""
    custody: CustodySection
    """How much may come in over HTTP."""
    feeds: int = 0
    """Clients of the event feed now."""
    keep_alive: float = 15.0
    """Seconds between comments in a silent event feed."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the API is to end its endless answers."""
    proxies: Sequence[IPv4Network] = ()
    """Reverse proxies whose word on address, scheme and host of a request is taken."""
    deliveries: Deliveries = field(init=False)
    uses: LastUses = field(init=False)
    streams: Streams = field(init=False)
    codes: AccessCodes = field(init=False)

    def __post_init__(self) -> None:
        ingest = Ingest(self.database, self.blobs, self.clock, self.metrics, self.live.setup)
        self.deliveries = Deliveries(ingest, self.live, self.blobs, self.custody, self.clock)
        self.uses = LastUses(self.database)
        self.streams = Streams(self.database, self.uses, self.clock)
        self.codes = AccessCodes(self.database, self.uses, self.clock, self.printers.randomness)
