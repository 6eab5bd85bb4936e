"""One real printer, watched: the session with it, again and again, and what is published of it."""

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

import structlog

from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import Target
from vprinter_common.contracts.target import (
    RealPrinter,
    TargetCommand,
    TargetReport,
    TargetSaid,
    TargetStatus,
)
from vprinter_common.wire.report import MAX_PAYLOAD, ReportError
from vprinter_proxy.reports import Reports
from vprinter_proxy.upstream import Troubled
from vprinter_proxy.watch.lease import LeaseLost, Leases
from vprinter_proxy.watch.picture import Picture, Reported, Said
from vprinter_proxy.watch.session import SILENT_AFTER, PrinterSession, Sessions, Shown

log = structlog.get_logger()

PACE = 1.0
"""Seconds between two reports, at least."""
HEARTBEAT = 10.0
"""Seconds between two reports, at most; the status expires after 30."""
RETRY_FIRST, RETRY_MOST = 1.0, 60.0
"""Seconds until a session is tried again: doubled each time, give or take a fifth, up to the most."""
GIVEN_WAY = 20.0
"""Seconds for a slicer to try again after it was given way."""
MAX_COMMANDS = 32
"""Commands that wait to be sent."""
MAX_SAID = 32
"""Answers of a printer that wait to be published."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What all watchers of this process share."""

    node: str
    bus: Bus
    leases: Leases
    sessions: Sessions
    reports: Reports


