"""What the conversation knows of one slicer: its connection, the serial it believes in, and its job."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from vprinter_common.contracts.live import UploadLive
from vprinter_mqtt.job import Job

_TOPIC = re.compile(r"device/([A-Za-z0-9_-]{1,32})/(report|request)")


@dataclass(slots=True, eq=False)
class SessionState:
    """One MQTT connection.

    A slicer may keep an old serial number for our address and then ignores every other. Its password is what lets it
    in, so it is answered under the serial that it uses: learned from its first SUBSCRIBE, corrected by each request.
    """

    client: str
    """The slicer's address."""
    serial: str
    """The printer's own serial at first, the effective one from then on."""
    advertise: str
    """The IPv4 address that this slicer is told to use."""
    access_code: str = field(repr=False)
    """The code that it logged in with."""
    owner: str = ""
    """Whose code that is."""
    job: Job = field(default_factory=Job)
    _learned: bool = field(default=False, repr=False)

    @property
    def report_topic(self) -> str:
        """Where this slicer listens."""
        return f"device/{self.serial}/report"

    @property
    def next_deadline(self) -> float | None:
        """When `Conversation.on_time` wants to be called, if at all."""
        return self.job.deadline

    def on_subscribe(self, topic_filter: str) -> None:
        """Learn the serial from the first filter that names one; wildcards name none."""
        found = _TOPIC.fullmatch(topic_filter)
        if found and found[2] == "report" and not self._learned:
            self.serial, self._learned = found[1], True

    def on_request_topic(self, topic: str) -> bool:
        """Whether the topic is one for requests; the serial in it becomes the effective one."""
        found = _TOPIC.fullmatch(topic)
        if found is None or found[2] != "request":
            return False
        self.serial, self._learned = found[1], True
        return True


def session_for_upload(sessions: Iterable[SessionState], upload: UploadLive) -> SessionState | None:
    """The one session that an upload is shown to, if that is certain: no slicer is shown another's job.

    First the session that follows this upload already; then, of those whose `project_file` named the file, the one of
    the same slicer that asked first; then the only session of that slicer. A slicer is an address and whose code it
    uses. A file that was asked for from another address (a host with two) goes there if only one session asked.
    """
    everyone = list(sessions)
    for session in everyone:
        if session.job.upload == upload.upload:
            return session
    own = [session for session in everyone if (session.client, session.owner) == (upload.client, upload.owner)]
    asked = [session for session in everyone if session.job.awaits(upload.filename)]
    if asked_here := [session for session in asked if session in own]:
        return min(asked_here, key=lambda session: session.job.asked_at)
    if len(own) == 1:
        return own[0]
    return asked[0] if len(asked) == 1 and not own else None
