"""One upload: what is known of it, and how far it is."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import Mode
from vprinter_ftps.refusal import Refusal

PROBE_NAME = "verify_job"
PROBE_MAX = 1024
"""Before a file, slicers send 16 bytes under this name to see whether they may write."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known when STOR arrives."""

    printer: str
    mode: Mode
    filename: str
    folder: str
    client: str
    access_code: str | None = None
    owner: str = ""
    announced: int | None = None
    """Size that the client announced with ALLO."""
    id: str = field(default_factory=new_id)
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def named_as_probe(self) -> bool:
        """Whether this may be the slicer's probe; if it is small enough, it is."""
        return self.filename == PROBE_NAME


@dataclass(slots=True)
class Progress:
    """Written by the receiving thread, read by the event loop; `aborted` goes the other way."""

    received: int = 0
    aborted: threading.Event = field(default_factory=threading.Event)

    def proceed(self) -> None:
        """Raise Refusal if the upload was aborted."""
        if self.aborted.is_set():
            raise Refusal(FailureReason.ABORTED)
