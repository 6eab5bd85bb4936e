"""What can be done to virtual printers. One change at a time, each one transaction."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv4Address
from random import Random
from typing import Any

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common import catalog
from vprinter_common.certs import Clock, Leaf
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import Mode
from vprinter_control.addresses import Addresses
from vprinter_control.domain.addresses import CertificateNames, certificate_names, conflict, shared_network
from vprinter_control.domain.names import access_code
from vprinter_control.domain.refusal import Conflict, Invalid
from vprinter_control.domain.relaying import AS_THE_MODE, refuse_own_model, refuse_unfit, turned
from vprinter_control.store import access_codes, targets
from vprinter_control.store import printers as store
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.printers import Draft
from vprinter_control.store.schema import Code, Installation, Printer, RealPrinter, Token
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
    outside: IPv4Address | None = None
    """The host's address as slicers see it, if it is not one of ours (behind Docker's bridge or NAT)."""
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
        """Change some of a printer's fields (those of Draft), and its primary access code if one is given."""
        async with self._lock:
            async with self.database.read() as session:
                printer = await store.get(session, id_)
                before = store.draft_of(printer)
                draft = _changed(before, changes)
                _refuse_unused_code(draft, code)
                target = await self._fitting(session, id_, draft, changes.get("model"))
                installation = await _installation(session)
                index = None if draft.model == printer.model else installation.next_index
            own = printer.serial if index is None else _serial(draft, installation, index)
            leaf = await self._leaf(draft, _shown_serial(draft, own, target), printer)
            if draft == before and code is None and leaf is None:
                return
            async with self.database.write() as session:
                printer = await store.get(session, id_)
                await self._fitting(session, id_, draft, None)
                if index is not None:
                    (await _installation(session)).next_index = index + 1
                    printer.serial = own
                columns = store.columns_of(draft)
                for name, value in columns.items():
                    setattr(printer, name, value)
                if code is not None:
                    await self._replace_primary(session, id_, code)
                self._certify(session, printer, leaf)
                self._bump(session, printer, sorted({*changes, *(("access_code",) if code else ())}))

    async def delete(self, id_: str) -> None:
        """Delete a printer. What it received stays: archived, queued and pending."""
        async with self._lock, self.database.write() as session:
            printer = await store.get(session, id_)
            record(session, self.clock(), EventType.PRINTER_DELETED, printer=id_, name=printer.name)
            await session.execute(delete(Code).where(Code.printer_id == id_))
            await session.execute(delete(Token).where(Token.printer_id == id_))
            await session.delete(printer)

    async def keep_certificates(self) -> None:
        """Issue anew what the present CA, addresses or time have made unfit."""
        async with self._lock:
            async with self.database.read() as session:
                known = await targets.by_id(session)
                enabled = [printer for printer in await store.every(session) if printer.enabled]
            for printer in enabled:
                serial, _ = store.identity(printer, known.get(printer.target_id or ""))
                leaf = await self._leaf(store.draft_of(printer), serial, printer)
                if leaf is None:
                    continue
                async with self.database.write() as session:
                    current = await store.get(session, printer.id)
                    self._certify(session, current, leaf)
                    current.revision += 1

    async def _create(self, draft: Draft, code: str | None) -> str:
        id_ = new_id()
        _refuse_unused_code(draft, code)
        draft = replace(draft, advertise=draft.advertise or self.outside)
        async with self.database.read() as session:
            target = await self._fitting(session, id_, draft, draft.model or None)
            installation = await _installation(session)
        draft = _modelled(draft, target)
        serial = _serial(draft, installation, installation.next_index)
        leaf = await self._leaf(draft, _shown_serial(draft, serial, target), None)
        now = self.clock()
        async with self.database.write() as session:
            await self._fitting(session, id_, draft, None)
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
            access_codes.insert(session, id_, "", code or access_code(self.randomness), now)
            record(session, now, EventType.PRINTER_CREATED, printer=id_, name=draft.name)
        log.info("printer_created", printer=id_, model=draft.model, mode=draft.mode.value, bind=str(draft.bind))
        return id_

    async def _replace_primary(self, session: AsyncSession, id_: str, text: str) -> None:
        codes = await access_codes.of(session, id_)
        primary = codes[0]
        access_codes.refuse_duplicate(codes, text, besides=primary)
        if primary.code != text:
            primary.code, primary.last_used_at = text, None

    async def _fitting(self, session: AsyncSession, id_: str, draft: Draft, model: str | None) -> RealPrinter | None:
        """The target of a draft that fits together and is in nobody's way. `model`: the one that was asked for."""
        refuse_unfit(draft.mode, draft.target, draft.relay)
        target = await targets.named(session, draft.target, "target")
        if draft.mode is Mode.PROXY and target is not None and model is not None:
            refuse_own_model(model, target.model)
        await self._refuse_conflict(session, id_, draft)
        return target

    async def _refuse_conflict(self, session: AsyncSession, id_: str, draft: Draft) -> None:
        if not draft.enabled:
            return
        for other in await store.every(session):
            if other.id == id_ or not other.enabled:
                continue
            its = store.draft_of(other)
            if why := conflict(draft.bind, its.bind, self.addresses.interfaces):
                raise Conflict(
                    "address_conflict",
                    f"{draft.name} and {other.name} ({other.id}) cannot both be enabled: {why}",
                    field="bind",
                    hint=f"give each its own address, or disable {other.name}",
                )
            if draft.mode is its.mode is Mode.PROXY and draft.target == its.target:
                self._refuse_twins(draft, its)

    def _refuse_twins(self, draft: Draft, other: Draft) -> None:
        """Two proxies of one printer have one serial number: a slicer that hears both takes them for one that jumps."""
        if network := shared_network(draft.bind, other.bind, self.addresses.interfaces):
            raise Conflict(
                "target_conflict",
                f"{other.name} already stands in front of this real printer in the network {network}, where slicers "
                "would see the same serial number twice",
                field="target",
                hint=f"use {other.name}, bind this one to an address of another network, or disable {other.name}",
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


def _changed(before: Draft, changes: dict[str, Any]) -> Draft:
    """What a change makes of a draft. Its own model a proxy keeps for when it is none any more."""
    draft = replace(before, **changes)
    if draft.mode is Mode.PROXY:
        draft = replace(draft, model=before.model)
    if "relay" not in changes and turned(before.mode, draft.mode):
        draft = replace(draft, relay=AS_THE_MODE)
    return draft


def _modelled(draft: Draft, target: RealPrinter | None) -> Draft:
    """A new printer's draft with the model it gets if it names none."""
    if not draft.model and target is None:
        raise Invalid("invalid", "which model shall it be?", field="model", hint="GET /api/v1/models lists them")
    return draft if draft.model or target is None else replace(draft, model=target.model)


def _shown_serial(draft: Draft, own: str, target: RealPrinter | None) -> str:
    return target.serial if draft.mode is Mode.PROXY and target is not None else own


def _refuse_unused_code(draft: Draft, code: str | None) -> None:
    if draft.mode is Mode.PROXY and code is not None:
        raise Invalid(
            "unused_access_code",
            "slicers give a proxy the access code of the real printer, which checks it",
            field="access_code",
            hint="leave access_code out",
        )


def _serial(draft: Draft, installation: Installation, index: int) -> str:
    return catalog.serial_number(catalog.model(draft.model), installation.number, index)


async def _installation(session: AsyncSession) -> Installation:
    return (await session.scalars(select(Installation))).one()
