"""Diagnoses printers: one at a time each, few at once, and no oftener than makes sense."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from vprinter_common.contracts.status import PrinterStatus
from vprinter_control.doctor.diagnose import diagnose
from vprinter_control.doctor.facts import Facts
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.report import DiagnosisObject
from vprinter_control.doctor.steps import Fault, Result, Step
from vprinter_control.store import printers as store
from vprinter_control.store import targets
from vprinter_control.store.database import Database

MOST_AT_ONCE = 4
REST = 5.0
"""Seconds for which a diagnosis is answered again instead of being made anew."""
MOST_REMEMBERED = 256


class TooMany(Exception):  # noqa: N818 - a state of the doctor, not a mistake
    """As many diagnoses as may be at once are under way."""


@dataclass(slots=True)
class Turn:
    """A diagnosis under way, and how many wait for it, its maker included."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    waiting: int = 0


@dataclass(slots=True)
class Doctor:
    """Makes diagnoses. `statuses`: what is known of a printer and not stale."""

    database: Database
    facts: Facts
    statuses: Callable[[str], Iterable[PrinterStatus]]
    monotonic: Callable[[], float] = time.monotonic
    _turns: dict[str, Turn] = field(default_factory=dict)
    _last: dict[str, tuple[float, DiagnosisObject]] = field(default_factory=dict)

    def at_work(self, printer: str) -> bool:
        """Whether a diagnosis of this printer is under way, or just was: then a slicer on this host may be the doctor."""
        return printer in self._turns or self._known(printer) is not None

    async def diagnose(self, printer: str) -> DiagnosisObject:
        """A diagnosis. Whoever asks while one is made, or just after, gets that one; raises NotThere or TooMany."""
        if printer not in self._turns:
            if (known := self._known(printer)) is not None:
                return known
            if len(self._turns) >= MOST_AT_ONCE:
                raise TooMany
            self._turns[printer] = Turn()
        turn = self._turns[printer]
        turn.waiting += 1
        try:
            async with turn.lock:
                return self._known(printer) or await self._examine(printer)
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[printer]

    def _known(self, printer: str) -> DiagnosisObject | None:
        made, diagnosis = self._last.get(printer, (0.0, None))
        return diagnosis if diagnosis is not None and self.monotonic() - made < REST else None

    async def _examine(self, printer: str) -> DiagnosisObject:
        began, at = self.monotonic(), self.facts.clock()
        async with self.database.read() as session:
            row = await store.get(session, printer)
            target = (await targets.by_id(session)).get(row.target_id or "")
            spec = store.specification(row, (await store.codes(session)).get(printer, ()), target)
        serial, _ = store.identity(row, target)
        about: dict[str, str | None] = {"id": row.id, "name": row.name, "serial": serial, "address": None}
        if spec is None:
            results = [Result(Step.ENABLED, found(Fault.DISABLED, f"{row.name} was never enabled"), 0.0)]
        else:
            case = await self.facts.case(spec, self.statuses(printer))
            about["address"] = case.address
            results = await diagnose(case)
        ended = self.monotonic()
        diagnosis = DiagnosisObject.of(about, results, at=at, seconds=ended - began)
        self._last.pop(printer, None)
        self._last[printer] = (ended, diagnosis)
        while len(self._last) > MOST_REMEMBERED:
            del self._last[next(iter(self._last))]
        return diagnosis
