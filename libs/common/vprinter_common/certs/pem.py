"""Certificates and private keys as PEM text."""

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


class CaError(Exception):
    """The certificate authority cannot be used; the message says why and what to do."""


def parse_certificate(pem: bytes, what: str) -> x509.Certificate:
    """A certificate; `what` names it in the error."""
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CaError(f"{what} is not a PEM certificate: copy it again from where this CA was made") from error


def parse_key(pem: bytes, what: str, passphrase: str | None = None) -> Key:
    """A private key; `what` names it in the error."""
    password = passphrase.encode() if passphrase else None
    try:
        key: PrivateKeyTypes = serialization.load_pem_private_key(pem, password=password)
    except TypeError as error:
        if password is not None:  # it is not protected at all
            return parse_key(pem, what)
        raise CaError(f"{what} is protected by a pass phrase: remove it with `openssl pkey`") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        if password is not None:
            raise CaError(f"{what} does not open with this pass phrase, or is no private key in PEM") from error
        raise CaError(f"{what} is not a private key in PEM (PKCS#1 or PKCS#8)") from error
    if not isinstance(key, Key):
        raise CaError(f"{what} is neither an RSA nor an EC key")
    return key


def certificate_pem(certificate: x509.Certificate) -> str:
    """PEM, ending in a newline."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def key_pem(key: Key, passphrase: str | None = None) -> str:
    """PKCS#8 PEM, protected by a pass phrase if one is given."""
    protection: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase is not None:
        protection = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection).decode("ascii")


def fingerprint(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    """As `openssl x509 -fingerprint` prints it."""
    return certificate.fingerprint(algorithm).hex(":").upper()
