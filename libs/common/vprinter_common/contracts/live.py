"""Live messages: nice to see now, not kept."""

from enum import StrEnum

from pydantic import AwareDatetime, Field

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.contracts.message import Event, FileName, Identifier


class UploadPhase(StrEnum):
    """Where an upload is."""

    STARTED = "started"
    PROGRESS = "progress"
    STORED = "stored"
    FAILED = "failed"


class UploadLive(Event):
    """An upload moves; at most four progress messages a second."""

    upload: Identifier
    printer: Identifier
    client: str
    owner: str = ""
    filename: FileName
    phase: UploadPhase
    received: int = Field(default=0, ge=0)
    total: int | None = None
    """Announced size in bytes, if the client announced one (ALLO)."""
    reason: FailureReason | None = None
    started_at: AwareDatetime | None = None


class SessionPhase(StrEnum):
    """Whether a slicer came or went."""

    SEEN = "seen"
    """It asked who is there (a search, or detect), without logging in."""
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class SessionLive(Event):
    """A slicer connected to, or left, one service of a printer."""

    printer: Identifier
    service: str
    session: Identifier | None = None
    """The same as in the printer's status; none for who was only seen."""
    listener: str = ""
    """Where it was seen."""
    client: str
    access_code: Identifier | None = None
    """Id of the code that it logged in with."""
    owner: str = ""
    phase: SessionPhase


class Disconnect(Event):
    """Close a session of a printer."""

    printer: Identifier
    session: Identifier


MOST_SECONDS = 300.0
"""What one announcement of a visit is good for."""


class Visit(Event):
    """Somebody who is no slicer is about to play one at a printer, for so many seconds."""

    printer: Identifier
    client: str
    """The address that it comes from."""
    seconds: float = Field(gt=0, le=MOST_SECONDS)
