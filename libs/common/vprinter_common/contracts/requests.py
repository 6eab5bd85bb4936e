"""Requests that a service answers (`vprinter.rpc.<service>.<verb>`)."""

from pydantic import BaseModel, ConfigDict, Field

from vprinter_common.contracts.message import Event, Message
from vprinter_common.contracts.printer import Fingerprint, Secret
from vprinter_common.contracts.target import TargetTrouble


class Nothing(Message):
    """A request without parameters."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class HeardPrinter(_Part):
    """A real printer heard on the LAN."""

    serial: str
    address: str
    model: str
    name: str
    version: str = ""
    connect: str = ""
    bind: str = ""
    interface: str = ""
    last_heard_seconds: float = Field(ge=0)


class Heard(Event):
    """Answer of discovery.heard."""

    printers: tuple[HeardPrinter, ...] = ()


class PortHolder(_Part):
    """Who has a TCP port on the service's host; the process as far as the service may see it."""

    port: int
    address: str
    process: str | None = None
    pid: int | None = None
    user: str | None = None


class PortRedirect(_Part):
    """Connections to a port that the kernel leads to another one; `remote`: those of other hosts."""

    port: int
    to_port: int
    address: str | None = None
    to_address: str | None = None
    remote: bool = True


class StorageRoom(_Part):
    """Room in a directory that the service writes to. `needed`: bytes below which it refuses to."""

    what: str
    path: str
    needed: int = 0
    free: int | None = None
    error: str | None = None


class SelfCheck(Event):
    """Answer of <service>.selfcheck: is the service well, and what only its own host knows."""

    service: str
    node: str
    ready: bool
    problems: tuple[str, ...] = ()
    version: str = ""
    pid: int = 0
    addresses: tuple[str, ...] = ()
    """Usable IPv4 addresses of the host, each with its prefix length."""
    holders: tuple[PortHolder, ...] = ()
    """Who has the printers' ports, and those that redirects lead to."""
    redirects: tuple[PortRedirect, ...] | None = None
    """None = they cannot be read."""
    storage: tuple[StorageRoom, ...] = ()


class ProbeTarget(Message):
    """Request of proxy.probe: look at a real printer. Without a code no login is tried."""

    host: str = Field(min_length=1, max_length=253)
    access_code: Secret | None = None
    serial: str | None = Field(default=None, max_length=32)
    """What is expected there; None = unknown yet."""
    fingerprint: Fingerprint | None = None


class PortSeen(_Part):
    """A port of a real printer, and what it said when it was connected to."""

    port: int
    open: bool
    error: str | None = None


class TargetProbe(Event):
    """Answer of proxy.probe: what was found, as far as it went; `trouble` and `error` say what stopped it."""

    address: str | None = None
    ports: tuple[PortSeen, ...] = ()
    serial: str | None = None
    model: str | None = None
    """The code that it gave in detect, even if the catalog does not know it."""
    name: str = ""
    firmware: str = ""
    lan_mode: bool | None = None
    """Whether it says that it can be used without the cloud (`connect`: lan)."""
    developer_mode: bool | None = None
    """Whether it takes unsigned commands (`fun` bit 29 clear); None = not known."""
    fingerprint: Fingerprint | None = None
    certificate_subject: str = ""
    certificate_issuer: str = ""
    code_accepted: bool | None = None
    trouble: TargetTrouble | None = None
    error: str | None = Field(default=None, max_length=500)
