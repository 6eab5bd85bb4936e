"""Tells pages what happens now. Nothing of it is kept: who joins later reads the state and then listens."""

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from vprinter_common.certs import Clock

MOST_UNREAD = 256
"""Events that wait for one reader; with more, it is told to read the state again instead."""


class LiveType(StrEnum):
    """What is told without being kept."""

    UPLOAD_PROGRESS = "upload.progress"
    SESSION_OPENED = "session.opened"
    SESSION_CLOSED = "session.closed"
    SESSION_CHANGED = "session.changed"
    """More bytes, or another command, went through a relayed session."""
    REAL_PRINTER_STATUS = "real_printer.status"
    STATUS_CHANGED = "status.changed"
    SETUP_CHANGED = "setup.changed"
    MISSED = "live.missed"
    """The reader was too slow: it should read again what it shows."""


@dataclass(frozen=True, slots=True)
class Told:
    """One live event."""

    type: LiveType
    at: datetime
    data: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Reader:
    """One who listens. A newer event about the same thing takes the place of an unread one."""

    wake: Callable[[], None]
    _unread: OrderedDict[tuple[LiveType, str], Told] = field(default_factory=OrderedDict)

    def take(self) -> list[Told]:
        """What was told since the last call."""
        told = list(self._unread.values())
        self._unread.clear()
        return told

    def put(self, told: Told, about: str) -> None:
        """Called by the board."""
        missed = (LiveType.MISSED, "")
        if missed in self._unread:
            return
        if len(self._unread) >= MOST_UNREAD and (told.type, about) not in self._unread:
            self._unread.clear()
            self._unread[missed] = Told(LiveType.MISSED, told.at, {})
        else:
            self._unread[told.type, about] = told
        self.wake()


class Board:
    """Where live events are told."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._readers: set[Reader] = set()

    def tell(self, type_: LiveType, about: str, data: Mapping[str, Any]) -> None:
        """Tell an event to everyone who listens. `about`: the id of what it is about."""
        told = Told(type_, self._clock(), data)
        for reader in self._readers:
            reader.put(told, about)

    @contextmanager
    def read(self, wake: Callable[[], None]) -> Iterator[Reader]:
        """Listen while the context is open; `wake` is called when there is something."""
        reader = Reader(wake)
        self._readers.add(reader)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
