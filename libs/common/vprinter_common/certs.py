"""The certificate authority and the printers' certificates. Everything here blocks: call it from a worker thread."""

import fcntl
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self
from uuid import uuid4

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CERTIFICATE_FILE = "bbl_ca.crt"
KEY_FILE = "bbl_ca.key"

# The name does not imitate the manufacturer's: a forged name is likelier to be refused than a foreign one.
CA_NAME = "Virtual Printer CA"
CA_LIFETIME = timedelta(days=7300)
LEAF_LIFETIME = timedelta(days=3650)
# A slicer's PC whose clock is slow would otherwise refuse a certificate made a minute ago.
BACKDATE = timedelta(days=1)
KEY_BITS = 2048

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The clock on the wall."""
    return datetime.now(UTC)


class CaError(Exception):
    """The certificate authority cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """A printer's certificate: leaf then CA as PEM, its private key (PKCS#8 PEM), its end, SHA-256 as colon hex."""

    chain_pem: str
    key_pem: str = field(repr=False)
    not_after: datetime
    fingerprint: str


@dataclass(frozen=True, slots=True)
class CertificateAuthority:
    """The CA that slicers are told to trust; made once, never renewed by itself."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)
    clock: Clock = field(default=utc_now, repr=False)

    @classmethod
    def load(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """The CA in a directory, used as it is found there, whoever made it; CaError if it is not whole."""
        certificate_file, key_file = directory / CERTIFICATE_FILE, directory / KEY_FILE
        for present, absent in ((certificate_file, key_file), (key_file, certificate_file)):
            if present.exists() and not absent.exists():
                raise CaError(
                    f"{present} is there without {absent.name}: copy the missing file from where this CA was made, "
                    f"or remove {present} to have a new CA made, which every slicer must then be told to trust"
                )
        certificate, key = _read_certificate(certificate_file), _read_key(key_file)
        if certificate.public_key() != key.public_key():
            raise CaError(
                f"{key_file} is not the key of {certificate_file}: copy both files from one host, "
                "or remove both to have a new CA made, which every slicer must then be told to trust"
            )
        if not _may_sign(certificate):
            raise CaError(f"{certificate_file} is not a CA certificate: put the CA's own certificate there")
        return cls(certificate, key, clock)

    @classmethod
    def create(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """Make a CA and its two files; CaError if either file is there already."""
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for name in (CERTIFICATE_FILE, KEY_FILE):
                if (directory / name).exists():
                    raise CaError(f"{directory / name} is there already: a CA is never overwritten; move it away first")
            made = cls._generate(clock)
            # The key goes first: a certificate that slicers may already trust never stands without its key.
            _write_new(directory / KEY_FILE, _key_pem(made.key), 0o600)
            _write_new(directory / CERTIFICATE_FILE, made.certificate_pem, 0o644)
            os.fsync(lock)
        finally:
            os.close(lock)
        return made

    @classmethod
    def load_or_create(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """The CA in a directory, made only if neither of its files is there."""
        if any((directory / name).exists() for name in (CERTIFICATE_FILE, KEY_FILE)):
            return cls.load(directory, clock)
        return cls.create(directory, clock)

    @classmethod
    def _generate(cls, clock: Clock) -> Self:
        now = clock()
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - BACKDATE)
            .not_valid_after(now + CA_LIFETIME)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(digital_signature=True, key_cert_sign=True, crl_sign=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key, clock)

    def issue(self, serial: str, addresses: Iterable[IPv4Address] = (), *, key_pem: str | None = None) -> Leaf:
        """A certificate for a printer; an existing key is kept, so that a client that pinned it stays content."""
        now = self.clock()
        if now >= self.not_after:
            raise CaError(
                f"the CA ended on {self.not_after:%Y-%m-%d}: renew it and tell every slicer to trust the new one"
            )
        key = _parse_key(key_pem, f"the key given for {serial}") if key_pem is not None else None
        key = key or rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, serial)]))
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(max(now - BACKDATE, self.certificate.not_valid_before_utc))
            .not_valid_after(min(now + LEAF_LIFETIME, self.not_after))
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            # Some slicers offer nothing but plain RSA key exchange, which needs keyEncipherment.
            .add_extension(_key_usage(digital_signature=True, key_encipherment=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]),
                critical=False,
            )
            .add_extension(_alternative_names(serial, addresses), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(self._authority_key_identifier(), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Leaf(
            chain_pem=_pem(certificate) + self.certificate_pem,
            key_pem=_key_pem(key),
            not_after=certificate.not_valid_after_utc,
            fingerprint=_fingerprint(certificate, hashes.SHA256()),
        )

    def signed(self, leaf_pem: str) -> bool:
        """Whether this CA's key signed the first certificate; names prove nothing, all these CAs share one."""
        try:
            x509.load_pem_x509_certificate(leaf_pem.encode()).verify_directly_issued_by(self.certificate)
        except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
            return False
        return True

    @property
    def certificate_pem(self) -> str:
        """The CA's certificate, ending in a newline: it gets appended to the slicer's bundle."""
        return _pem(self.certificate)

    @property
    def not_after(self) -> datetime:
        """When the CA, and with it every printer certificate, ends."""
        return self.certificate.not_valid_after_utc

    @property
    def fingerprint_sha256(self) -> str:
        """As `openssl x509 -fingerprint -sha256` prints it."""
        return _fingerprint(self.certificate, hashes.SHA256())

    @property
    def fingerprint_sha1(self) -> str:
        """As `openssl x509 -fingerprint -sha1` prints it: what guides for slicers compare."""
        return _fingerprint(self.certificate, hashes.SHA1())  # noqa: S303 - shown for comparison, nothing relies on it

    def _authority_key_identifier(self) -> x509.AuthorityKeyIdentifier:
        try:
            own = self.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
        except x509.ExtensionNotFound:
            return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own.value)


def _alternative_names(serial: str, addresses: Iterable[IPv4Address]) -> x509.SubjectAlternativeName:
    hosts = sorted({IPv4Address("127.0.0.1"), *addresses})
    names = [x509.DNSName(serial), x509.DNSName("localhost"), *map(x509.IPAddress, hosts)]
    return x509.SubjectAlternativeName(names)


def _key_usage(
    *,
    digital_signature: bool = False,
    key_encipherment: bool = False,
    key_cert_sign: bool = False,
    crl_sign: bool = False,
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_encipherment=key_encipherment,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.subject == certificate.issuer


def _read_certificate(file: Path) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except OSError as error:
        raise CaError(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise CaError(f"{file} is not a PEM certificate: copy it again from where this CA was made") from error


def _read_key(file: Path) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        return _parse_key(file.read_text(encoding="ascii", errors="replace"), str(file))
    except OSError as error:
        raise CaError(f"{file} cannot be read: {error.strerror}") from error


def _parse_key(pem: str, what: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    try:
        key: PrivateKeyTypes = serialization.load_pem_private_key(pem.encode(), password=None)
    except TypeError as error:
        raise CaError(f"{what} is protected by a pass phrase: remove it with `openssl pkey`") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CaError(f"{what} is not a private key in PEM (PKCS#1 or PKCS#8)") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise CaError(f"{what} is neither an RSA nor an EC key")
    return key


def _write_new(file: Path, text: str, mode: int) -> None:
    part = file.with_name(f".{file.name}.{uuid4().hex}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(file)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _key_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode("ascii")


def _fingerprint(certificate: x509.Certificate, algorithm: hashes.HashAlgorithm) -> str:
    return certificate.fingerprint(algorithm).hex(":").upper()
