"""Who has the printer's ports, and where the FTPS port leads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from vprinter_common.contracts.requests import PortHolder, PortRedirect
from vprinter_common.contracts.status import ListenerState
from vprinter_common.net.ports import EVERY
from vprinter_common.probe.certificate import Flaw, objections
from vprinter_common.probe.dial import Place, dial, looking
from vprinter_common.probe.obstacle import Obstructed
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, fine, skipped

FIRST_UNRESERVED = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """A port that slicers connect to, the listener that should have it, and the setting that moves it."""

    service: str
    listener: str
    port: int
    setting: str


def wanted(case: Case) -> tuple[Wanted, ...]:
    """All of them; FTPS, which may be redirected, last."""
    ports = case.ports
    found_by = (
        Wanted("discovery", "detect", ports.detect_port, "VPRINTER_DISCOVERY__DETECT_PORT"),
        Wanted("discovery", "detect-tls", ports.detect_tls_port, "VPRINTER_DISCOVERY__DETECT_TLS_PORT"),
    )
    if case.relays:
        status = case.statuses.get("proxy")
        relayed = status.listeners if status else ()
        return (*found_by, *(Wanted("proxy", one.name, one.port, "the port of proxy") for one in relayed))
    return (
        *found_by,
        Wanted("mqtt", "mqtt", ports.mqtt_port, "VPRINTER_MQTT__PORT"),
        Wanted("ftps", "ftps", ports.ftps_port, "VPRINTER_FTPS__PORT"),
    )


async def ports(case: Case) -> Finding:
    """Whether each port is held by the service it belongs to."""
    if case.nats.problem is not None:
        known = {holder.port: _who(holder) for holder in case.here.holders}
        seen = ", ".join(f"{one.port}: {known.get(one.port, 'nobody')}" for one in wanted(case))
        return skipped(f"what is whose is told over NATS, which is away; {seen}")
    if case.relays and "proxy" not in case.statuses:
        detail = "proxy does not report that it serves the printer, so nothing is relayed"
        return found(Fault.PORT_CLOSED, detail, service="proxy")
    for one in wanted(case):
        if (finding := await _port(case, one)) is not None:
            return finding
    return fine(", ".join(f"{one.port} {one.service}" for one in wanted(case)))


async def _port(case: Case, one: Wanted) -> Finding | None:
    listener = case.listener(one.service, one.listener)
    is_open = listener is not None and listener.state is ListenerState.OPEN
    if listener is not None and is_open and listener.port == one.port:
        return None
    values = {"port": one.port, "service": one.service, "setting": one.setting}
    # Where ftps listens at another port, whoever has this one is looked at by the step about redirects.
    if foreign := next(_foreign(case, one), None):
        detail = f"{one.service} needs port {one.port} on {case.told_address}, but {_who(foreign)} has it"
        return found(Fault.PORT_TAKEN, detail, **values)
    if listener is None:
        detail = f"nobody has port {one.port}: {one.service} does not report that it serves the printer"
        return found(Fault.PORT_CLOSED, detail, **values)
    if is_open:
        if one.service == "ftps" or await _connects(case.place(one.port)):
            return None
        detail = f"{one.service} listens at {listener.port}, and nothing leads there from {one.port}"
        return found(Fault.PORT_MOVED, detail, to_port=listener.port, **values)
    fault = Fault.PORT_RESERVED if listener.port < FIRST_UNRESERVED else Fault.PORT_CLOSED
    return found(fault, listener.error or f"{one.service} has not opened port {listener.port} yet", **values)


def _foreign(case: Case, one: Wanted) -> Iterator[PortHolder]:
    """Whoever has a port on the service's host without being the service; the one that can be named first."""
    answer = case.answers.get(one.service)
    node = answer.check if answer else case.here
    own = {other.check.pid for other in case.answers.values()} | {node.pid}
    holders = [
        holder
        for holder in node.holders
        if holder.port == one.port and holder.address in (EVERY, case.address) and holder.pid not in own
    ]
    yield from sorted(holders, key=lambda holder: holder.pid is None)


def _who(holder: PortHolder) -> str:
    if holder.pid is None:
        return f"a process that this user may not see (bound to {holder.address})"
    return f"{holder.process} (pid {holder.pid}, user {holder.user or 'unknown'}, bound to {holder.address})"


async def _connects(place: Place) -> bool:
    try:
        async with await dial(place):
            return True
    except Obstructed:
        return False


async def redirect(case: Case) -> tuple[Finding, Place]:
    """Whether the FTPS port leads to ftps, and where to go on playing the slicer from this very host."""
    port = case.ports.ftps_port
    place = case.place(port)
    listener = case.listener("ftps", "ftps")
    if listener is None:
        return skipped("ftps does not say where it listens"), place
    rules = [rule for rule in case.redirects() or () if rule.port == port and rule.address in (None, case.address)]
    if stale := next((rule for rule in rules if rule.to_port != listener.port), None):
        return _stale(case, stale, listener.port), place
    if listener.port == port:
        return fine(f"FTPS listens at {port} itself, no redirect is needed and none is in the way"), place
    if await _leads_to_printer(case, place):
        return fine(f"{port} leads to {listener.port}, where FTPS listens"), place
    return _invisible(case, rules, listener.port), case.place(listener.port)


def _invisible(case: Case, rules: Sequence[PortRedirect], listens: int) -> Finding:
    """What to make of a redirect that this host's own connections do not take: others may well take it."""
    port = case.ports.ftps_port
    if any(rule.remote for rule in rules):
        return fine(f"{port} is redirected to {listens} for other hosts (not for this one itself)")
    if case.redirects() is None:
        detail = (
            f"FTPS listens at {listens}; from this host {port} does not lead there, and whether it does for other "
            "hosts cannot be read without root"
        )
        return found(Fault.REDIRECT_UNKNOWN, detail, port=port, to_port=listens)
    return found(
        Fault.REDIRECT_MISSING, f"FTPS listens at {listens}, and {port} leads nowhere", port=port, to_port=listens
    )


def _stale(case: Case, rule: PortRedirect, listens: int) -> Finding:
    there = next((one for node in case.nodes() for one in node.holders if one.port == rule.to_port), None)
    who = f"where {_who(there)} listens" if there else "where nobody listens"
    detail = f"port {rule.port} is redirected to {rule.to_port}, {who}; FTPS listens at {listens}"
    return found(Fault.REDIRECT_STALE, detail, port=rule.port, to_port=rule.to_port, listens=listens)


async def _leads_to_printer(case: Case, place: Place) -> bool:
    """Whether the certificate shown there has the printer's name."""
    authority = case.trusted.authority
    try:
        async with await dial(place, looking(), case.serial) as line:
            leaf = line.handshake.leaf
    except Obstructed:
        return False
    if authority is None:
        return True
    flaws = objections(leaf, authority.certificate, serial=case.serial, address=case.told_address, now=case.now)
    return not any(each.flaw is Flaw.WRONG_NAME for each in flaws)
