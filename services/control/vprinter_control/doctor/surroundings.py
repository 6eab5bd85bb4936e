"""What must be right before a slicer comes: the printer itself, its address, the services, the CA, disk, clock, NATS."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from vprinter_common.certs import CertificateAuthority
from vprinter_common.probe.finding import ask_who
from vprinter_common.probe.obstacle import Obstructed
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, Verdict, fine, skipped
from vprinter_control.trust import RENEW_BEFORE

CLOCK_TOLERANCE = 15.0
"""Seconds by which clocks may differ: what a service says of itself counts as stale after 30."""


async def enabled(case: Case) -> Finding:
    """Whether anything is to be served at all."""
    if case.spec.enabled:
        return fine(f"{case.spec.name} is enabled, in {case.spec.mode.value} mode")
    return found(Fault.DISABLED, f"{case.spec.name} is disabled, so nothing answers for it")


async def address(case: Case) -> Finding:
    """Whether the address that slicers are told leads to this system."""
    bind, known = case.spec.bind, ", ".join(case.addresses())
    if bind.address is not None and not case.has(str(bind.address)):
        return found(Fault.ADDRESS_GONE, f"{bind.address} is an address of no host of this system", addresses=known)
    if case.address is None:
        return found(
            Fault.ADDRESS_UNKNOWN,
            f"interface {bind.interface} is on no host of this system, or has no IPv4 address",
            addresses=known,
        )
    if case.has(case.address):
        return fine(f"slicers are told {case.address}, which this system has")
    try:
        who, _ = await ask_who(case.place(case.ports.detect_port))
    except Obstructed as error:
        detail = (
            f"slicers are told {case.address}, which this system does not have, and there is no way: {error.detail}"
        )
        return found(Fault.ADDRESS_ELSEWHERE, detail, addresses=known)
    if who.serial != case.serial:
        detail = f"slicers are told {case.address}, where another printer answers ({who.serial})"
        return found(Fault.ADDRESS_ELSEWHERE, detail, addresses=known)
    return fine(f"slicers are told {case.address}, which is not this system's, but leads to it")


async def services(case: Case) -> Finding:
    """Whether every service runs, in the same version, and is content."""
    missing = [] if case.control_runs else ["control"]
    if case.nats.problem is None:
        missing += [service for service in case.needed if service not in case.answers]
    elif not missing:
        return skipped("the services are asked over NATS, which is away")
    if missing:
        verb = "does" if len(missing) == 1 else "do"
        return found(Fault.SERVICE_DOWN, f"{' and '.join(missing)} {verb} not answer", service=" ".join(missing))
    checks = [case.answers[service].check for service in case.needed]
    said = ", ".join(f"{check.service} {check.version} on {check.node}" for check in checks)
    unwell = {check.service: "; ".join(check.problems) for check in (*checks, case.here) if check.problems}
    if unwell:
        detail = "; ".join(f"{service}: {text}" for service, text in unwell.items())[:600]
        return found(Fault.SERVICE_UNWELL, detail, service=" ".join(unwell))
    if len({case.here.version, *(check.version for check in checks)}) > 1:
        return found(Fault.VERSIONS_DIFFER, f"control {case.here.version}, {said}")
    return fine(said)


async def authority(case: Case) -> Finding:
    """Whether the CA is there, lasts, and is the one of the printer's certificate."""
    ca = case.trusted.authority
    if case.trusted.problem is not None:
        return found(Fault.CA_UNUSABLE, case.trusted.problem)
    if ca is None:
        return found(Fault.CA_MISSING, f"there is no CA in {case.trusted.directory}")
    if (outside := _outside_its_time(ca, case.now)) is not None:
        return outside
    if not ca.signed(case.spec.certificate.chain_pem):
        return found(Fault.LEAF_OF_OTHER_CA, f"the printer's certificate is not of the CA in {case.trusted.directory}")
    if ca.not_after - case.now < RENEW_BEFORE:
        return found(Fault.CA_ENDS_SOON, f"the CA ends on {ca.not_after:%Y-%m-%d}")
    return fine(f"the CA lasts until {ca.not_after:%Y-%m-%d}; SHA-256 {ca.fingerprint_sha256}")


def _outside_its_time(ca: CertificateAuthority, now: datetime) -> Finding | None:
    begins = ca.certificate.not_valid_before_utc
    if now >= ca.not_after:
        return found(Fault.CA_ENDED, f"the CA ended on {ca.not_after:%Y-%m-%d}")
    if now < begins:
        detail = f"the CA begins on {begins:%Y-%m-%d %H:%M} UTC, which by this host's clock is still to come"
        return found(Fault.CLOCK_OFF, detail, where="control")
    return None


async def disk(case: Case) -> Finding:
    """Whether uploads, receipts and the database have room."""
    found_ = list(_rooms(case))
    if not found_:
        return skipped("nobody says how much room there is")
    worst = [one for one in found_ if one.verdict is not Verdict.OK]
    if not worst:
        return fine("; ".join(one.detail for one in found_))
    return min(worst, key=lambda one: one.verdict is Verdict.WARNING)


def _rooms(case: Case) -> Iterator[Finding]:
    for node in case.nodes():
        for room in node.storage:
            where = f"{room.what} in {room.path}"
            if room.free is None or room.error is not None:
                yield found(Fault.DISK_UNUSABLE, f"{where}: {room.error}", path=room.path)
            elif room.free < room.needed:
                detail = f"{where}: {_size(room.free)} free, at least {_size(room.needed)} must stay free"
                yield found(Fault.DISK_FULL, detail, path=room.path)
            elif room.free < 2 * room.needed:
                detail = f"{where}: {_size(room.free)} free, uploads are refused below {_size(room.needed)}"
                yield found(Fault.DISK_LOW, detail, path=room.path)
            else:
                yield fine(f"{where}: {_size(room.free)} free")


def _size(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.1f} MiB"


async def clock(case: Case) -> Finding:
    """Whether the clocks of services and NATS agree with ours."""
    ahead = {f"{answer.check.service} on {answer.check.node}": answer.ahead for answer in case.answers.values()}
    if case.nats.ahead is not None:
        ahead["NATS"] = case.nats.ahead
    if not ahead:
        return skipped("there is no other clock to compare with")
    where, most = max(ahead.items(), key=lambda item: abs(item[1]))
    if abs(most) > CLOCK_TOLERANCE:
        way = "ahead of" if most > 0 else "behind"
        detail = f"the clock of {where} is {timedelta(seconds=round(abs(most)))} {way} control's"
        return found(Fault.CLOCK_OFF, detail, where=f"{where} or of control")
    return fine(
        f"{case.now:%Y-%m-%d %H:%M:%S} UTC; the clocks of {len(ahead)} others differ by {abs(most):.1f} s at most"
    )


async def nats(case: Case) -> Finding:
    """Whether messages get through and are kept."""
    if case.nats.problem is not None:
        return found(Fault.NATS_DOWN, case.nats.problem)
    if case.nats.write_problem is not None:
        return found(Fault.NATS_READ_ONLY, case.nats.write_problem, data=case.data_dir)
    return fine("connected, and JetStream took a message")
