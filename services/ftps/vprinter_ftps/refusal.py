"""What a client is told whose transfer is refused or breaks off."""

from types import MappingProxyType

from vprinter_common.contracts.facts import FailureReason
from vprinter_common.custody import Refusal
from vprinter_common.wire import ftp

__all__ = ["Refusal", "reply_to"]

_REPLIES = MappingProxyType(
    {
        FailureReason.EMPTY: (426, "the file arrived empty; nothing was kept, send it again"),
        FailureReason.BROKEN: (426, "the file is incomplete or corrupt; nothing was kept, send it again"),
        FailureReason.TOO_LARGE: (552, "the file is too large for this printer"),
        FailureReason.DISK_FULL: (452, "not enough free space; delete files in the archive, then send again"),
        FailureReason.DISCONNECTED: (426, "the data connection broke; nothing was kept"),
        FailureReason.STALLED: (426, "the data connection went silent; nothing was kept"),
        FailureReason.NO_DATA_CONNECTION: (425, "no data connection was opened; are the passive ports reachable?"),
        FailureReason.TLS: (425, "TLS on the data connection failed"),
        FailureReason.ABORTED: (426, "transfer aborted"),
        FailureReason.STORAGE: (451, "the file could not be stored; see the server's log"),
    }
)


def reply_to(refusal: Refusal) -> bytes:
    """The reply line for the client."""
    code, text = _REPLIES[refusal.reason]
    return ftp.reply(code, f"{text} ({refusal.detail})" if refusal.detail else text)
