"""What can be done to real printers."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import structlog
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common import catalog
from vprinter_common.bus import BusUnavailable
from vprinter_common.certs import Clock
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message, new_id
from vprinter_common.contracts.requests import Heard, HeardPrinter, Nothing, ProbeTarget, TargetProbe
from vprinter_control.domain.refusal import Conflict, Refused, Unable
from vprinter_control.domain.targets import refuse_found
from vprinter_control.printers import Printers
from vprinter_control.statuses import Statuses, TargetStatuses
from vprinter_control.store import audit, queue
from vprinter_control.store import targets as store
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Printer, QueueItem, RealPrinter

log = structlog.get_logger()

PROBE_WITHIN = 15.0
"""Seconds; a printer that is asleep takes some to answer."""
HEAR_WITHIN = 3.0
_SPECIFIED = frozenset({"host", "serial", "model", "access_code", "fingerprint"})
"""Fields that the edges know of a virtual printer's target."""
_HIDDEN = "(hidden)"

M = TypeVar("M", bound=Message)


class Line(Protocol):
    """What of the bus is used here."""

    async def request(self, subject: str, message: Message, answer: type[M], timeout: float = 3.0) -> M:
        """Ask a service."""


@dataclass(frozen=True, slots=True)
class NewTarget:
    """What a user says of a real printer; what is None is found out."""

    host: str
    access_code: str
    name: str | None = None
    serial: str | None = None
    model: str | None = None


