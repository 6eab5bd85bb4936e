"""Who may send to a printer: codes are added, named, replaced and revoked while it runs."""

from dataclasses import dataclass
from random import Random
from typing import Any

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vprinter_common.certs import Clock
from vprinter_common.contracts.live import SessionLive, SessionPhase
from vprinter_control.domain.names import access_code
from vprinter_control.domain.refusal import Conflict
from vprinter_control.store import access_codes as store
from vprinter_control.store import printers
from vprinter_control.store.database import Database
from vprinter_control.store.events import EventType, record
from vprinter_control.store.schema import Code, Printer
from vprinter_control.uses import LastUses

log = structlog.get_logger()


@dataclass(slots=True)
class AccessCodes:
    """The access codes of all printers. A change is published like any other and restarts nothing."""

    database: Database
    uses: LastUses
    clock: Clock
    randomness: Random

    async def add(self, printer_id: str, owner: str, text: str | None) -> Code:
        """Let somebody in, with a given or a random code."""
        async with self.database.write() as session:
            printer = await printers.get(session, printer_id)
            codes = await store.of(session, printer_id)
            store.refuse_more(codes)
            store.refuse_same_owner(codes, owner)
            if text is None:
                text = self._random(codes)
            else:
                store.refuse_duplicate(codes, text)
            code = store.insert(session, printer_id, owner, text, self.clock())
            self._record(session, printer, EventType.ACCESS_CODE_ADDED, code)
        return code

    async def change(
        self, printer_id: str, code_id: str, *, owner: str | None = None, text: str | None = None, rotate: bool = False
    ) -> None:
        """Name the owner anew, or replace the code, by a random one if it is to rotate."""
        async with self.database.write() as session:
            printer = await printers.get(session, printer_id)
            codes = await store.of(session, printer_id)
            code = store.one_of(codes, code_id)
            if owner is not None:
                store.refuse_same_owner(codes, owner, besides=code)
            if rotate:
                text = self._random(codes)
            elif text is not None:
                store.refuse_duplicate(codes, text, besides=code)
            changed = sorted(
                name
                for name, old, new in (("owner", code.owner, owner), ("code", code.code, text))
                if new is not None and new != old
            )
            if not changed:
                return
            if owner is not None:
                code.owner = owner
            if text is not None and "code" in changed:
                code.code, code.last_used_at = text, None
                self.uses.forget(Code, code.id)
            self._record(session, printer, EventType.ACCESS_CODE_CHANGED, code, changed=changed)

    async def revoke(self, printer_id: str, code_id: str) -> None:
        """Keep somebody out from now on; a printer keeps its last code."""
        async with self.database.write() as session:
            printer = await printers.get(session, printer_id)
            codes = await store.of(session, printer_id)
            code = store.one_of(codes, code_id)
            if len(codes) == 1:
                raise Conflict(
                    "last_access_code",
                    f"this is the last access code of {printer.name}",
                    hint="rotate it, add another one first, or disable the printer",
                )
            await session.delete(code)
            self.uses.forget(Code, code.id)
            self._record(session, printer, EventType.ACCESS_CODE_REVOKED, code)

    async def heard(self, message: SessionLive) -> None:
        """A slicer came or went: whoever logged in has used a code."""
        if message.phase is SessionPhase.CONNECTED and message.access_code is not None:
            self.uses.note(Code, message.access_code, message.at)

    def _random(self, codes: list[Code]) -> str:
        taken = {code.code for code in codes}
        while (text := access_code(self.randomness)) in taken:
            continue
        return text

    def _record(self, session: AsyncSession, printer: Printer, type_: EventType, code: Code, **more: Any) -> None:
        now = self.clock()
        printer.revision += 1
        record(session, now, type_, printer=printer.id, access_code=code.id, owner=code.owner, **more)
        record(session, now, EventType.PRINTER_CHANGED, printer=printer.id, changed=["access_codes"])
        log.info(type_.value.replace(".", "_"), printer=printer.id, access_code=code.id, owner=code.owner)
