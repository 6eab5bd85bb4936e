"""Whether slicers accept what one of the printer's TLS ports shows."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from cryptography import x509

from vprinter_common.certs import CertificateAuthority
from vprinter_common.probe.certificate import Flaw, objections
from vprinter_common.probe.dial import Handshake, Place, dial, looking, plain_rsa, trusting
from vprinter_common.probe.obstacle import Obstacle, Obstructed
from vprinter_control.doctor.case import Case
from vprinter_control.doctor.remedies import found
from vprinter_control.doctor.steps import Fault, Finding, fine
from vprinter_control.doctor.stopping import stopped

FLAWS: Mapping[Flaw, Fault] = MappingProxyType(
    {
        Flaw.UNREADABLE: Fault.TLS_BROKEN,
        Flaw.SELF_SIGNED: Fault.SELF_SIGNED,
        Flaw.FOREIGN: Fault.WRONG_CA,
        Flaw.EXPIRED: Fault.LEAF_EXPIRED,
        Flaw.NOT_YET_VALID: Fault.LEAF_NOT_YET,
        Flaw.WRONG_NAME: Fault.WRONG_NAME,
        Flaw.NOT_RSA: Fault.NOT_RSA,
        Flaw.LACKS_ADDRESS: Fault.SAN_LACKS_ADDRESS,
    }
)
FTPS_VERSION = "TLSv1.2"


async def certificate(case: Case, place: Place, service: str, *, version: str | None = None) -> Finding:
    """Look at the certificate, then let a slicer that trusts the CA connect, then one that knows plain RSA only."""
    authority = case.trusted.authority
    if authority is None:
        return found(Fault.CA_UNUSABLE, case.trusted.problem or "there is no CA to compare the certificate with")
    try:
        async with await dial(place, looking(), case.serial) as line:
            shown = line.handshake
        finding = _judge(case, authority, place, shown)
        if finding is not None:
            return replace(finding, values={**finding.values, "service": service})
        if version not in (None, shown.version):
            detail = f"port {place.port} speaks {shown.version}, slicers need {version} there"
            return found(Fault.TLS_TOO_NEW, detail, port=place.port)
        async with await dial(place, trusting(authority.certificate_pem), case.serial):
            pass
    except Obstructed as error:
        return stopped(error, service, place.port)
    return await _plain(case, place, service, shown)


def _judge(case: Case, authority: CertificateAuthority, place: Place, shown: Handshake) -> Finding | None:
    flaws = objections(shown.leaf, authority.certificate, serial=case.serial, address=case.told_address, now=case.now)
    return found(FLAWS[flaws[0].flaw], flaws[0].detail, port=place.port) if flaws else None


async def _plain(case: Case, place: Place, service: str, shown: Handshake) -> Finding:
    try:
        async with await dial(place, plain_rsa(), case.serial):
            pass
    except Obstructed as error:
        if error.obstacle in (Obstacle.SILENT, Obstacle.UNREACHABLE, Obstacle.REFUSED):
            return stopped(error, service, place.port)
        return found(Fault.NO_PLAIN_RSA, f"{place} refuses plain RSA key exchange: {error.detail}", port=place.port)
    ends = x509.load_der_x509_certificate(shown.leaf).not_valid_after_utc
    return fine(f"{shown.version}, {shown.cipher}, plain RSA too; certificate of {case.serial} until {ends:%Y-%m-%d}")
