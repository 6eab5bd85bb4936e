"""What the running system looks like from outside: which printers there are and whether slicers can reach them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import aiohttp

from vprinter_common import net
from vprinter_common.bus import Bus, BusUnavailable
from vprinter_common.catalog import model
from vprinter_common.contracts import subjects
from vprinter_common.contracts.printer import Mode, VirtualPrinter
from vprinter_common.contracts.status import ListenerState, PrinterStatus, State
from vprinter_common.fleet.edge import place

LOOK_EVERY = 0.25
CONTROL_WITHIN = 30.0
SETTLED_WITHIN = 10.0
PLAIN_SERVICES = ("discovery", "ftps", "mqtt")
PROXY_SERVICES = ("discovery", "proxy")


@dataclass(frozen=True, slots=True)
class PrinterOutlook:
    """One enabled printer: what a slicer must be told, and what keeps slicers away from it."""

    name: str
    model: str
    mode: str
    address: str
    access_codes: tuple[str, ...]
    problems: tuple[str, ...]


async def control_answers(url: str, within: float = CONTROL_WITHIN) -> bool:
    """Whether control's API answered within so many seconds."""
    try:
        async with asyncio.timeout(within), aiohttp.ClientSession() as session:
            while True:
                if await _answers(session, f"{url}/api/v1/openapi.json"):
                    return True
                await asyncio.sleep(LOOK_EVERY)
    except TimeoutError:
        return False


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url, timeout=aiohttp.ClientTimeout(total=2)) as response:
            return response.status == 200
    except (aiohttp.ClientError, TimeoutError):
        return False


async def settled(
    bus: Bus, since: datetime, only: Sequence[str], within: float = SETTLED_WITHIN
) -> list[PrinterOutlook]:
    """The enabled printers once every service has said how it fares with them, or as they are after `within` seconds.

    `since`: what was said earlier is from another run. `only`: the addresses of this host that are used.
    """
    here: Sequence[net.Interface] = ()
    printers: dict[str, VirtualPrinter] = {}
    statuses: list[PrinterStatus] = []
    try:
        async with asyncio.timeout(within):
            here = await anext(net.AddressWatch(only=only).states())
            await bus.wait_connected()
            while not printers or _waiting(printers, statuses, here):
                await asyncio.sleep(LOOK_EVERY)
                printers = await bus.read(subjects.PRINTERS, VirtualPrinter)
                reported = await bus.read(subjects.STATUS, PrinterStatus)
                statuses = [status for status in reported.values() if status.at >= since]
    except (TimeoutError, BusUnavailable):
        pass  # what is known is shown, with what is missing
    return [outlook(printer, statuses, here) for printer in printers.values() if printer.enabled]


def _waiting(
    printers: Mapping[str, VirtualPrinter], statuses: Sequence[PrinterStatus], here: Sequence[net.Interface]
) -> bool:
    """Whether some service has still to say how it fares with some printer of this host."""
    return any(
        missing_services(printer, statuses)
        for printer in printers.values()
        if printer.enabled and not isinstance(place(printer, here), str)
    )


def missing_services(printer: VirtualPrinter, statuses: Sequence[PrinterStatus]) -> list[str]:
    """The services that have not yet brought the printer up or failed to."""
    done = {
        status.service
        for status in statuses
        if status.printer == printer.id
        and status.state is not State.STARTING
        and all(listener.state is not ListenerState.OPENING for listener in status.listeners)
    }
    wanted = PROXY_SERVICES if printer.mode is Mode.PROXY else PLAIN_SERVICES
    return [service for service in wanted if service not in done]


def outlook(
    printer: VirtualPrinter, statuses: Sequence[PrinterStatus], here: Sequence[net.Interface]
) -> PrinterOutlook:
    """What to tell of one printer."""
    placement = place(printer, here)
    mine = [status for status in statuses if status.printer == printer.id]
    if isinstance(placement, str):
        problems = [placement]
        address = str(printer.advertise or printer.bind)
    else:
        address = placement.address_for(None)
        problems = [problem for status in mine for problem in _problems(status)]
        problems += [f"{service} has not said yet how it fares" for service in missing_services(printer, mine)]
    return PrinterOutlook(
        name=printer.name,
        model=model(printer.model).name,
        mode=printer.mode.value,
        address=address,
        access_codes=tuple(code.code.get_secret_value() for code in printer.access_codes),
        problems=tuple(dict.fromkeys(problems)),
    )


def _problems(status: PrinterStatus) -> list[str]:
    failed = [one.error for one in status.listeners if one.error]
    return [f"{status.service}: {status.error}", *failed] if status.error else failed