class Watcher:
    """One real printer, for as long as `run` runs."""

    def __init__(self, printer: RealPrinter, shop: Workshop) -> None:
        self._printer = printer
        self._shop = shop
        self._picture = Picture()
        self._session: PrinterSession | None = None
        self._patience: asyncio.Timeout | None = None
        """Ends the session when its time is up."""
        self._shown = Shown()
        self._trouble: Troubled | None = None
        self._heard_at = -SILENT_AFTER
        self._news = asyncio.Event()
        self._changed = False
        self._commands: asyncio.Queue[TargetCommand] = asyncio.Queue(MAX_COMMANDS)
        self._said: asyncio.Queue[TargetSaid] = asyncio.Queue(MAX_SAID)

    async def run(self) -> NoReturn:
        """Watch for ever, while this node holds the lease."""
        while True:
            try:
                async with self._shop.leases.held(self._printer.id), asyncio.TaskGroup() as group:
                    group.create_task(self._stay_connected(), name=f"session:{self._printer.id}")
                    group.create_task(self._tell(), name=f"status:{self._printer.id}")
                    group.create_task(self._send(), name=f"commands:{self._printer.id}")
                    group.create_task(self._answer(), name=f"answers:{self._printer.id}")
            except* LeaseLost as lost:
                log.warning("session_given_up", target=self._printer.id, reason=_text(lost))

    def goes_on_with(self, printer: RealPrinter) -> bool:
        """Take over a newer description; False if only a new session can."""
        old = self._printer
        same_way = (old.host, old.serial, old.access_code) == (printer.host, printer.serial, printer.access_code)
        pinned = self._shown.fingerprint if self._session is not None else old.fingerprint
        if not same_way or printer.fingerprint not in (old.fingerprint, pinned):
            return False
        self._printer = printer
        return True

    @property
    def connected(self) -> bool:
        """Whether there is a session."""
        return self._session is not None

    def command(self, command: TargetCommand) -> None:
        """Send a slicer's command, after those before it."""
        if len(command.payload) > MAX_PAYLOAD or self._commands.full():
            log.warning("command_dropped", target=self._printer.id, printer=command.printer, peer=command.client)
            return
        self._commands.put_nowait(command)

    # -- the session ----------------------------------------------------------------------------------------------

    async def _stay_connected(self) -> NoReturn:
        delay, reports = RETRY_FIRST, self._shop.reports
        with reports.heard_by(self._printer.id, self._overhear), reports.watched(self._printer.id, self._give_way):
            while True:
                begun = _now()
                try:
                    async with asyncio.timeout(None) as self._patience:
                        await self._hold()
                except Troubled as trouble:
                    self._trouble = trouble
                    self._news.set()
                    log.info("session_ended", target=self._printer.id, trouble=trouble.trouble, error=str(trouble))
                except TimeoutError:
                    log.info("session_given_way", target=self._printer.id)
                    await self._wait_for_a_slicer()
                finally:
                    self._session = self._patience = None
                delay = RETRY_FIRST if _now() - begun > SILENT_AFTER else min(delay * 2, RETRY_MOST)
                await asyncio.sleep(delay * random.uniform(0.8, 1.2))  # noqa: S311 - no secret
                # Some printers end their oldest session for a new one: coming back at once would cost a slicer its own.
                while self._listens_along():  # noqa: ASYNC110 - it ends by silence, too
                    await asyncio.sleep(PACE)

    def _give_way(self) -> None:
        """A slicer was refused by the printer, whose last session may be ours."""
        if self._session is not None and self._patience is not None:
            self._patience.reschedule(_now())

    async def _wait_for_a_slicer(self) -> None:
        self._session = None
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVEN_WAY):
                while not self._shop.reports.is_relayed(self._printer.id):  # noqa: ASYNC110 - relays set no event
                    await asyncio.sleep(PACE)

    async def _hold(self) -> None:
        """One session, until it breaks; raises Troubled."""
        self._shown = Shown()
        async with self._shop.sessions.open(_target(self._printer), self._shown) as session:
            await session.subscribe()
            self._session, self._trouble = session, None
            self._picture.expect_whole()
            log.info("session_held", target=self._printer.id, address=self._shown.address)
            await session.ask_for_everything()
            async for payload in session.payloads():
                self._take(payload)

    def _overhear(self, payload: bytes) -> None:
        """What passes to a relayed slicer; our own session would say the same."""
        if self._session is None:
            self._take(payload)

    def _take(self, payload: bytes) -> None:
        self._heard_at = _now()
        try:
            news = self._picture.take(payload)
        except ReportError as error:
            log.info("report_unreadable", target=self._printer.id, error=str(error))
            return
        match news:
            case Reported():
                self._changed = True
                self._news.set()
            case Said(message):
                with suppress(asyncio.QueueFull):
                    self._said.put_nowait(TargetSaid(target=self._printer.id, payload=message))

    # -- what is told of it ---------------------------------------------------------------------------------------

    async def _tell(self) -> NoReturn:
        """Publish status and report as they change, and as a sign of life."""
        told, told_at = "", -HEARTBEAT
        while True:
            self._news.clear()
            status = self._status()
            if _gist(status) != told or _now() - told_at >= HEARTBEAT - PACE:
                with suppress(BusUnavailable):
                    await self._shop.bus.put(subjects.TARGET_STATUS, self._printer.id, status)
                    told, told_at = _gist(status), _now()
            if status.online and (self._changed or told_at == _now()):
                self._changed = False
                await self._shop.bus.publish(subjects.target_report(self._printer.id), self._report())
            await asyncio.sleep(PACE)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT - PACE):
                    await self._news.wait()

    async def _send(self) -> NoReturn:
        while True:
            command = await self._commands.get()
            try:
                if self._session is not None:
                    await self._session.request(command.payload)
                    continue
                reason = "there is no session with the printer"
            except Troubled as error:
                reason = str(error)
            log.warning("command_lost", target=self._printer.id, printer=command.printer, reason=reason)

    async def _answer(self) -> NoReturn:
        while True:
            said = await self._said.get()
            await self._shop.bus.publish(subjects.target_said(said.target), said)

    def _listens_along(self) -> bool:
        """Whether a relayed session tells what our own would."""
        return self._session is None and self._shop.reports.is_relayed(self._printer.id) and self._hears()

    def _hears(self) -> bool:
        """Whether it reports; an answer to `get_version` alone says nothing of how it fares."""
        return bool(self._picture.print) and _now() - self._heard_at < SILENT_AFTER

    def _status(self) -> TargetStatus:
        online = self._hears() if self._session is not None else self._listens_along()
        trouble = None if online else self._trouble
        return TargetStatus(
            target=self._printer.id,
            node=self._shop.node,
            online=online,
            trouble=trouble.trouble if trouble else None,
            error=str(trouble)[:500] if trouble else None,
            address=self._shown.address or None,
            fingerprint=self._shown.fingerprint or None,
            **self._picture.figures(),
        )

    def _report(self) -> TargetReport:
        return TargetReport(
            target=self._printer.id,
            serial=self._printer.serial,
            print=self._picture.print,
            modules=self._picture.modules,
        )


def _now() -> float:
    return asyncio.get_running_loop().time()


def _gist(status: TargetStatus) -> str:
    """What makes a status worth telling: not each tenth of a degree."""
    rounded = {
        name: round(value)
        for name in ("nozzle_celsius", "bed_celsius", "chamber_celsius")
        if (value := getattr(status, name)) is not None
    }
    return status.model_copy(update=rounded).model_dump_json(exclude={"at"})


def _target(printer: RealPrinter) -> Target:
    """The same as the relays know it."""
    return Target(
        id=printer.id,
        host=printer.host,
        serial=printer.serial,
        model=printer.model,
        access_code=printer.access_code,
        fingerprint=printer.fingerprint,
    )


def _text(group: BaseExceptionGroup[LeaseLost]) -> str:
    """The first sentence in a group of errors."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return str(error)
