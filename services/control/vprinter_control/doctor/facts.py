"""Asks everybody who knows something before the slicer is played."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, Self, TypeVar

from vprinter_common.bus import BusUnavailable
from vprinter_common.certs import Clock, utc_now
from vprinter_common.contracts import subjects
from vprinter_common.contracts.message import Message
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.contracts.requests import Nothing, ProbeTarget, SelfCheck, TargetProbe
from vprinter_common.contracts.status import PrinterStatus
from vprinter_common.contracts.subjects import Bucket, Stream
from vprinter_common.fleet.edge import place
from vprinter_common.probe.ports import SlicerPorts
from vprinter_common.selfcheck import Storage, look
from vprinter_control.doctor.case import Answer, Case, NatsState, Trusted, interfaces_of
from vprinter_control.domain.refusal import Unable
from vprinter_control.domain.status import needed_by, whole
from vprinter_control.settings import ControlSettings
from vprinter_control.trust import Trust

ANSWER_WITHIN = 3.0
"""Seconds; the services walk through /proc and may run two commands before they answer."""
PROBE_WITHIN = 10.0
WRITE_WITHIN = 3.0
DATABASE_NEEDS = 64 << 20
MARK = "doctor"
"""A key of the status bucket that never has a value: deleting it is a write that leaves nothing behind."""


M = TypeVar("M", bound=Message)


class Line(Protocol):
    """What of the bus the doctor uses."""

    def problem(self) -> str | None:
        """A sentence if NATS is away."""

    async def request(self, subject: str, message: Message, answer: type[M], timeout: float) -> M:
        """Ask a service."""

    async def delete(self, bucket: Bucket, key: str) -> None:
        """Write a deletion."""

    async def server_time(self, stream: Stream) -> datetime:
        """NATS' own clock."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Gathers a case. `problems` are control's own."""

    bus: Line
    trust: Trust
    ports: SlicerPorts
    clock: Clock
    node: str
    control_dir: Path
    data_dir: Path
    problems: Callable[[], Sequence[str]]
    only: Sequence[str] = ()
    control_runs: bool = True
    """Whether this is part of a running control."""

    @classmethod
    def of(
        cls,
        settings: ControlSettings,
        bus: Line,
        trust: Trust,
        problems: Callable[[], Sequence[str]],
        *,
        control_runs: bool = True,
    ) -> Self:
        """As the settings have it."""
        return cls(
            bus=bus,
            trust=trust,
            ports=settings.doctor,
            clock=utc_now,
            node=settings.node,
            control_dir=settings.control_dir,
            data_dir=settings.data_dir,
            problems=problems,
            only=settings.addresses,
            control_runs=control_runs,
        )

    async def case(self, spec: VirtualPrinter, statuses: Iterable[PrinterStatus]) -> Case:
        """All that is known about a printer; nothing of the slicer's doing yet."""
        serving = whole(spec.enabled, spec.mode, statuses).services
        async with asyncio.TaskGroup() as group:
            nats = group.create_task(self._nats(), name="doctor:nats")
            answers = group.create_task(self._answers(needed_by(spec.mode), serving), name="doctor:answers")
            here = group.create_task(self._here(), name="doctor:here")
            trusted = group.create_task(self._trusted(), name="doctor:trusted")
            probe = group.create_task(self._probe(spec), name="doctor:probe")
        return Case(
            spec=spec,
            address=self._address(spec, serving, here.result()),
            ports=self.ports,
            trusted=trusted.result(),
            here=here.result(),
            answers=answers.result(),
            statuses=serving,
            nats=nats.result(),
            clock=self.clock,
            data_dir=str(self.data_dir.absolute()),
            control_runs=self.control_runs,
            probe=probe.result(),
        )

    async def _probe(self, spec: VirtualPrinter) -> TargetProbe | None:
        """What a proxy sees of the real printer behind a proxy."""
        target = spec.target
        if not spec.enabled or spec.mode is not Mode.PROXY or target is None or self.bus.problem() is not None:
            return None
        question = ProbeTarget(
            host=target.host, access_code=target.access_code, serial=target.serial, fingerprint=target.fingerprint
        )
        try:
            return await self.bus.request(subjects.rpc("proxy", "probe"), question, TargetProbe, timeout=PROBE_WITHIN)
        except BusUnavailable:
            return None

    def _address(self, spec: VirtualPrinter, serving: Mapping[str, PrinterStatus], here: SelfCheck) -> str | None:
        """The address that slicers are told: what the printer says, else what the node that serves it says."""
        if told := spec.advertise or spec.bind.address:
            return str(told)
        if status := next(iter(serving.values()), None):
            return status.address
        if spec.bind.any and self.only:
            return self.only[0]
        placement = place(spec, interfaces_of(here))
        return None if isinstance(placement, str) else placement.address_for(None)

    async def _here(self) -> SelfCheck:
        ports = (self.ports.detect_port, self.ports.detect_tls_port, self.ports.mqtt_port, self.ports.ftps_port)
        storage = (Storage("database", self.control_dir, DATABASE_NEEDS),)
        return await look("control", self.node, self.problems(), ports=ports, storage=storage, only=self.only)

    async def _trusted(self) -> Trusted:
        directory = str(self.trust.certificate_file.parent.absolute())
        try:
            return Trusted(await self.trust.existing(), None, directory)
        except Unable as refusal:
            return Trusted(None, refusal.detail, directory)

    async def _answers(self, needed: Sequence[str], serving: Mapping[str, PrinterStatus]) -> dict[str, Answer]:
        if self.bus.problem() is not None:
            return {}
        async with asyncio.TaskGroup() as group:
            asked = [group.create_task(self._ask(service, serving.get(service))) for service in needed]
        answers = [task.result() for task in asked]
        return {answer.check.service: answer for answer in answers if answer is not None}

    async def _ask(self, service: str, status: PrinterStatus | None) -> Answer | None:
        """The word of the service on the node that serves the printer; of any node if none does."""
        verb = subjects.selfcheck_of(status.node) if status else "selfcheck"
        began = self.clock()
        try:
            check = await self.bus.request(subjects.rpc(service, verb), Nothing(), SelfCheck, timeout=ANSWER_WITHIN)
        except BusUnavailable:
            return None
        return Answer(check, _ahead(check.at, began, self.clock()))

    async def _nats(self) -> NatsState:
        if (problem := self.bus.problem()) is not None:
            return NatsState(problem=problem)
        began = self.clock()
        try:
            async with asyncio.timeout(WRITE_WITHIN):
                there = await self.bus.server_time(subjects.FACT_STREAM)
                ahead = _ahead(there, began, self.clock())
                await self.bus.delete(subjects.STATUS, MARK)
        except TimeoutError:
            return NatsState(write_problem=f"JetStream does not confirm within {WRITE_WITHIN:g} s")
        except BusUnavailable as error:
            return NatsState(write_problem=str(error))
        return NatsState(ahead=ahead)


def _ahead(there: datetime, began: datetime, ended: datetime) -> float:
    """Seconds by which a clock that was read in between is ahead of ours; 0 if it may be the same."""
    if there < began:
        return (there - began).total_seconds()
    return max(0.0, (there - ended).total_seconds())
