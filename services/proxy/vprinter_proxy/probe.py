"""A look at a real printer, step by step, before it is trusted with anything: `proxy.probe`."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from vprinter_common.contracts.requests import PortSeen, ProbeTarget, TargetProbe
from vprinter_common.contracts.target import TargetTrouble
from vprinter_common.probe.dial import Place, dial
from vprinter_common.probe.finding import ask_who
from vprinter_common.probe.mqtt import MqttProbe
from vprinter_common.probe.obstacle import Obstacle, Obstructed
from vprinter_common.wire.detect import Identity
from vprinter_proxy.settings import PrinterPorts
from vprinter_proxy.upstream import Troubled, check_certificate, names_on, printer_context, resolve, whose
from vprinter_proxy.upstream import dial as connected
from vprinter_proxy.watch.picture import needs_signatures

WITHIN = 9.0
"""Seconds for everything; who asked waits ten."""
KNOCK_WITHIN = 2.5
CLOSED = "connection refused"

_TROUBLES: Mapping[Obstacle, TargetTrouble] = {
    Obstacle.REFUSED: TargetTrouble.REFUSED,
    Obstacle.UNREACHABLE: TargetTrouble.UNREACHABLE,
    Obstacle.CODE_REFUSED: TargetTrouble.ACCESS_CODE,
    Obstacle.BRAKED: TargetTrouble.BUSY,
    Obstacle.CLOSED: TargetTrouble.BUSY,
    Obstacle.SILENT: TargetTrouble.SILENT,
    Obstacle.DENIED: TargetTrouble.REFUSED,
}
"""At MQTT; whatever else happens there is TLS's or some other server's."""
_ADVICE: Mapping[TargetTrouble, str] = {
    TargetTrouble.UNREACHABLE: "see that the printer is on and on this network, and that the address is right",
    TargetTrouble.REFUSED: "see that it is the printer, with LAN mode switched on",
    TargetTrouble.TLS: "see that it is a printer",
    TargetTrouble.ACCESS_CODE: "type the access code that the printer shows now",
    TargetTrouble.BUSY: "close one of the slicers or apps that are connected to it",
    TargetTrouble.SILENT: "switch the printer off and on",
}


@dataclass(slots=True)
class Findings:
    """What was found so far; a probe that runs out of time answers with it."""

    fields: dict[str, Any] = field(default_factory=dict)

    def stop(self, trouble: TargetTrouble, text: str) -> None:
        """Something is in the way; of several such things, the first is told."""
        if "trouble" not in self.fields:
            self.fields |= {"trouble": trouble, "error": text[:500]}


class Prober:
    """Answers `proxy.probe`."""

    def __init__(self, ports: PrinterPorts) -> None:
        self._ports = ports

    async def look(self, asked: ProbeTarget) -> TargetProbe:
        """Everything that can be seen of the printer within some seconds."""
        found = Findings()
        try:
            async with asyncio.timeout(WITHIN):
                await self._look(asked, found)
        except TimeoutError:
            found.stop(TargetTrouble.SILENT, f"{asked.host} answers too slowly: not all was seen within {WITHIN:g} s")
        return TargetProbe(**found.fields)

    async def _look(self, asked: ProbeTarget, found: Findings) -> None:
        try:
            address = await resolve(asked.host)
        except OSError as error:
            found.stop(
                TargetTrouble.UNREACHABLE,
                f"{asked.host} has no IPv4 address ({error.strerror or error}); correct the name, or give an address",
            )
            return
        found.fields["address"] = address
        ports = self._ports
        numbers = (ports.detect, ports.detect_tls, ports.mqtt, ports.ftps, ports.tunnel, ports.rtsps)
        seen = await asyncio.gather(*(_knock(Place(address, number)) for number in numbers))
        found.fields["ports"] = tuple(seen)
        is_open = {each.port for each in seen if each.open}
        if not is_open:
            refused = any(each.error == CLOSED for each in seen)
            trouble = TargetTrouble.REFUSED if refused else TargetTrouble.UNREACHABLE
            found.stop(trouble, f"{address} has none of a printer's ports open; {_ADVICE[trouble]}")
            return
        identity = await self._detect(address, is_open)
        if identity is not None:
            found.fields |= {
                "serial": identity.serial,
                "model": identity.model,
                "name": identity.name,
                "firmware": identity.version,
                "lan_mode": identity.connect == "lan",
            }
        await self._log_in(asked, Place(address, ports.mqtt), found)

    async def _detect(self, address: str, is_open: set[int]) -> Identity | None:
        """Who it says it is; some models answer at one of the two ports only, some versions at none."""
        for port, context in ((self._ports.detect, None), (self._ports.detect_tls, printer_context())):
            if port in is_open:
                with suppress(Obstructed):
                    return (await ask_who(Place(address, port), context, KNOCK_WITHIN))[0]
        return None

    async def _log_in(self, asked: ProbeTarget, place: Place, found: Findings) -> None:
        try:
            async with await dial(place, printer_context(), within=KNOCK_WITHIN) as line:
                serial = _show(line.handshake.leaf, asked, place.address, found)
                if asked.access_code is not None:
                    await _try_code(MqttProbe(line), serial, asked.access_code.get_secret_value(), found)
        except Obstructed as obstructed:
            trouble = _TROUBLES.get(obstructed.obstacle, TargetTrouble.TLS)
            if trouble is TargetTrouble.ACCESS_CODE:
                found.fields["code_accepted"] = False
            found.stop(trouble, f"{obstructed.detail}; {_ADVICE[trouble]}")
        except Troubled as troubled:
            found.stop(troubled.trouble, str(troubled))


def _show(leaf: bytes, asked: ProbeTarget, address: str, found: Findings) -> str:
    """Write down the certificate; the serial number of whose it is. Raises Troubled if it is not the printer's."""
    names = names_on(leaf, address)
    found.fields |= {
        "fingerprint": hashlib.sha256(leaf).hexdigest(),
        "certificate_subject": str(names.subject)[:200],
        "certificate_issuer": str(names.issuer)[:200],
    }
    serial: str = asked.serial or found.fields.get("serial") or whose(names)
    check_certificate(leaf, address, serial, asked.fingerprint)
    found.fields.setdefault("serial", serial)
    return serial


async def _try_code(mqtt: MqttProbe, serial: str, code: str, found: Findings) -> None:
    """Log in, and see what only those may see who have the code."""
    await mqtt.log_in(code)
    found.fields["code_accepted"] = True
    reports = await mqtt.reports(serial)
    signed = needs_signatures(reports.status.get("fun"))
    found.fields["developer_mode"] = None if signed is None else not signed
    for module in reports.version.get("module", ()):
        match module:
            case {"name": "ota", "sw_ver": str(version)}:
                found.fields["firmware"] = version[:32]
    await mqtt.close()


async def _knock(place: Place) -> PortSeen:
    try:
        async with asyncio.timeout(KNOCK_WITHIN):
            (await connected(place.address, place.port)).close()
    except ConnectionRefusedError:
        error = CLOSED
    except TimeoutError:
        error = f"no answer within {KNOCK_WITHIN:g} s"
    except OSError as problem:
        error = problem.strerror or str(problem)
    else:
        return PortSeen(port=place.port, open=True)
    return PortSeen(port=place.port, open=False, error=error)
