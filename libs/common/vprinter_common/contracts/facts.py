"""Facts: what happened, kept in JetStream until every consumer has taken them."""

from enum import StrEnum

from pydantic import Field, JsonValue

from vprinter_common.contracts.message import Event, FileName, Identifier, Sha256
from vprinter_common.contracts.printer import Mode


class UploadStored(Event):
    """A file is in custody (its 226 was, or is about to be, sent). `Nats-Msg-Id` is the upload id."""

    upload: Identifier
    printer: Identifier
    service: str = "ftps"
    """Which service received it."""
    mode: Mode
    """The printer's mode when the upload began."""
    filename: FileName
    folder: str = "/"
    sha256: Sha256
    size: int = Field(ge=1)
    client: str
    """The slicer's address."""
    access_code: Identifier | None = None
    """Id of the access code that was used; the code is the sender."""
    owner: str = ""
    node: str = ""


class FailureReason(StrEnum):
    """Why an upload was refused or broke off."""

    EMPTY = "empty"
    BROKEN = "broken_container"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    DISCONNECTED = "disconnected"
    STALLED = "stalled"
    NO_DATA_CONNECTION = "no_data_connection"
    TLS = "tls"
    ABORTED = "aborted"
    STORAGE = "storage"


class UploadFailed(Event):
    """An upload was refused or broke off; nothing of it is kept."""

    upload: Identifier
    printer: Identifier
    service: str = "ftps"
    filename: FileName
    client: str
    owner: str = ""
    reason: FailureReason
    detail: str = Field(default="", max_length=500)
    received: int = Field(default=0, ge=0)


class JobRequested(Event):
    """The slicer asked for a print (`project_file`). `Nats-Msg-Id` is the job id."""

    job: Identifier
    printer: Identifier
    filename: FileName
    subtask_name: str = Field(default="", max_length=255)
    plate: int | None = Field(default=None, ge=1, le=1000)
    options: dict[str, JsonValue] = Field(default_factory=dict)
    """bed_type, tri-state calibrations, AMS mapping … as the slicer gave them."""
    client: str
    access_code: Identifier | None = None
    """Id of the access code that was used; the code is the sender."""
    owner: str = ""


class CommandOutcome(StrEnum):
    """What became of a command."""

    PASSED = "passed"
    REFUSED = "refused"


class CommandRelayed(Event):
    """A slicer's command that would change something at a real printer passed a proxy, or was refused by its policy."""

    printer: Identifier
    target: Identifier
    session: Identifier
    client: str
    command: str = Field(max_length=100)
    """Section and command, as `print.project_file`; or an FTP verb."""
    detail: str = Field(default="", max_length=255)
    """What it was about: a file, a value."""
    outcome: CommandOutcome


class AuthFailed(Event):
    """A login was refused."""

    printer: Identifier
    service: str
    node: str
    client: str
    reason: str = Field(max_length=100)


class TlsFailed(Event):
    """A TLS handshake failed; `unknown_ca` means that the slicer does not trust our CA."""

    printer: Identifier
    service: str
    listener: str
    client: str
    reason: str = Field(max_length=100)


FACTS: dict[str, type[Event]] = {
    "upload.stored": UploadStored,
    "upload.failed": UploadFailed,
    "job.requested": JobRequested,
    "command.relayed": CommandRelayed,
    "auth.failed": AuthFailed,
    "tls.failed": TlsFailed,
}
"""Kind -> message; the kind is the end of the subject."""


def kind_of(fact: Event) -> str:
    """The kind of a fact; KeyError-free because FACTS is closed over these classes."""
    return next(kind for kind, cls in FACTS.items() if isinstance(fact, cls))
