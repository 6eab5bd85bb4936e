"""Whether slicers find the printer: asked at its address, and heard on the network."""

from ipaddress import IPv4Address

from vprinter_common import net
from vprinter_common.probe.dial import trusting
from vprinter_common.probe.finding import ask_who, hear, search
from vprinter_common.probe.obstacle import Obstructed
from vprinter_common.wire.detect import Identity
from vprinter_common.wire.ssdp import Announcement
from vprinter_control.doctor.case import Case, interfaces_of
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, Verdict, fine, skipped
from vprinter_control.doctor.stopping import stopped
from vprinter_control.doctor.tls import certificate

HEAR_WITHIN = 6.0
"""Seconds; printers are announced every five."""
ANSWER_WITHIN = 1.0
LIMITED_BROADCAST = "255.255.255.255"


async def detect(case: Case) -> Finding:
    """The question of the "add by IP" dialog, in the clear."""
    place = case.place(case.ports.detect_port)
    try:
        who, _ = await ask_who(place)
    except Obstructed as error:
        return stopped(error, "discovery", place.port)
    return _judge(case, who, place.port)


async def detect_tls(case: Case) -> Finding:
    """The same over TLS."""
    place = case.place(case.ports.detect_tls_port)
    finding = await certificate(case, place, "discovery")
    if finding.verdict is Verdict.FAILED or case.trusted.authority is None:
        return finding
    try:
        who, _ = await ask_who(place, trusting(case.trusted.authority.certificate_pem))
    except Obstructed as error:
        return stopped(error, "discovery", place.port)
    answer = _judge(case, who, place.port)
    return answer if answer.verdict is Verdict.FAILED else finding


def _judge(case: Case, who: Identity, port: int) -> Finding:
    if who.serial != case.serial:
        return found(Fault.OTHER_PRINTER, f"at {port} answers {who.name} ({who.serial}), not {case.serial}", port=port)
    if (who.bind, who.connect) != ("free", "lan"):
        detail = f"at {port} it says bind={who.bind}, connect={who.connect}: slicers want free and lan"
        return found(Fault.BOUND_ELSEWHERE, detail, port=port)
    return fine(f"{who.name}, {who.model}, {who.serial}, firmware {who.version}")


async def announced(case: Case) -> Finding:
    """Listen where slicers listen; if nothing comes, ask as older tools do."""
    port, address = case.ports.ssdp_port, IPv4Address(case.told_address)
    here = interfaces_of(case.here)
    near = any(address in own.network for one in here for own in one.addresses)
    if not near and not net.owns(str(address), here):
        return skipped(f"control's host is in no network of {address}, so it cannot hear what slicers hear")
    hosts = {net.directed_broadcast(str(address), here)} | (set() if address.is_loopback else {LIMITED_BROADCAST})
    try:
        said = await hear(case.serial, hosts, port, HEAR_WITHIN)
        if said is not None:
            return _judge_announcement(case, said)
        answer = await search(case.serial, case.place(port), ANSWER_WITHIN)
    except Obstructed as error:
        return found(Fault.SSDP_PORT, error.detail, port=port)
    silent = f"no announcement of {case.serial} in {HEAR_WITHIN:g} s on UDP {port}"
    if answer is not None:
        return found(Fault.SSDP_ANSWERS_ONLY, f"{silent}, though a search is answered", port=port)
    return found(Fault.SSDP_SILENT, f"{silent}, and no answer to a search", port=port)


def _judge_announcement(case: Case, said: Announcement) -> Finding:
    # Bound to every address, it is announced in each network with the address that it has there.
    right = said.location == case.address or (case.spec.bind.any and case.has(said.location))
    if not right:
        return found(Fault.SSDP_WRONG, f"announced at {said.location}, but it is at {case.address}")
    if (said.bind, said.connect) != ("free", "lan"):
        return found(Fault.SSDP_WRONG, f"announced with bind={said.bind}, connect={said.connect}")
    return fine(f"{said.name}, {said.model}, at {said.location}")
