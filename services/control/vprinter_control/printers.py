"""What can be done to virtual printers. One change at a time, each one transaction."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from random import Random
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common import catalog
from vprinter_common.certs import Clock, Leaf
from vprinter_common.contracts.message import new_id
from vprinter_control.addresses import Addresses
from vprinter_control.domain.addresses import CertificateNames, certificate_names, conflict
from vprinter_control.domain.names import access_code
from vprinter_control.domain.refusal import Conflict
from vprinter_control.store import printers as store
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.printers import Draft
from vprinter_control.store.schema import Code, Installation, Printer
from vprinter_control.trust import RENEW_BEFORE, Trust

log = structlog.get_logger()

FIRST = Draft(name="Virtual Printer", model=catalog.DEFAULT_MODEL.code)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new certificate and what it was made for."""

    leaf: Leaf
    serial: str
    addresses: list[str]


@dataclass(slots=True)
class Printers:
    """Creates, changes and deletes virtual printers."""

    database: Database
    trust: Trust
    addresses: Addresses
    clock: Clock
    randomness: Random
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def create(self, draft: Draft, code: str | None = None) -> str:
        """Make a printer; returns its id."""
        async with self._lock:
            return await self._create(draft, code)

    async def create_first(self) -> None:
        """Make the default printer, once per installation."""
        async with self._lock:
            async with self.database.read() as session:
                if (await _installation(session)).first_printer_at is not None:
                    return
            await self._create(FIRST, None)

    async def change(self, id_: str, changes: dict[str, Any], code: str | None = None) -> None:
        """Change some of a printer's fields (those of Draft), and its access code if one is given."""
        async with self._lock:
            async with self.database.read() as session:
                printer = await store.get(session, id_)
                draft = replace(store.draft_of(printer), **changes)
                await self._refuse_conflict(session, id_, draft)
                installation = await _installation(session)
                index = None if draft.model == printer.model else installation.next_index
            serial = printer.serial if index is None else _serial(draft, installation, index)
            leaf = await self._leaf(draft, serial, printer)
            if draft == store.draft_of(printer) and code is None and leaf is None:
                return
            async with self.database.write() as session:
                printer = await store.get(session, id_)
                await self._refuse_conflict(session, id_, draft)
                if index is not None:
                    (await _installation(session)).next_index = index + 1
                    printer.serial = serial
                columns = store.columns_of(draft)
                for name, value in columns.items():
                    setattr(printer, name, value)
                if code is not None:
                    await session.execute(delete(Code).where(Code.printer_id == id_))
                    session.add(Code(id=new_id(), printer_id=id_, owner="", code=code))
                self._certify(session, printer, leaf)
                self._bump(session, printer, sorted({*changes, *(("access_code",) if code else ())}))

    async def delete(self, id_: str) -> None:
        """Delete a printer. What it received stays: archived, queued and pending."""
        async with self._lock, self.database.write() as session:
            printer = await store.get(session, id_)
            record(session, self.clock(), EventType.PRINTER_DELETED, printer=id_, name=printer.name)
            await session.execute(delete(Code).where(Code.printer_id == id_))
            await session.delete(printer)

    async def keep_certificates(self) -> None:
        """Issue anew what the present CA, addresses or time have made unfit."""
        async with self._lock:
            async with self.database.read() as session:
                enabled = [printer for printer in await store.every(session) if printer.enabled]
            for printer in enabled:
                leaf = await self._leaf(store.draft_of(printer), printer.serial, printer)
                if leaf is None:
                    continue
                async with self.database.write() as session:
                    current = await store.get(session, printer.id)
                    self._certify(session, current, leaf)
                    current.revision += 1

    async def _create(self, draft: Draft, code: str | None) -> str:
        id_ = new_id()
        async with self.database.read() as session:
            await self._refuse_conflict(session, id_, draft)
            installation = await _installation(session)
        serial = _serial(draft, installation, installation.next_index)
        leaf = await self._leaf(draft, serial, None)
        now = self.clock()
        async with self.database.write() as session:
            await self._refuse_conflict(session, id_, draft)
            installation = await _installation(session)
            installation.next_index += 1
            if installation.first_printer_at is None:
                installation.first_printer_at = now
            printer = Printer(
                id=id_, revision=1, created_at=now, serial=serial, certificate_addresses=[], **store.columns_of(draft)
            )
            session.add(printer)
            self._certify(session, printer, leaf)
            await session.flush()
            session.add(Code(id=new_id(), printer_id=id_, owner="", code=code or access_code(self.randomness)))
            record(session, now, EventType.PRINTER_CREATED, printer=id_, name=draft.name)
        log.info("printer_created", printer=id_, model=draft.model, mode=draft.mode.value, bind=str(draft.bind))
        return id_

    async def _refuse_conflict(self, session: AsyncSession, id_: str, draft: Draft) -> None:
        if not draft.enabled:
            return
        for other in await store.every(session):
            if other.id == id_ or not other.enabled:
                continue
            if why := conflict(draft.bind, store.draft_of(other).bind, self.addresses.interfaces):
                raise Conflict(
                    "address_conflict",
                    f"{draft.name} and {other.name} ({other.id}) cannot both be enabled: {why}",
                    field="bind",
                    hint=f"give each its own address, or disable {other.name}",
                )

    async def _leaf(self, draft: Draft, serial: str, printer: Printer | None) -> Issued | None:
        """A new certificate, if the printer is enabled and the one it has does not fit."""
        if not draft.enabled:
            return None
        default = await self.addresses.default()
        names = certificate_names(draft.bind, draft.advertise, self.addresses.interfaces, default)
        if printer is not None and await self._fits(printer, serial, names):
            return None
        key_pem = printer.certificate_key if printer else None
        leaf = await self.trust.issue(serial, names.wanted, key_pem)
        return Issued(leaf, serial, sorted(map(str, names.wanted)))

    async def _fits(self, printer: Printer, serial: str, names: CertificateNames) -> bool:
        if printer.certificate_chain is None or printer.certificate_not_after is None:
            return False
        if printer.certificate_serial != serial or not {*map(str, names.required)} <= {*printer.certificate_addresses}:
            return False
        return self._lasts(printer.certificate_not_after) and await self.trust.holds(printer.certificate_chain)

    def _lasts(self, not_after: datetime) -> bool:
        return not_after - self.clock() > RENEW_BEFORE

    def _certify(self, session: AsyncSession, printer: Printer, issued: Issued | None) -> None:
        if issued is None:
            return
        leaf = issued.leaf
        printer.certificate_chain = leaf.chain_pem
        printer.certificate_key = leaf.key_pem
        printer.certificate_serial = issued.serial
        printer.certificate_addresses = issued.addresses
        printer.certificate_not_after = leaf.not_after
        record(session, self.clock(), EventType.CERTIFICATE_ISSUED, printer=printer.id, fingerprint=leaf.fingerprint)

    def _bump(self, session: AsyncSession, printer: Printer, changed: list[str]) -> None:
        printer.revision += 1
        record(session, self.clock(), EventType.PRINTER_CHANGED, printer=printer.id, changed=changed)


def _serial(draft: Draft, installation: Installation, index: int) -> str:
    return catalog.serial_number(catalog.model(draft.model), installation.number, index)


async def _installation(session: AsyncSession) -> Installation:
    return (await session.scalars(select(Installation))).one()
