"""What a slicer is shown of its job: one small state machine per MQTT session.

Slicers hold a lock from their `project_file` until FINISH with their own `subtask_name` is reported: going back to IDLE
wedges the dialog, and so does staying in PREPARE. So a job ends in FINISH, whatever becomes of the waiting; only an
upload that is known to have failed ends in FAILED, which slicers do not count as busy either. There is no way back to
IDLE.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from math import inf
from typing import NamedTuple

from vprinter_common.contracts.live import UploadLive, UploadPhase
from vprinter_common.wire.project_file import ProjectFile, bare_name

VERIFY_JOB = "verify_job"
"""The slicers' probe: uploaded to see whether uploading works, never to be shown."""
RELEASE_SECONDS = 1.5
"""From `project_file` for a file that is here until FINISH: PREPARE must have been seen first."""
PATIENCE_SECONDS = 120.0
"""Without any progress for so long, whatever was awaited will not come (or news of it was lost)."""
SETTLE_SECONDS = 5.0
"""How long the outcome of a slicer's own job is shown before a mirrored printer's progress is again."""
BYTES_PER_PERCENT = 1 << 20
"""FTP announces no size; then one percent per MiB shows at least that something moves."""


class GcodeState(StrEnum):
    """`gcode_state` as slicers read it; PREPARE is the only busy one here."""

    IDLE = "IDLE"
    PREPARE = "PREPARE"
    FINISH = "FINISH"
    FAILED = "FAILED"


class Phase(StrEnum):
    """Where a job is."""

    IDLE = "idle"
    RECEIVING = "receiving"
    """A file arrives; nobody asked to print it (yet)."""
    AWAITING = "awaiting"
    """Asked to print a file of which nothing has arrived."""
    EXPECTED = "expected"
    """Asked to print, and the file arrives."""
    RELEASING = "releasing"
    """Asked to print a file that is here; FINISH follows shortly."""
    DONE = "done"
    BROKEN = "broken"
    """The upload failed; its FTP session has told the slicer why."""


class Event(StrEnum):
    """What moves a job."""

    ARRIVES = "arrives"
    STORED = "stored"
    BROKE = "broke"
    ASKED = "asked"
    ASKED_ARRIVING = "asked_arriving"
    ASKED_STORED = "asked_stored"
    STOPPED = "stopped"
    DUE = "due"


NEWS: Mapping[UploadPhase, Event] = {
    UploadPhase.STARTED: Event.ARRIVES,
    UploadPhase.PROGRESS: Event.ARRIVES,
    UploadPhase.STORED: Event.STORED,
    UploadPhase.FAILED: Event.BROKE,
}
SHOWN: Mapping[Phase, GcodeState] = {
    Phase.IDLE: GcodeState.IDLE,
    Phase.RECEIVING: GcodeState.PREPARE,
    Phase.AWAITING: GcodeState.PREPARE,
    Phase.EXPECTED: GcodeState.PREPARE,
    Phase.RELEASING: GcodeState.PREPARE,
    Phase.DONE: GcodeState.FINISH,
    Phase.BROKEN: GcodeState.FAILED,
}
QUIET = (Phase.IDLE, Phase.DONE, Phase.BROKEN)
BUSY = (Phase.RECEIVING, Phase.AWAITING, Phase.EXPECTED, Phase.RELEASING)

NEXT: Mapping[tuple[Phase, Event], Phase] = {
    **{(phase, Event.ASKED): Phase.AWAITING for phase in Phase},
    **{(phase, Event.ASKED_ARRIVING): Phase.EXPECTED for phase in Phase},
    **{(phase, Event.ASKED_STORED): Phase.RELEASING for phase in Phase},
    **{(phase, Event.ARRIVES): Phase.RECEIVING for phase in (*QUIET, Phase.RECEIVING)},
    **{(phase, Event.ARRIVES): Phase.EXPECTED for phase in (Phase.AWAITING, Phase.EXPECTED, Phase.RELEASING)},
    **{(phase, Event.STORED): Phase.DONE for phase in (*QUIET, Phase.RECEIVING)},
    **{(phase, Event.STORED): Phase.RELEASING for phase in (Phase.AWAITING, Phase.EXPECTED, Phase.RELEASING)},
    **{(phase, Event.BROKE): Phase.BROKEN for phase in BUSY},
    **dict.fromkeys(product(BUSY, (Event.STOPPED, Event.DUE)), Phase.DONE),
}
"""The machine. What is not listed changes nothing."""


class Progress(NamedTuple):
    """How far a print is."""

    percent: int = 0
    remaining_minutes: int = 0
    layer: int = 0
    layers: int = 0


