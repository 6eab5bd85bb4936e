"""Who makes the change that is being made: what the audit trail tells of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What kind of someone."""

    TOKEN = "token"  # noqa: S105 - the name of a kind
    SESSION = "session"
    """Somebody who logged in to the page."""
    SLICER = "slicer"
    SYSTEM = "system"
    """The service itself."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Somebody who changes something."""

    kind: ActorKind
    name: str = ""
    """The token's name, or the owner of a slicer's access code."""
    address: str | None = None


_SYSTEM = Actor(ActorKind.SYSTEM)
# Each request and each fact runs in a task of its own or is set apart by `act_as`; no other way reaches every room that
# writes without handing the actor through all of them.
_ACTING: ContextVar[Actor] = ContextVar("acting", default=_SYSTEM)


def acting() -> Actor:
    """Who acts now; the service itself if nobody else does."""
    return _ACTING.get()


@contextmanager
def act_as(actor: Actor) -> Iterator[None]:
    """Everything that is written inside was done by this actor."""
    token = _ACTING.set(actor)
    try:
        yield
    finally:
        _ACTING.reset(token)
