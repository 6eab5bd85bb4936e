"""Live messages: nice to see now, not kept."""

from enum import StrEnum

from pydantic import Field

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


class SessionPhase(StrEnum):
    """Whether a slicer came or went."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"


class SessionLive(Event):
    """A slicer connected to, or left, one service of a printer."""

    printer: Identifier
    service: str
    client: str
    owner: str = ""
    phase: SessionPhase
