"""What is known of a printer and its surroundings before anything is tried."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Interface

from vprinter_common import net
from vprinter_common.certs import CertificateAuthority, Clock
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.contracts.requests import PortRedirect, SelfCheck, TargetProbe
from vprinter_common.contracts.status import ListenerStatus, PrinterStatus
from vprinter_common.probe.dial import Place
from vprinter_common.probe.ports import SlicerPorts
from vprinter_control.domain.status import needed_by


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's word about itself. `ahead`: seconds by which its clock is ahead of ours."""

    check: SelfCheck
    ahead: float


@dataclass(frozen=True, slots=True)
class NatsState:
    """How NATS fares. `problem`: it is away; `write_problem`: it takes nothing; `ahead`: of our clock, if known."""

    problem: str | None = None
    write_problem: str | None = None
    ahead: float | None = None


@dataclass(frozen=True, slots=True)
class Trusted:
    """The CA, or why there is none to use."""

    authority: CertificateAuthority | None
    problem: str | None = None
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """One printer to diagnose."""

    spec: VirtualPrinter
    address: str | None
    """Where slicers are told to find it; None if nobody knows."""
    ports: SlicerPorts
    trusted: Trusted
    here: SelfCheck
    """Control's own host."""
    answers: Mapping[str, Answer]
    """By service; of the node that serves the printer, if one does."""
    statuses: Mapping[str, PrinterStatus]
    nats: NatsState
    clock: Clock
    data_dir: str
    control_runs: bool = True
    probe: TargetProbe | None = None
    """What the proxy saw when it looked at the target; None if there is no target to look at, or nobody looked."""

    @property
    def needed(self) -> tuple[str, ...]:
        """The services that a slicer needs."""
        return needed_by(self.spec.mode)

    @property
    def relays(self) -> bool:
        """Whether a real printer stands behind it."""
        return self.spec.mode is Mode.PROXY

    @property
    def serial(self) -> str:
        """The printer's serial number."""
        return self.spec.serial

    @property
    def now(self) -> datetime:
        """The time of our clock."""
        return self.clock()

    @property
    def told_address(self) -> str:
        """The address; only for what is tried after it was found to be known."""
        assert self.address is not None  # noqa: S101 - the first steps see to it
        return self.address

    def place(self, port: int) -> Place:
        """One of the printer's ports."""
        return Place(self.told_address, port)

    def nodes(self) -> Sequence[SelfCheck]:
        """All that spoke, control's own host last."""
        return (*(answer.check for answer in self.answers.values()), self.here)

    def has(self, address: str) -> bool:
        """Whether some host of the system has the address."""
        return any(net.owns(address, interfaces_of(node)) for node in self.nodes())

    def addresses(self) -> tuple[str, ...]:
        """The addresses of all hosts, those on loopback last."""
        found = {own.ip for node in self.nodes() for one in interfaces_of(node) for own in one.addresses}
        return tuple(str(address) for address in sorted(found, key=lambda ip: (ip.is_loopback, ip)))

    def listener(self, service: str, name: str) -> ListenerStatus | None:
        """One of the printer's listeners, as its service describes it."""
        status = self.statuses.get(service)
        return next((each for each in status.listeners if each.name == name), None) if status else None

    def redirects(self) -> tuple[PortRedirect, ...] | None:
        """The redirects on the host of ftps; None if nobody may read them."""
        ftps = self.answers.get("ftps")
        known = ftps.check.redirects if ftps else None
        return self.here.redirects if known is None else known


def interfaces_of(check: SelfCheck) -> tuple[net.Interface, ...]:
    """The addresses of a host as one interface."""
    return (net.Interface("", tuple(map(IPv4Interface, check.addresses))),)