@dataclass(slots=True)
class Targets:
    """Adds, changes and deletes real printers, and asks the edges about them."""

    database: Database
    bus: Line
    printers: Printers
    statuses: Statuses
    seen: TargetStatuses
    clock: Clock

    async def add(self, new: NewTarget) -> str:
        """Put a printer in, after a look at it if it can be reached; returns its id."""
        found = await self._look(new)
        refuse_found(found, serial=new.serial, model=new.model)
        serial, model = new.serial or found.serial, catalog.model(new.model or found.model or "")
        assert serial is not None  # noqa: S101 - refused otherwise
        now = self.clock()
        printer = RealPrinter(
            id=new_id(),
            revision=1,
            created_at=now,
            changed_at=now,
            name=(new.name or found.name or f"{model.name} {serial[-4:]}")[:100],
            host=new.host,
            serial=serial,
            model=model.code,
            access_code=new.access_code,
            fingerprint=found.fingerprint if found.trouble is None else None,
        )
        async with self.database.write() as session:
            await _refuse_known(session, serial)
            session.add(printer)
            about = {"host": printer.host, "serial": serial, "model": printer.model, "fingerprint": printer.fingerprint}
            record(session, now, EventType.REAL_PRINTER_ADDED, real_printer=printer.id, name=printer.name, **about)
        log.info("real_printer_added", target=printer.id, model=printer.model, seen=found.trouble is None)
        return printer.id

    async def change(self, id_: str, changes: dict[str, Any]) -> None:
        """Change some fields. Another serial number is another printer: its certificate is not known yet."""
        async with self.database.write() as session:
            printer = await store.get(session, id_)
            if changes.get("serial", printer.serial) != printer.serial:
                await _refuse_known(session, changes["serial"])
                changes = changes | {"fingerprint": None}
            await self._apply(session, printer, changes, EventType.REAL_PRINTER_CHANGED)
        await self._certify()

    async def accept(self, id_: str, fingerprint: str) -> None:
        """Trust the certificate that a printer shows now, if it is the one that somebody saw."""
        async with self.database.read() as session:
            printer = await store.get(session, id_)
        status = self.seen.of(id_)
        if fingerprint != printer.fingerprint and (status is None or status.fingerprint != fingerprint):
            await self._refuse_unseen(printer, fingerprint)
        async with self.database.write() as session:
            printer = await store.get(session, id_)
            await self._apply(session, printer, {"fingerprint": fingerprint}, EventType.CERTIFICATE_ACCEPTED)

    async def pin(self, id_: str, fingerprint: str) -> None:
        """Trust the first certificate that a printer shows."""
        async with self.database.write() as session:
            printer = await store.get(session, id_)
            if printer.fingerprint is None:
                await self._apply(session, printer, {"fingerprint": fingerprint}, EventType.CERTIFICATE_PINNED)

    async def follow(self, id_: str, host: str) -> None:
        """Go after a printer that has another address now."""
        async with self.database.write() as session:
            printer = await store.get(session, id_)
            await self._apply(session, printer, {"host": host}, EventType.REAL_PRINTER_FOLLOWED)

    async def delete(self, id_: str) -> None:
        """Forget a printer that no virtual one needs; queue items that it was to print are anybody's again."""
        async with self.database.write() as session:
            printer = await store.get(session, id_)
            if users := await store.users_of(session, id_):
                names = ", ".join(user.name for user in users)
                raise Conflict(
                    "printer_in_use",
                    f"{printer.name} is used by {names}",
                    hint="give them another target, or delete them first",
                )
            now = self.clock()
            for item in await session.scalars(select(QueueItem).where(QueueItem.printer_id == id_)):
                await queue.unassign(session, item, now)
            record(session, now, EventType.REAL_PRINTER_DELETED, real_printer=id_, name=printer.name)
            await session.delete(printer)

    async def probe(self, id_: str) -> TargetProbe:
        """Look at a printer that is known; raises Unable if nobody can."""
        async with self.database.read() as session:
            printer = await store.get(session, id_)
        return await self.ask(_question(printer))

    async def ask(self, question: ProbeTarget) -> TargetProbe:
        """Let a proxy look at a printer; raises Unable if none answers."""
        try:
            return await self.bus.request(subjects.rpc("proxy", "probe"), question, TargetProbe, timeout=PROBE_WITHIN)
        except BusUnavailable as error:
            log.warning("probe_unanswered", error=str(error))
            raise Unable(
                "proxy_away", "no proxy service answers, so nobody can look at the printer", hint="see that proxy runs"
            ) from error

    async def heard(self) -> list[HeardPrinter]:
        """Printers that the discovery of any node hears, each with its newest word; raises Unable if none answers."""
        nodes = sorted({one.node for one in self.statuses.latest.values() if one.service == "discovery"})
        verbs = ["heard", *map(subjects.heard_of, nodes)]
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._hear(verb), name=f"heard:{verb}") for verb in verbs]
        answers = [answer for task in asked if (answer := task.result()) is not None]
        if not answers:
            raise Unable(
                "discovery_away",
                "no discovery service answers, so nobody hears printers",
                hint="see that discovery runs, or add the printer by its address",
            )
        newest: dict[str, HeardPrinter] = {}
        for one in sorted(_all(answers), key=lambda one: one.last_heard_seconds):
            newest.setdefault(one.serial, one)
        return list(newest.values())

    async def discovered(self) -> list[HeardPrinter]:
        """Printers that are heard and not known yet."""
        heard = await self.heard()
        async with self.database.read() as session:
            known = set(await session.scalars(select(RealPrinter.serial)))
            known |= set(await session.scalars(select(Printer.serial)))
        return [one for one in heard if one.serial not in known]

    async def _hear(self, verb: str) -> Heard | None:
        try:
            return await self.bus.request(subjects.rpc("discovery", verb), Nothing(), Heard, timeout=HEAR_WITHIN)
        except BusUnavailable:
            return None

    async def _look(self, new: NewTarget) -> TargetProbe:
        code = SecretStr(new.access_code)
        try:
            return await self.ask(ProbeTarget(host=new.host, access_code=code, serial=new.serial))
        except Unable as refusal:
            if new.serial is None or new.model is None:
                raise
            return TargetProbe(error=refusal.detail)

    async def _refuse_unseen(self, printer: RealPrinter, fingerprint: str) -> None:
        found = await self.ask(_question(printer))
        if found.fingerprint != fingerprint:
            shown = found.fingerprint or "none that can be seen now"
            raise Conflict(
                "certificate_not_shown",
                f"{printer.name} does not show this certificate: {shown}",
                field="fingerprint",
                hint="look at it again, and accept the one that you see",
            )

    async def _apply(
        self, session: AsyncSession, printer: RealPrinter, changes: dict[str, Any], event: EventType
    ) -> None:
        before = {name: getattr(printer, name) for name in sorted(changes)}
        for name, value in changes.items():
            setattr(printer, name, value)
        changed = audit.changes(before, printer)
        if not changed:
            return
        if "access_code" in changed:
            changed["access_code"] = {"from": _HIDDEN, "to": _HIDDEN}
        now = self.clock()
        printer.revision += 1
        printer.changed_at = now
        about = {"real_printer": printer.id, "name": printer.name, "changed": sorted(changed)}
        record(session, now, event, changed, **about)
        if _SPECIFIED & changed.keys():
            for user in await store.users_of(session, printer.id):
                user.revision += 1
                record(session, now, EventType.PRINTER_CHANGED, printer=user.id, changed=["target"])
        log.info("real_printer_changed", target=printer.id, why=event.value, changed=sorted(changed))

    async def _certify(self) -> None:
        """Certificates of proxies bear the serial numbers of their targets."""
        try:
            await self.printers.keep_certificates()
        except Refused as refusal:  # upkeep tries again
            log.error("certificates_unusable", error=refusal.detail)


def _question(printer: RealPrinter) -> ProbeTarget:
    return ProbeTarget(
        host=printer.host,
        access_code=SecretStr(printer.access_code),
        serial=printer.serial,
        fingerprint=printer.fingerprint,
    )


def _all(answers: Iterable[Heard]) -> Iterable[HeardPrinter]:
    return (one for answer in answers for one in answer.printers)


async def _refuse_known(session: AsyncSession, serial: str) -> None:
    """Raise Conflict if a serial number is that of a printer we know, or of one of our own."""
    if known := await session.scalar(select(RealPrinter).where(RealPrinter.serial == serial)):
        raise Conflict(
            "duplicate_serial",
            f"{known.name} at {known.host} has the serial number {serial} already",
            field="serial",
            hint=f"change {known.name} ({known.id}) instead",
        )
    if own := await session.scalar(select(Printer).where(Printer.serial == serial)):
        raise Conflict(
            "own_printer",
            f"{serial} is the virtual printer {own.name}",
            field="host",
            hint="give the address of a real printer",
        )
