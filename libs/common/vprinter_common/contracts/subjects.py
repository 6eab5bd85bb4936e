"""Every subject, bucket and stream name. No literal subject stands elsewhere."""

from dataclasses import dataclass

PREFIX = "vprinter"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A KV bucket. `ttl`: seconds until a value that is not renewed vanishes, None = never."""

    name: str
    ttl: float | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """A JetStream stream. `max_age`: seconds; `duplicate_window`: seconds in which an equal Nats-Msg-Id is dropped."""

    name: str
    subjects: tuple[str, ...]
    max_age: float
    duplicate_window: float


PRINTERS = Bucket("vprinter-printers")
STATUS = Bucket("vprinter-status", ttl=30.0)
TARGETS = Bucket("vprinter-targets")
TARGET_STATUS = Bucket("vprinter-target-status", ttl=30.0)
LEASES = Bucket("vprinter-leases", ttl=30.0)
"""Who holds the session with a real printer: key = its id, value = the node."""
BUCKETS = (PRINTERS, STATUS, TARGETS, TARGET_STATUS, LEASES)
FACT_STREAM = Stream("VPRINTER_FACTS", subjects=(f"{PREFIX}.fact.>",), max_age=90 * 86400.0, duplicate_window=3600.0)

ALL_FACTS = f"{PREFIX}.fact.>"
ALL_UPLOADS = f"{PREFIX}.live.*.upload"
ALL_SESSIONS = f"{PREFIX}.live.*.session"
ALL_VISITS = f"{PREFIX}.live.*.visit"
ALL_TARGET_COMMANDS = f"{PREFIX}.target.*.command"
ALL_DISCONNECTS = f"{PREFIX}.live.*.disconnect"


def fact(kind: str) -> str:
    """Subject of a kind of fact, e.g. "upload.stored"."""
    return f"{PREFIX}.fact.{kind}"


def live_upload(printer: str) -> str:
    """Subject of a printer's moving uploads."""
    return f"{PREFIX}.live.{printer}.upload"


def live_session(printer: str) -> str:
    """Subject of slicers that come and go at a printer."""
    return f"{PREFIX}.live.{printer}.session"


def visit(printer: str) -> str:
    """Subject of visits of somebody who is no slicer."""
    return f"{PREFIX}.live.{printer}.visit"


def target_report(target: str) -> str:
    """Subject of what a real printer has reported so far."""
    return f"{PREFIX}.target.{target}.report"


def target_said(target: str) -> str:
    """Subject of a real printer's other messages."""
    return f"{PREFIX}.target.{target}.said"


def target_command(target: str) -> str:
    """Subject of commands for a real printer."""
    return f"{PREFIX}.target.{target}.command"


def disconnect(printer: str) -> str:
    """Subject of sessions of a printer that are to be closed, whichever node has them."""
    return f"{PREFIX}.live.{printer}.disconnect"


def rpc(service: str, verb: str) -> str:
    """Subject of a request."""
    return f"{PREFIX}.rpc.{service}.{verb}"


def selfcheck_of(node: str) -> str:
    """The verb that only the service of one node answers, whereas any of them answers plain `selfcheck`."""
    return f"selfcheck.{node}"


def heard_of(node: str) -> str:
    """The verb that only the discovery of one node answers: each hears its own networks."""
    return f"heard.{node}"


def status_key(printer: str, service: str, node: str) -> str:
    """Key in the status bucket."""
    return f"{printer}.{service}.{node}"
