"""The guided set-up's memory: what is learned of slicers is stored, but not again with every reconnection."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from vprinter_common.certs import Clock
from vprinter_control.domain.setup import Evidence, Step
from vprinter_control.live.board import Board, LiveType
from vprinter_control.store import printers, setup
from vprinter_control.store.database import Database

AGAIN_AFTER = timedelta(seconds=30)
"""What is known already is written again after this time: who did something last is shown."""
REMEMBERED = 4_096

_Key = tuple[str, str, Step, str]


@dataclass(slots=True)
class Setup:
    """What is learned, and the pages are told."""

    database: Database
    board: Board
    clock: Clock
    ignores: Callable[[str, str], bool]
    """Whether what a client does at a printer is the doctor's doing."""
    _recent: OrderedDict[_Key, tuple[datetime, str | None]] = field(default_factory=OrderedDict)

    async def learn(self, printer: str, evidence: Sequence[Evidence]) -> None:
        """Store what was heard, in a transaction of its own."""
        news = [one for one in evidence if self._is_news(printer, one) and not self.ignores(printer, one.client)]
        if not news:
            return
        async with self.database.write() as session:
            learned = await setup.learn(session, printer, news)
        for one in news:
            self._remember(printer, one)
        if learned:
            self.tell(printer)

    async def restart(self, printer: str) -> None:
        """Forget what was learned of a printer; NotThere if there is none."""
        async with self.database.write() as session:
            await printers.get(session, printer)
            await setup.restart(session, printer, self.clock())
        for key in [key for key in self._recent if key[0] == printer]:
            del self._recent[key]
        self.tell(printer)

    def tell(self, printer: str) -> None:
        """Tell pages that a printer's set-up is to be read again."""
        self.board.tell(LiveType.SETUP_CHANGED, printer, {"printer": printer})

    def _is_news(self, printer: str, one: Evidence) -> bool:
        known = self._recent.get((printer, one.client, one.step, one.service))
        return known is None or known[1] != one.code or one.at - known[0] >= AGAIN_AFTER

    def _remember(self, printer: str, one: Evidence) -> None:
        key = (printer, one.client, one.step, one.service)
        self._recent[key] = (one.at, one.code)
        self._recent.move_to_end(key)
        if len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)
