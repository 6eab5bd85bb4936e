"""A CA that somebody brings along: opened, and refused with the reason if slicers would not accept it. Blocking."""

import re

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from vprinter_common.certs import CaError, CertificateAuthority, Clock
from vprinter_common.certs.pem import certificate_pem, key_pem, parse_key
from vprinter_control.domain.refusal import Invalid

MIN_KEY_BITS = 2048
CODES = (
    "authority_incomplete",
    "authority_unreadable",
    "authority_unusable",
    "authority_not_rsa",
    "authority_not_root",
    "authority_not_valid",
    "wrong_passphrase",
)
"""Of its refusals."""
_FIELD = "pem"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----"
_KEY = re.compile(r"-----BEGIN (ENCRYPTED |RSA |EC )?PRIVATE KEY-----")


def candidate(pem: str, passphrase: str | None, clock: Clock) -> CertificateAuthority:
    """The CA of a PEM text that holds one certificate and its key; Invalid if it cannot serve as ours."""
    if pem.count(_CERTIFICATE) != 1 or len(_KEY.findall(pem)) != 1:
        raise Invalid(
            "authority_incomplete",
            f"the PEM text holds {pem.count(_CERTIFICATE)} certificates and {len(_KEY.findall(pem))} private keys",
            field=_FIELD,
            hint="give exactly the CA's own certificate and its private key, one after the other",
        )
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError:
        raise Invalid(
            "authority_unreadable", "the certificate cannot be read", field=_FIELD, hint="copy it again, as PEM"
        ) from None
    try:
        key = parse_key(_part(pem, _KEY).encode(), "the private key", passphrase)
        authority = CertificateAuthority.of(
            certificate_pem(certificate).encode(),
            key_pem(key).encode(),
            clock,
            names=("the certificate", "the private key"),
        )
    except CaError as error:
        wrong_passphrase = "pass phrase" in str(error)
        raise Invalid(
            "wrong_passphrase" if wrong_passphrase else "authority_unusable",
            str(error),
            field="passphrase" if wrong_passphrase else _FIELD,
            hint="give the pass phrase of the export" if wrong_passphrase else None,
        ) from None
    _refuse_unfit(authority)
    return authority


def _refuse_unfit(authority: CertificateAuthority) -> None:
    certificate, now = authority.certificate, authority.clock()
    if not isinstance(authority.key, rsa.RSAPrivateKey) or authority.key.key_size < MIN_KEY_BITS:
        raise Invalid(
            "authority_not_rsa",
            f"the CA's key is not RSA with {MIN_KEY_BITS} bits or more",
            field=_FIELD,
            hint="slicers cannot be relied on to verify anything else: make an RSA key",
        )
    if not _self_signed(certificate):
        raise Invalid(
            "authority_not_root",
            "the certificate is not signed by itself",
            field=_FIELD,
            hint="slicers accept a root only: give the root CA, or make one for the printers alone",
        )
    if not _may_sign_certificates(certificate):
        raise Invalid(
            "authority_unusable",
            "its key usage does not allow to sign certificates",
            field=_FIELD,
            hint="make a CA certificate with keyCertSign",
        )
    if now < certificate.not_valid_before_utc or now >= authority.not_after:
        raise Invalid(
            "authority_not_valid",
            f"the certificate is valid from {certificate.not_valid_before_utc:%Y-%m-%d} to {authority.not_after:%Y-%m-%d}, "
            f"and today is {now:%Y-%m-%d}",
            field=_FIELD,
            hint="give a certificate that is valid today, or put this host's clock right",
        )


def _self_signed(certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _may_sign_certificates(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign
    except x509.ExtensionNotFound:
        return True


def _part(pem: str, begin: re.Pattern[str]) -> str:
    found = begin.search(pem)
    return pem[found.start() :] if found else ""
