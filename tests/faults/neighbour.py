"""A well-behaved slicer next to the trouble, which must notice nothing."""

import threading
from itertools import pairwise
from types import TracebackType
from typing import Self

from tests.faults.ledger import Ledger
from tests.simulators import threemf
from tests.simulators.profiles import STUDIO_27

REPORT_GAP = 3.0
"""Seconds between two reports that a user does not notice yet; one comes every second."""
PAUSE = 0.5
"""Seconds between two dialogues."""


class Neighbour:
    """While the context is open, it watches the printer and sends one file after the other, from an address of its own."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._address = ledger.system.fresh_address()
        self._slicer = ledger.system.slicer(ledger.printer, STUDIO_27, source=self._address)
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, name="neighbour")
        self._sent = 0

    def _live(self) -> None:
        try:
            while True:  # at least once, however soon the trouble ends
                self._slicer.add()
                self._send()
                if self._stop.wait(PAUSE):
                    return
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self._failure = error

    def _send(self) -> None:
        name = f"{self._address} {self._sent}.gcode.3mf"
        content = threemf.sliced(title=name, padding=500_000)
        self._ledger.told(name, content, lambda: self._slicer.send(name, content).reply)
        assert self._ledger.kept[self._ledger.entry(name, content)], f"{name} was not taken"
        self._sent += 1

    def __enter__(self) -> Self:
        self._slicer.add()
        self._slicer.connect()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        received = self._slicer.link.received
        lost = self._slicer.link.closed
        self._slicer.close()
        if error is not None:
            return
        if self._failure is not None:
            raise AssertionError(f"the neighbour noticed: {self._failure}") from self._failure
        assert lost is None, f"the neighbour lost its connection: {lost}"
        assert self.longest_gap([got.at for got in received]) < REPORT_GAP

    @staticmethod
    def longest_gap(times: list[float]) -> float:
        """Seconds between two reports at most."""
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
