"""What slicers would object to in a printer's certificate. No I/O."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


class Flaw(StrEnum):
    """An objection, the gravest first."""

    UNREADABLE = "unreadable"
    SELF_SIGNED = "self_signed"
    FOREIGN = "foreign"
    """Of another CA."""
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    WRONG_NAME = "wrong_name"
    """Its name is not the printer's serial number."""
    NOT_RSA = "not_rsa"
    LACKS_ADDRESS = "lacks_address"


@dataclass(frozen=True, slots=True)
class Objection:
    """A flaw, with the value that was seen."""

    flaw: Flaw
    detail: str


def objections(
    leaf: bytes, authority: x509.Certificate, *, serial: str, address: str, now: datetime
) -> list[Objection]:
    """What is wrong with a certificate (DER) for a printer, the gravest first; nothing if slicers are content."""
    try:
        certificate = x509.load_der_x509_certificate(leaf)
        return [
            *_trust(certificate, authority),
            *_time(certificate, now),
            *_name(certificate, serial),
            *_key(certificate),
            *_address(certificate, address),
        ]
    except ValueError as error:
        return [Objection(Flaw.UNREADABLE, f"the certificate cannot be read: {error}"[:200])]


def _trust(certificate: x509.Certificate, authority: x509.Certificate) -> list[Objection]:
    if _signed(certificate, authority):
        return []
    shown, issuer = _common_name(certificate.subject), _common_name(certificate.issuer)
    if certificate.issuer == certificate.subject and _signed(certificate, certificate):
        return [Objection(Flaw.SELF_SIGNED, f"the certificate of {shown} is signed by itself")]
    # All our CAs share one name: a foreign one may well be called the same.
    return [Objection(Flaw.FOREIGN, f"the certificate of {shown} is signed by another CA ({issuer})")]


def _signed(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _time(certificate: x509.Certificate, now: datetime) -> list[Objection]:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now >= ends:
        return [Objection(Flaw.EXPIRED, f"the certificate ended on {ends:%Y-%m-%d %H:%M} UTC")]
    if now < begins:
        return [Objection(Flaw.NOT_YET_VALID, f"the certificate begins on {begins:%Y-%m-%d %H:%M} UTC")]
    return []


def _name(certificate: x509.Certificate, serial: str) -> list[Objection]:
    name = _common_name(certificate.subject)
    if name == serial:
        return []
    return [Objection(Flaw.WRONG_NAME, f"the certificate is for {name}, the printer is {serial}")]


def _key(certificate: x509.Certificate) -> list[Objection]:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return []
    return [Objection(Flaw.NOT_RSA, f"the certificate's key is {type(key).__name__}, not RSA")]


def _address(certificate: x509.Certificate, address: str) -> list[Objection]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []  # as real printers have it: nothing is compared then
    addresses = names.get_values_for_type(x509.IPAddress)
    if IPv4Address(address) in addresses:
        return []
    named = ", ".join(map(str, addresses)) or "none"
    return [Objection(Flaw.LACKS_ADDRESS, f"the certificate does not name {address}; its addresses: {named}")]


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)[:64] if found else "nobody"