class View(NamedTuple):
    """All that a report shows of a job."""

    gcode_state: GcodeState
    percent: int
    filename: str
    subtask_name: str
    progress: Progress = Progress()
    """Of a mirrored printer; nothing is ever printed here."""


@dataclass(slots=True)
class Job:
    """The job of one session. Times are seconds of any monotonic clock."""

    phase: Phase = Phase.IDLE
    filename: str = ""
    subtask_name: str = ""
    percent: int = 0
    upload: str = ""
    """Id of the upload that is, or was last, followed."""
    asked_at: float = 0.0
    deadline: float | None = None
    """When `on_time` has something to do."""
    moved_at: float = -inf
    """When something last happened to it."""

    @property
    def view(self) -> View:
        """What to report."""
        return View(SHOWN[self.phase], self.percent, self.filename, self.subtask_name)

    @property
    def is_busy(self) -> bool:
        """Whether a file is awaited or arrives."""
        return self.phase in BUSY

    def has_settled(self, now: float) -> bool:
        """Whether its outcome has been shown for long enough that something else may be."""
        return not self.is_busy and now - self.moved_at > SETTLE_SECONDS

    def awaits(self, filename: str) -> bool:
        """Whether the slicer asked to print this file and its upload is still to come (or to come again)."""
        return self.phase in {Phase.AWAITING, Phase.RELEASING} and self.filename == filename

    def on_project_file(self, project: ProjectFile, *, stored: bool, now: float) -> None:
        """The slicer asks to print; `stored` says whether the printer has a file of that name."""
        arriving = self.phase in {Phase.RECEIVING, Phase.EXPECTED} and self.filename == project.filename
        self.filename, self.subtask_name = project.filename, project.subtask_name or bare_name(project.filename)
        self.asked_at = now
        if arriving:
            self._move(Event.ASKED_ARRIVING, now)
        else:
            self.percent, self.upload = 0, ""
            self._move(Event.ASKED_STORED if stored else Event.ASKED, now)

    def on_upload(self, upload: UploadLive, now: float) -> None:
        """An upload of this session's slicer moves."""
        if not self._concerns(upload):
            return
        if self.phase in {*QUIET, Phase.RECEIVING}:
            self.filename, self.subtask_name = upload.filename, bare_name(upload.filename)
        self.upload = upload.upload
        self.percent = 100 if upload.phase is UploadPhase.STORED else percent_of(upload)
        self._move(NEWS[upload.phase], now)

    def stop(self, now: float) -> None:
        """The slicer gives up waiting; a file that still arrives is kept all the same, so nothing has failed."""
        self._move(Event.STOPPED, now)

    def on_time(self, now: float) -> None:
        """Time has passed."""
        if self.deadline is not None and self.deadline <= now:
            self._move(Event.DUE, now)

    def _concerns(self, upload: UploadLive) -> bool:
        if upload.filename == VERIFY_JOB:
            return False
        if not upload.filename.lower().endswith(".3mf") and upload.filename != self.filename:
            return False
        followed = upload.upload == self.upload
        if self.phase in QUIET:
            # News that comes late, or after a stop, must not wake what is over; and what was never seen to start
            # cannot fail.
            return upload.phase is UploadPhase.STORED or (not followed and upload.phase is not UploadPhase.FAILED)
        if self.phase is Phase.AWAITING:
            # From the only slicer at that address, or of the name that was asked for: this is the file, even if it is
            # spelled otherwise.
            return True
        if self.phase is Phase.RELEASING:
            return upload.filename == self.filename
        return followed or (upload.phase is UploadPhase.STARTED and self._may_replace(upload))

    def _may_replace(self, upload: UploadLive) -> bool:
        return self.phase is Phase.RECEIVING or upload.filename == self.filename

    def _move(self, event: Event, now: float) -> None:
        if (following := NEXT.get((self.phase, event))) is not None:
            self.phase, self.moved_at = following, now
        if self.phase is Phase.RELEASING:
            self.deadline = self.asked_at + RELEASE_SECONDS
            self.on_time(now)
        elif self.phase in BUSY:
            self.deadline = now + PATIENCE_SECONDS
        else:
            self.deadline, self.percent = None, 100 if self.phase is Phase.DONE else 0


def percent_of(upload: UploadLive) -> int:
    """How much of an upload is here, 0 to 99: 100 is said only of what is stored."""
    if upload.total:
        return min(99, upload.received * 100 // upload.total)
    return min(99, upload.received // BYTES_PER_PERCENT)
