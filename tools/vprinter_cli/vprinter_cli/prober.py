"""`vprinter probe`: plays the slicer at every printer on an interval, and tells Prometheus how far it got.

The printers, their codes and the CA come from desired state, so that there is nothing to set. What it uploads is the
slicers' own write test, of which nothing is kept. Of a proxy it asks only who it is: the rest would be the real printer's.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import structlog

from vprinter_cli.settings import ProbeSettings
from vprinter_common import net
from vprinter_common.bus import BusUnavailable
from vprinter_common.contracts import subjects
from vprinter_common.contracts.live import MOST_SECONDS, Visit
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.fleet.edge import place
from vprinter_common.metrics import declared
from vprinter_common.metrics.declared import ProbeStage
from vprinter_common.probe.dial import Place, trusting
from vprinter_common.probe.finding import ask_who, search
from vprinter_common.probe.ftps import PROBE_MAX, PROBE_NAME, FtpsProbe
from vprinter_common.probe.mqtt import MqttProbe
from vprinter_common.probe.obstacle import Obstacle, Obstructed
from vprinter_common.probe.report import complaints
from vprinter_common.runtime.service import Runtime

log = structlog.get_logger()

ANSWER_WITHIN = 2.0
ROUND_WITHIN = 30.0
"""Seconds that one printer may take."""
PATTERN = bytes(range(256)) * (PROBE_MAX // 256)
_END = "-----END CERTIFICATE-----"


@dataclass(frozen=True, slots=True)
class Slicer:
    """A slicer in front of one printer."""

    spec: VirtualPrinter
    address: str
    ports: ProbeSettings

    async def discover(self) -> None:
        """Search for it."""
        where = Place(self.address, self.ports.ssdp_port)
        if await search(self.spec.serial, where, ANSWER_WITHIN) is None:
            raise Obstructed(Obstacle.SILENT, f"UDP {where} does not answer a search")

    async def detect(self) -> None:
        """Ask who it is."""
        who, _ = await ask_who(Place(self.address, self.ports.detect_port))
        if who.serial != self.spec.serial:
            raise Obstructed(Obstacle.GARBAGE, f"{self.address} is {who.serial}, not {self.spec.serial}")

    async def mqtt(self) -> None:
        """Log in and read a report."""
        where = Place(self.address, self.ports.mqtt_port)
        async with await MqttProbe.open(where, self._trust(), self.spec.serial) as probe:
            await probe.log_in(self._code())
            if wrong := complaints(await probe.reports(self.spec.serial), self.address):
                raise Obstructed(Obstacle.GARBAGE, "; ".join(wrong)[:300])

    async def ftps(self) -> None:
        """Log in."""
        async with await self._session() as probe:
            await probe.log_in(self._code())

    async def upload(self) -> None:
        """Send 1 KiB that is not kept."""
        async with await self._session() as probe:
            await probe.log_in(self._code())
            await probe.store(PROBE_NAME, PATTERN)

    def stages(self) -> Mapping[ProbeStage, Callable[[], Awaitable[None]]]:
        """What it does, in order."""
        asking = {ProbeStage.DISCOVER: self.discover, ProbeStage.DETECT: self.detect}
        if self.spec.mode is Mode.PROXY:
            return asking
        return {
            **asking,
            ProbeStage.MQTT: self.mqtt,
            ProbeStage.FTPS: self.ftps,
            ProbeStage.UPLOAD: self.upload,
        }

    async def _session(self) -> FtpsProbe:
        return await FtpsProbe.open(Place(self.address, self.ports.ftps_port), self._trust(), self.spec.serial)

    def _trust(self) -> ssl.SSLContext:
        chain = self.spec.certificate.chain_pem.split(_END)
        return trusting(f"{chain[-2]}{_END}\n")  # the last one is the CA

    def _code(self) -> str:
        if not self.spec.access_codes:
            raise Obstructed(Obstacle.CODE_REFUSED, f"{self.spec.name} has no access code")
        return self.spec.access_codes[0].code.get_secret_value()


class Prober:
    """Rounds over all printers of this host."""

    def __init__(self, runtime: Runtime, settings: ProbeSettings) -> None:
        self._runtime = runtime
        self._settings = settings
        self._success = declared.PROBE_SUCCESS.create(runtime.registry)
        self._duration = declared.PROBE_DURATION.create(runtime.registry)
        self._last = declared.PROBE_LAST.create(runtime.registry)
        self._shown: set[tuple[str, ProbeStage]] = set()

    async def follow(self) -> None:
        """Round after round, for ever (a root task)."""
        while True:
            try:
                printers = await self._runtime.bus.read(subjects.PRINTERS, VirtualPrinter)
            except BusUnavailable as error:
                log.warning("probe_waits", error=str(error))
            else:
                here = await net.AddressWatch(only=self._runtime.settings.addresses).look()
                await self._round(printers, here)
            await asyncio.sleep(self._settings.interval)

    async def _round(self, printers: Mapping[str, VirtualPrinter], interfaces: Sequence[net.Interface]) -> None:
        slicers = list(self._slicers(printers, interfaces))
        await self._announce(slicers)
        tried: set[tuple[str, ProbeStage]] = set()
        for slicer in slicers:
            await self._announce([slicer])
            for stage, act in slicer.stages().items():
                await self._try(slicer.spec.id, stage, act)
                tried.add((slicer.spec.id, stage))
        for gone in self._shown - tried:
            self._success.remove(*gone)
            self._duration.remove(*gone)
        self._shown = tried
        self._last.set_to_current_time()

    def _slicers(self, printers: Mapping[str, VirtualPrinter], interfaces: Sequence[net.Interface]) -> Iterator[Slicer]:
        """One for each printer that this host serves."""
        for spec in printers.values():
            placement = place(spec, interfaces)
            if spec.enabled and not isinstance(placement, str):
                yield Slicer(spec, placement.address_for(None), self._settings)

    async def _announce(self, slicers: Sequence[Slicer]) -> None:
        """So that nobody takes it for a slicer. A search for one printer is heard by all, so all are told first."""
        bus, seconds = self._runtime.bus, min(MOST_SECONDS, ROUND_WITHIN * len(slicers))
        for slicer in slicers:
            visit = Visit(printer=slicer.spec.id, client=_own_address(slicer.address), seconds=seconds)
            await bus.publish(subjects.visit(slicer.spec.id), visit)
        with suppress(BusUnavailable):
            await bus.settle()  # before a service can tell of the first step

    async def _try(self, printer: str, stage: ProbeStage, act: Callable[[], Awaitable[None]]) -> None:
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            async with asyncio.timeout(ROUND_WITHIN / len(ProbeStage)):
                await act()
        except (Obstructed, TimeoutError) as error:
            log.warning("probe_failed", printer=printer, stage=stage.value, error=str(error) or "no answer in time")
            self._success.labels(printer, stage).set(0)
        else:
            self._success.labels(printer, stage).set(1)
        self._duration.labels(printer, stage).set(clock() - began)


def _own_address(towards: str) -> str:
    """The address that this host has towards another; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.connect((towards, 9))
        return str(asker.getsockname()[0])


@asynccontextmanager
async def probing(runtime: Runtime, settings: ProbeSettings) -> AsyncIterator[None]:
    """Probe as the body of a service."""
    following = runtime.tasks.spawn(Prober(runtime, settings).follow(), "rounds")
    runtime.root(following)
    yield
