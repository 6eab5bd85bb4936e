"""Keeps after real printers: trusts the certificate that one shows first, and follows it to another address."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from prometheus_client import Gauge
from sqlalchemy.exc import SQLAlchemyError

from vprinter_common.contracts.requests import HeardPrinter, ProbeTarget
from vprinter_common.contracts.target import TargetStatus
from vprinter_control.addresses import Addresses
from vprinter_control.domain.refusal import Refused
from vprinter_control.domain.targets import AWAY, is_address
from vprinter_control.store import targets as store
from vprinter_control.store.schema import RealPrinter
from vprinter_control.targets import Targets

log = structlog.get_logger()

LOOK_EVERY = 5.0
"""Seconds between two looks at the statuses."""


@dataclass(slots=True)
class Tracking:
    """Looks at what is said of real printers."""

    targets: Targets
    addresses: Addresses
    online: Gauge
    """A metric: 1 for each printer with which a service has a session, 0 for the others."""

    async def follow(self) -> None:
        """Look again and again, for ever (a root task)."""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
            except (SQLAlchemyError, Refused) as error:
                log.warning("real_printers_not_followed", error=type(error).__name__)

    async def look(self) -> None:
        """Count who is online, pin what is new, and search for what is away."""
        async with self.targets.database.read() as session:
            printers = await store.every(session)
        lost = []
        self.online.clear()
        for printer in printers:
            status = self.targets.seen.of(printer.id)
            self.online.labels(printer.id).set(status is not None and status.online)
            if status is None:
                continue
            if printer.fingerprint is None and status.online and status.trouble is None and status.fingerprint:
                await self.targets.pin(printer.id, status.fingerprint)
            if _is_away(printer, status):
                lost.append(printer)
        if lost:
            await self._search(lost)

    async def _search(self, lost: Iterable[RealPrinter]) -> None:
        heard = {one.serial: one for one in await self.targets.heard()}
        for printer in lost:
            one = heard.get(printer.serial)
            if one is not None and await self._is_there(printer, one):
                await self.targets.follow(printer.id, one.address)

    async def _is_there(self, printer: RealPrinter, heard: HeardPrinter) -> bool:
        """Anybody can announce a serial number, so the certificate decides; the code is told to nobody meanwhile."""
        if heard.address == printer.host or printer.fingerprint is None or self._is_ours(heard.address):
            return False
        question = ProbeTarget(host=heard.address, serial=printer.serial, fingerprint=printer.fingerprint)
        found = await self.targets.ask(question)
        return found.trouble is None and found.fingerprint == printer.fingerprint

    def _is_ours(self, address: str) -> bool:
        """A proxy announces the serial number of its target at an address of ours."""
        served = {status.address for status in self.targets.statuses.latest.values()}
        return address in served or self.addresses.has(address)


def _is_away(printer: RealPrinter, status: TargetStatus) -> bool:
    return not status.online and status.trouble in AWAY and is_address(printer.host)
