"""Real printers: which there are, how they fare, and what is said to and by them."""

from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from vprinter_common.catalog import model as catalog_model
from vprinter_common.contracts.message import Event, Identifier, Message
from vprinter_common.contracts.printer import Fingerprint, Secret


class RealPrinter(Message):
    """A real printer that this system knows. Written by control only."""

    id: Identifier
    revision: int = Field(ge=0)
    name: str = Field(min_length=1, max_length=100)
    host: str = Field(min_length=1, max_length=253)
    """IPv4 address or DNS name; a name is resolved anew for every connection."""
    serial: str = Field(min_length=1, max_length=32)
    model: str
    access_code: Secret
    fingerprint: Fingerprint | None = None
    """SHA-256 of the certificate that was seen first and is trusted since; None = whichever comes first."""

    @field_validator("model")
    @classmethod
    def _known(cls, value: str) -> str:
        return catalog_model(value).code


class TargetTrouble(StrEnum):
    """Why a real printer cannot be used."""

    UNREACHABLE = "unreachable"
    """Nobody answers at its address, or the name does not resolve."""
    REFUSED = "connection_refused"
    TLS = "tls"
    CERTIFICATE_CHANGED = "certificate_changed"
    """It shows another certificate than the one that is trusted; a person must accept it."""
    WRONG_PRINTER = "wrong_printer"
    """Somebody else's serial number answers there."""
    ACCESS_CODE = "access_code"
    BUSY = "too_many_sessions"
    """It takes no further session."""
    SILENT = "silent"
    """Connected, but no report for 30 s."""


class TargetStatus(Event):
    """How a real printer fares; written by the node that holds its session, renewed before the bucket's TTL ends."""

    target: Identifier
    node: str
    online: bool
    trouble: TargetTrouble | None = None
    error: str | None = Field(default=None, max_length=500)
    """A sentence that says what is wrong and what to do."""
    address: str | None = None
    """What the host resolves to."""
    fingerprint: Fingerprint | None = None
    """SHA-256 of the certificate that it shows now."""
    firmware: str = ""
    state: str = ""
    """`gcode_state` as the printer says it: IDLE, RUNNING, PAUSE, FINISH …"""
    job: str = ""
    """`subtask_name`."""
    percent: int | None = None
    remaining_minutes: int | None = None
    layer: int | None = None
    layers: int | None = None
    nozzle_celsius: float | None = None
    bed_celsius: float | None = None
    chamber_celsius: float | None = None


class TargetReport(Event):
    """Everything that a real printer has reported so far, merged; at most once a second, at least every 10 s."""

    target: Identifier
    serial: str
    print: dict[str, Any]
    """The merged `print` object of its push_status."""
    modules: tuple[dict[str, Any], ...] | None = None
    """`info.module` of its get_version; None = not answered yet."""


class TargetSaid(Event):
    """A message of a real printer that is no status report, such as the answer to a command."""

    target: Identifier
    payload: dict[str, Any]


class TargetCommand(Event):
    """A slicer's command for a real printer, to be sent on the session that this system holds."""

    target: Identifier
    printer: Identifier
    """The virtual printer that it was said to."""
    client: str
    payload: str
    """JSON text, as the slicer wrote it."""


class Lease(Message):
    """Who holds the one session that this system has with a real printer; expires unless it is renewed."""

    node: str
