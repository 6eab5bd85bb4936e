"""What it means to serve a printer: where it is, its listeners, and the one method an edge implements."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Hashable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from vprinter_common import net
from vprinter_common.contracts.message import new_id
from vprinter_common.contracts.printer import AccessCode, VirtualPrinter
from vprinter_common.contracts.status import ClientStatus, ListenerState, SessionStatus
from vprinter_common.selfcheck import Storage
from vprinter_common.tls import ShownCertificate

ANY = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a printer is on this node."""

    bind: str
    """Address of every listener; 0.0.0.0 for `any`."""
    advertise: str | None
    """Address told to slicers; None = whichever address the slicer itself reached us at."""
    fallback: str
    """Address to tell when there is no connection to take it from."""

    def address_for(self, local: str | None) -> str:
        """The address to tell a slicer that reached us at `local`."""
        if self.advertise is not None:
            return self.advertise
        return local if local and local != ANY else self.fallback


class Closable(Protocol):
    """An open listener: asyncio.Server, TlsServer, or an edge's own."""

    def close(self) -> None:
        """Stop accepting."""


@dataclass(slots=True)
class Listener:
    """One listener of a printer. `open(address, port)` starts it and may raise OSError."""

    name: str
    port: int
    open: Callable[[str, int], Awaitable[Closable]]
    setting: str
    """The environment variable that moves it to another port."""
    protocol: str = "tcp"
    address: str | None = None
    """Where it is if it is shared by all printers; None = at the printer's own address."""
    state: ListenerState = ListenerState.OPENING
    error: str | None = None
    server: Closable | None = None


@dataclass(slots=True)
class Serving:
    """What an edge serves for one printer."""

    spec: VirtualPrinter
    """The newest spec; the edge reads names, codes and mode from here, so that those change without a restart."""
    placement: Placement
    listeners: Sequence[Listener] = ()
    changed: Callable[[], None] = field(default=lambda: None)
    """Set by the edge: called after `spec` was replaced."""
    report: Callable[[], None] = field(default=lambda: None)
    """Set by the fleet: the edge calls it when the printer's status is to be published now."""
    shown: ShownCertificate | None = None
    """Set by the edge: what its listeners show in TLS."""
    connections: int = 0
    last_client: ClientStatus | None = None
    sessions: dict[str, SessionStatus] = field(default_factory=dict)
    """Slicers that are logged in, the newest last."""

    def take_over(self, spec: VirtualPrinter) -> None:
        """Go on with a newer spec."""
        self.spec = spec
        if self.shown is not None:
            self.shown.show(spec.certificate.chain_pem, spec.certificate.key_pem.get_secret_value())
        self.changed()

    def connected(self, client: str) -> None:
        """A slicer connected."""
        self.connections += 1
        self.last_client = ClientStatus(address=client, at=datetime.now(UTC))

    def disconnected(self) -> None:
        """A slicer left."""
        self.connections -= 1

    def logged_in(self, client: str, code: AccessCode) -> SessionStatus:
        """A slicer connected with a right code; `logged_out` must follow."""
        self.connected(client)
        session = SessionStatus(
            id=new_id(), client=client, access_code=code.id, owner=code.owner, since=datetime.now(UTC)
        )
        self.sessions[session.id] = session
        return session

    def renamed(self, session: SessionStatus, owner: str) -> SessionStatus:
        """The owner of its code has another name from now on."""
        renamed = session.model_copy(update={"owner": owner})
        self.sessions[session.id] = renamed
        return renamed

    def logged_out(self, session: SessionStatus) -> None:
        """It left."""
        del self.sessions[session.id]
        self.disconnected()


class CannotListen(OSError):  # noqa: N818 - a state of the host
    """A listener that has several ports cannot have one of them."""

    def __init__(self, error: OSError, port: int) -> None:
        super().__init__(error.errno, error.strerror)
        self.port = port


class CannotServe(Exception):  # noqa: N818 - a state of the printer, not a mistake
    """The edge refuses a printer; the text is for the person who made it."""


class Edge(ABC):
    """A service that serves one side of virtual printers."""

    @abstractmethod
    def serve(self, spec: VirtualPrinter, placement: Placement) -> AbstractAsyncContextManager[Serving]:
        """Serve a printer while the context is open; may raise CannotServe.

        Its listeners are opened by the fleet after, closed before.
        """

    def accepts(self, spec: VirtualPrinter) -> bool:
        """Whether this service has anything to do for the printer."""
        return spec.enabled

    def serving_key(self, spec: VirtualPrinter) -> Hashable:
        """What of a spec cannot change under a running printer; name, mode, access codes and certificate can."""
        return (spec.model, spec.serial, spec.passive_ports, spec.pasv_address)

    def storage(self) -> Sequence[Storage]:
        """The directories that it writes to."""
        return ()


def place(spec: VirtualPrinter, interfaces: Sequence[net.Interface]) -> Placement | str:
    """Where this node serves the printer, or a sentence that says why it does not."""
    advertise = str(spec.advertise) if spec.advertise else None
    if spec.bind.any:
        return Placement(ANY, advertise, advertise or net.default_address())
    if spec.bind.interface is not None:
        for interface in interfaces:
            if interface.name == spec.bind.interface and interface.addresses:
                address = str(interface.addresses[0].ip)
                return Placement(address, advertise or address, address)
        return f"interface {spec.bind.interface} is not on this host, or has no IPv4 address"
    address = str(spec.bind.address)
    if not net.owns(address, interfaces):
        return f"address {address} is not on this host"
    return Placement(address, advertise or address, address)
