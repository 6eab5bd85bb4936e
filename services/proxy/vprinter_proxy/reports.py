"""Reports of real printers that pass through this node's relays, for whoever watches the same printer here.

Printers take few sessions, some of them one: a slicer that is relayed may have the last. What passes to it tells as
much as a session of our own would.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

Hear = Callable[[bytes], None]
"""Takes the payload of one message that a printer published."""
GiveWay = Callable[[], None]
"""Gives up a session that a slicer needs more."""


class Reports:
    """Where relays tell what passes, and watchers listen; both name a real printer by its id in control."""

    def __init__(self) -> None:
        self._relayed: dict[str, int] = {}
        self._ears: dict[str, dict[Hear, None]] = {}
        self._watching: dict[str, GiveWay] = {}

    @contextmanager
    def relayed(self, target: str) -> Iterator[Hear]:
        """A slicer's session with the printer is open: call what this gives with each payload that passes to it."""
        self._relayed[target] = self._relayed.get(target, 0) + 1
        try:
            yield lambda payload: self._pass_on(target, payload)
        finally:
            self._relayed[target] -= 1
            if not self._relayed[target]:
                del self._relayed[target]

    @contextmanager
    def heard_by(self, target: str, hear: Hear) -> Iterator[None]:
        """Have `hear` called with what passes, while the context is open."""
        ears = self._ears.setdefault(target, {})
        ears[hear] = None
        try:
            yield
        finally:
            del ears[hear]
            if not ears:
                self._ears.pop(target, None)

    @contextmanager
    def watched(self, target: str, give_way: GiveWay) -> Iterator[None]:
        """Have `give_way` called when the printer has no session left for a slicer, while the context is open."""
        self._watching[target] = give_way
        try:
            yield
        finally:
            del self._watching[target]

    def refused(self, target: str) -> None:
        """The printer takes no further session, and a slicer wanted one: it may have the one of whoever watches."""
        if (give_way := self._watching.get(target)) is not None:
            give_way()

    def is_relayed(self, target: str) -> bool:
        """Whether some slicer's session with the printer is open on this node."""
        return target in self._relayed

    def _pass_on(self, target: str, payload: bytes) -> None:
        for hear in list(self._ears.get(target, ())):
            hear(payload)
