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
FACT_STREAM = Stream("VPRINTER_FACTS", subjects=(f"{PREFIX}.fact.>",), max_age=90 * 86400.0, duplicate_window=3600.0)

ALL_FACTS = f"{PREFIX}.fact.>"
ALL_UPLOADS = f"{PREFIX}.live.*.upload"
ALL_SESSIONS = f"{PREFIX}.live.*.session"


def fact(kind: str) -> str:
    """Subject of a kind of fact, e.g. "upload.stored"."""
    return f"{PREFIX}.fact.{kind}"


def live_upload(printer: str) -> str:
    """Subject of a printer's moving uploads."""
    return f"{PREFIX}.live.{printer}.upload"


def live_session(printer: str) -> str:
    """Subject of slicers that come and go at a printer."""
    return f"{PREFIX}.live.{printer}.session"


def rpc(service: str, verb: str) -> str:
    """Subject of a request."""
    return f"{PREFIX}.rpc.{service}.{verb}"


def status_key(printer: str, service: str, node: str) -> str:
    """Key in the status bucket."""
    return f"{printer}.{service}.{node}"
