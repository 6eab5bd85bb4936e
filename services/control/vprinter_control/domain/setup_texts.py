"""What went wrong at a step of the set-up, and what to do about it: `{client}` is the slicer's address."""

from collections.abc import Mapping
from dataclasses import dataclass

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.tls import HandshakeFailure
from vprinter_control.domain.setup import Evidence


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is stable; the sentences are for people."""

    code: str
    text: str
    hint: str


_AGAIN = "send the file once more; if it fails again, look at the network between the slicer and this printer"
_TEXTS: Mapping[str, tuple[str, str]] = {
    HandshakeFailure.UNKNOWN_CA: (
        "{client} does not trust the CA",
        "run the installer on that computer and restart the slicer fully",
    ),
    HandshakeFailure.BAD_CERTIFICATE: (
        "{client} refused this printer's certificate",
        "run the installer on that computer again, check that computer's clock, and restart the slicer fully",
    ),
    HandshakeFailure.NO_SHARED_CIPHER: (
        "{client} and this printer have no TLS cipher in common",
        "update the slicer on that computer",
    ),
    HandshakeFailure.WRONG_VERSION: (
        "{client} speaks a version of TLS that is no longer safe",
        "update the slicer on that computer",
    ),
    "wrong_code": (
        "{client} gave a wrong access code",
        "copy the access code from this printer's card into the slicer; small and capital letters differ",
    ),
    "too_many_wrong_codes": (
        "{client} gave five wrong access codes within a minute",
        "wait a minute, then copy the access code from this printer's card into the slicer",
    ),
    FailureReason.EMPTY: ("{client} sent an empty file", "slice the plate again, then send it"),
    FailureReason.BROKEN: ("the file of {client} came incomplete or corrupt", _AGAIN),
    FailureReason.TOO_LARGE: (
        "the file of {client} is too large",
        "raise VPRINTER_FTPS__MAX_UPLOAD_BYTES, or send the plates one by one",
    ),
    FailureReason.DISK_FULL: (
        "there is not enough free space for the file of {client}",
        "delete what is no longer needed in the archive, or make room on the server's disk",
    ),
    FailureReason.DISCONNECTED: ("the connection of {client} broke during the upload", _AGAIN),
    FailureReason.STALLED: ("{client} went silent during the upload", _AGAIN),
    FailureReason.NO_DATA_CONNECTION: (
        "{client} opened no data connection",
        "let the printer's passive ports through the firewall, and through Docker's port list if it runs there",
    ),
    FailureReason.TLS: (
        "{client} broke off TLS on the data connection",
        "run the installer on that computer and restart the slicer fully",
    ),
    FailureReason.ABORTED: ("{client} cancelled the upload", "send the file once more"),
    FailureReason.STORAGE: (
        "the file of {client} could not be stored",
        "look at the log of ftps and at the disk of the data directory",
    ),
}


def problem(failure: Evidence) -> Problem:
    """The problem that a piece of evidence tells of."""
    code = failure.code or "failed"
    text, hint = _TEXTS.get(code, ("{client} failed at this step", "look at the log"))
    said = text.format(client=failure.client)
    return Problem(code, f"{said} ({failure.detail})" if failure.detail else said, hint)
