"""The manufacturer's CA and the certificates that it put into its printers."""

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

TEN_YEARS = timedelta(days=3650)


class Identity(NamedTuple):
    """A printer's certificate with its CA's, and the key."""

    chain_pem: str
    key_pem: str
    fingerprint: str
    """SHA-256 of the certificate's DER form, lower-case hexadecimal."""


@cache
def _device_ca() -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """One for all simulated printers of this process, as there is one for all real ones."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Simulated Device CA")])
    builder = _certificate(name, name, key.public_key())
    return builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    ), key


def device_ca_pem() -> str:
    """What a slicer's `printer.cer` holds."""
    return _device_ca()[0].public_bytes(serialization.Encoding.PEM).decode()


def identity(serial: str) -> Identity:
    """A fresh certificate: CN is the serial number, and no alternative name is in it."""
    ca, ca_key = _device_ca()
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, serial)])
    leaf = _certificate(subject, ca.subject, key.public_key()).sign(ca_key, hashes.SHA256())
    return Identity(
        leaf.public_bytes(serialization.Encoding.PEM).decode() + device_ca_pem(),
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode(),
        leaf.fingerprint(hashes.SHA256()).hex(),
    )


def _certificate(subject: x509.Name, issuer: x509.Name, key: rsa.RSAPublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + TEN_YEARS)
    )
