"""The CA itself, and what it issues."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vprinter_common.certs import directory as files
from vprinter_common.certs import pem
from vprinter_common.certs.pem import CaError, Key

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
    key: Key = field(repr=False)
    clock: Clock = field(default=utc_now, repr=False)

    @classmethod
    def of(cls, certificate_pem: bytes, key_pem: bytes, clock: Clock = utc_now, *, names: tuple[str, str]) -> Self:
        """The CA of a certificate and its key, whoever made it; `names` of the two are for the CaError."""
        certificate_name, key_name = names
        certificate, key = pem.parse_certificate(certificate_pem, certificate_name), pem.parse_key(key_pem, key_name)
        if certificate.public_key() != key.public_key():
            raise CaError(
                f"{key_name} is not the key of {certificate_name}: copy both files from one host, "
                "or remove both to have a new CA made, which every slicer must then be told to trust"
            )
        if not _may_sign(certificate):
            raise CaError(f"{certificate_name} is not a CA certificate: put the CA's own certificate there")
        return cls(certificate, key, clock)

    @classmethod
    def load(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """The CA in a directory, used as it is found there; CaError if it is not whole."""
        certificate, key = files.read(directory)
        names = (str(directory / files.CERTIFICATE_FILE), str(directory / files.KEY_FILE))
        return cls.of(certificate, key, clock, names=names)

    @classmethod
    def create(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """Make a CA and its two files; CaError if either file is there already."""
        made = cls.generate(clock)
        made.save(directory)
        return made

    @classmethod
    def load_or_create(cls, directory: Path, clock: Clock = utc_now) -> Self:
        """The CA in a directory, made only if neither of its files is there."""
        if files.has_any(directory):
            return cls.load(directory, clock)
        return cls.create(directory, clock)

    @classmethod
    def generate(cls, clock: Clock = utc_now) -> Self:
        """A new CA that is nowhere yet."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, CA_NAME)])
        return cls(_self_signed(name, key, clock()), key, clock)

    def reissued(self) -> Self:
        """The same name and key with a new term.

        Whoever trusts the old certificate accepts what this one issues, until the old certificate itself has ended.
        """
        return type(self)(_self_signed(self.certificate.subject, self.key, self.clock()), self.key, self.clock)

    def save(self, directory: Path) -> None:
        """Write the two files; CaError if either is there already."""
        files.create(directory, self.certificate_pem, pem.key_pem(self.key))

    def succeed(self, predecessor: Self, directory: Path) -> None:
        """Take a predecessor's place in its directory, where its files are kept under `earlier/`."""
        name = predecessor.fingerprint_sha256.replace(":", "").lower()
        files.replace(directory, self.certificate_pem, pem.key_pem(self.key), name)

    def sealed(self, passphrase: str) -> str:
        """Certificate and key as one PEM text, the key protected by a pass phrase."""
        return self.certificate_pem + pem.key_pem(self.key, passphrase)

    def issue(self, serial: str, addresses: Iterable[IPv4Address] = (), *, key_pem: str | None = None) -> Leaf:
        """A certificate for a printer; an existing key is kept, so that a client that pinned it stays content."""
        now = self.clock()
        if now >= self.not_after:
            raise CaError(
                f"the CA ended on {self.not_after:%Y-%m-%d}: renew it and tell every slicer to trust the new one"
            )
        key = pem.parse_key(key_pem.encode(), f"the key given for {serial}") if key_pem is not None else None
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
            chain_pem=pem.certificate_pem(certificate) + self.certificate_pem,
            key_pem=pem.key_pem(key),
            not_after=certificate.not_valid_after_utc,
            fingerprint=pem.fingerprint(certificate, hashes.SHA256()),
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
        return pem.certificate_pem(self.certificate)

    @property
    def not_after(self) -> datetime:
        """When the CA, and with it every printer certificate, ends."""
        return self.certificate.not_valid_after_utc

    @property
    def fingerprint_sha256(self) -> str:
        """As `openssl x509 -fingerprint -sha256` prints it."""
        return pem.fingerprint(self.certificate, hashes.SHA256())

    @property
    def fingerprint_sha1(self) -> str:
        """As `openssl x509 -fingerprint -sha1` prints it: what guides for slicers compare."""
        return pem.fingerprint(self.certificate, hashes.SHA1())  # noqa: S303 - shown for comparison, nothing relies on it

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


def _self_signed(name: x509.Name, key: Key, now: datetime) -> x509.Certificate:
    return (
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


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return certificate.subject == certificate.issuer
