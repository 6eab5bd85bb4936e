"""A well-behaved slicer next to the trouble, which must notice nothing."""

import threading
from itertools import pairwise
from types import TracebackType
from typing import Self

from tests.simulators import threemf
from tests.simulators.profiles import STUDIO_27
from tests.simulators.slicer import Sent
from tests.system.harness import Printer, System

REPORT_GAP = 3.0
"""Seconds between two reports that a user does not notice yet; one comes every second."""
PAUSE = 0.5
"""Seconds between two dialogues."""


class Neighbour:
    """While the context is open, it watches the printer and sends one file after the other, from an address of its own."""

    def __init__(self, system: System, printer: Printer) -> None:
        self._system = system
        self._printer = printer
        self._slicer = system.slicer(printer, STUDIO_27, source=system.fresh_address())
        self._stop = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._live, name="neighbour")
        self.sent: list[Sent] = []

    def _live(self) -> None:
        try:
            while True:  # at least once, however soon the trouble ends
                title = f"{self._printer.serial} {len(self.sent)}"
                self._slicer.add()
                self.sent.append(self._slicer.send(f"{title}.gcode.3mf", threemf.sliced(title=title, padding=500_000)))
                if self._stop.wait(PAUSE):
                    return
        except BaseException as error:  # noqa: BLE001 - told by the test's own thread
            self._failure = error

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
        for sent in self.sent:
            self._system.await_archived(sent.sha256)

    @staticmethod
    def longest_gap(times: list[float]) -> float:
        """Seconds between two reports at most."""
        return max((later - earlier for earlier, later in pairwise(times)), default=0.0)
