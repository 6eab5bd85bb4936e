"""What all printers of this process share, and what one printer has of its own."""

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vprinter_common.fleet.edge import Serving
from vprinter_common.handshakes import Handshakes
from vprinter_common.logins import Logins
from vprinter_common.object_store import Blobs
from vprinter_common.outbox import Publisher
from vprinter_ftps.announce import Announcer
from vprinter_ftps.card import Card
from vprinter_ftps.custody import Custody
from vprinter_ftps.metrics import FtpsMetrics
from vprinter_ftps.sessions import SessionLimits
from vprinter_ftps.settings import FtpsSettings
from vprinter_ftps.workers import Workers


@dataclass(frozen=True, slots=True)
class House:
    """What all printers of this process share."""

    settings: FtpsSettings
    metrics: FtpsMetrics
    blobs: Blobs
    custody: Custody
    publisher: Publisher
    announcer: Announcer
    logins: Logins
    handshakes: Handshakes
    limits: SessionLimits
    workers: Workers
    upload_slots: asyncio.Semaphore
    rng: random.Random
    now: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Printer:
    """One printer as FTP shows it; `serving.spec` is always its newest spec."""

    house: House
    serving: Serving
    context: ssl.SSLContext
    card: Card

    @property
    def id(self) -> str:
        """The printer's id."""
        return self.serving.spec.id
