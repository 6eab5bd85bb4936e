import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vprinter_common import certs
from vprinter_common.certs import CaError, CertificateAuthority, pem

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SERIAL = "00M00A123456789"


def at(moment: datetime) -> certs.Clock:
    return lambda: moment


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("ca") / "virtual_printer" / "certs"
    CertificateAuthority.create(directory, at(NOW))
    return directory


@pytest.fixture
def directory(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "certs"))


@pytest.fixture
def ca(made: Path) -> CertificateAuthority:
    return CertificateAuthority.load(made, at(NOW))


def leaf_of(chain_pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(chain_pem.encode())


def write_ca(
    directory: Path, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, *, is_ca: bool | None = True
) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Workshop CA")])
    builder = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key(), serial_number=7)
        .not_valid_before(NOW - timedelta(days=5))
        .not_valid_after(NOW + timedelta(days=100))
    )
    if is_ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(is_ca, None), critical=True)
    directory.mkdir(exist_ok=True)
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (directory / certs.CERTIFICATE_FILE).write_bytes(pem)
    traditional = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    (directory / certs.KEY_FILE).write_bytes(traditional)


def test_a_new_ca_may_sign_printers_and_nothing_below_them(ca: CertificateAuthority) -> None:
    extensions = ca.certificate.extensions
    constraints = extensions.get_extension_for_class(x509.BasicConstraints)
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert (constraints.critical, constraints.value) == (True, x509.BasicConstraints(True, 0))
    assert usage.value.key_cert_sign
    assert usage.value.crl_sign
    assert extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    assert ca.certificate.subject.rfc4514_string() == "CN=Virtual Printer CA"


def test_a_new_ca_lasts_twenty_years_and_is_valid_for_a_slow_clock(ca: CertificateAuthority) -> None:
    assert ca.certificate.not_valid_before_utc == NOW - timedelta(days=1)
    assert ca.not_after == NOW + timedelta(days=7300)


def test_the_key_file_is_private_and_no_other_file_is_left(made: Path) -> None:
    assert sorted(file.name for file in made.iterdir()) == ["bbl_ca.crt", "bbl_ca.key"]
    assert stat.S_IMODE((made / "bbl_ca.key").stat().st_mode) == 0o600


def test_the_ca_stays_the_same_once_made(tmp_path: Path) -> None:
    first = CertificateAuthority.load_or_create(tmp_path / "certs")
    assert CertificateAuthority.load_or_create(tmp_path / "certs").fingerprint_sha256 == first.fingerprint_sha256


def test_an_existing_ca_is_never_overwritten(directory: Path) -> None:
    before = (directory / "bbl_ca.crt").read_bytes()
    with pytest.raises(CaError, match="never overwritten"):
        CertificateAuthority.create(directory)
    assert (directory / "bbl_ca.crt").read_bytes() == before


@pytest.mark.parametrize("missing", ["bbl_ca.crt", "bbl_ca.key"])
def test_half_a_ca_is_refused_and_left_as_it_is(directory: Path, missing: str) -> None:
    (directory / missing).unlink()
    with pytest.raises(CaError, match=f"without {missing}: copy the missing file"):
        CertificateAuthority.load_or_create(directory)
    assert len(list(directory.iterdir())) == 1


def test_no_ca_at_all_is_an_error_only_for_load(tmp_path: Path) -> None:
    with pytest.raises(CaError, match="cannot be read"):
        CertificateAuthority.load(tmp_path)


def test_a_key_of_another_ca_is_refused(directory: Path, tmp_path: Path) -> None:
    CertificateAuthority.create(tmp_path / "other")
    shutil.copy(tmp_path / "other" / "bbl_ca.key", directory)
    with pytest.raises(CaError, match="is not the key of"):
        CertificateAuthority.load(directory)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("bbl_ca.crt", b"", "not a PEM certificate"),
        ("bbl_ca.crt", b"\xff\x00garbage", "not a PEM certificate"),
        ("bbl_ca.key", b"\xff\x00garbage", "not a private key"),
    ],
)
def test_damaged_files_are_named(directory: Path, file: str, content: bytes, message: str) -> None:
    (directory / file).write_bytes(content)
    with pytest.raises(CaError, match=f"{file} is {message}"):
        CertificateAuthority.load(directory)


def test_a_key_that_is_a_directory_is_an_error_with_its_cause(directory: Path) -> None:
    (directory / "bbl_ca.key").unlink()
    (directory / "bbl_ca.key").mkdir()
    with pytest.raises(CaError, match="cannot be read: Is a directory"):
        CertificateAuthority.load(directory)


def test_a_key_with_a_pass_phrase_is_refused(directory: Path) -> None:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"x")
    )
    (directory / "bbl_ca.key").write_bytes(pem)
    with pytest.raises(CaError, match="pass phrase"):
        CertificateAuthority.load(directory)


def test_a_key_of_a_kind_that_slicers_cannot_use_is_refused(directory: Path) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "bbl_ca.key").write_bytes(pem)
    with pytest.raises(CaError, match="neither an RSA nor an EC key"):
        CertificateAuthority.load(directory)


@pytest.mark.parametrize("is_ca", [True, None])
@pytest.mark.parametrize("curve", [False, True])
def test_a_ca_from_elsewhere_is_used_as_it_is(tmp_path: Path, *, is_ca: bool | None, curve: bool) -> None:
    key = ec.generate_private_key(ec.SECP256R1()) if curve else rsa.generate_private_key(65537, 2048)
    write_ca(tmp_path / "certs", key, is_ca=is_ca)
    ca = CertificateAuthority.load_or_create(tmp_path / "certs", at(NOW))
    leaf = ca.issue(SERIAL)
    assert leaf_of(leaf.chain_pem).issuer.rfc4514_string() == "CN=Workshop CA"
    assert leaf.not_after == NOW + timedelta(days=100)
    assert ca.signed(leaf.chain_pem)


def test_a_certificate_that_may_not_sign_is_refused(tmp_path: Path) -> None:
    write_ca(tmp_path / "certs", rsa.generate_private_key(65537, 2048), is_ca=False)
    with pytest.raises(CaError, match="not a CA certificate"):
        CertificateAuthority.load(tmp_path / "certs")


def test_a_printer_certificate_carries_the_serial_and_every_address(ca: CertificateAuthority) -> None:
    leaf = leaf_of(ca.issue(SERIAL, [IPv4Address("192.168.7.9"), IPv4Address("192.168.7.9")]).chain_pem)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert leaf.subject.rfc4514_string() == f"CN={SERIAL}"
    assert names.get_values_for_type(x509.DNSName) == [SERIAL, "localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("127.0.0.1"), IPv4Address("192.168.7.9")]


def test_a_printer_certificate_serves_plain_rsa_and_is_no_ca(ca: CertificateAuthority) -> None:
    leaf = leaf_of(ca.issue(SERIAL).chain_pem)
    usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
    purposes = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    authority = leaf.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    own = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    assert usage.key_encipherment
    assert usage.digital_signature
    assert ExtendedKeyUsageOID.SERVER_AUTH in purposes
    assert not leaf.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert authority.key_identifier == own.digest


def test_a_printer_certificate_never_outlives_its_ca(made: Path) -> None:
    fresh = CertificateAuthority.load(made, at(NOW))
    old = CertificateAuthority.load(made, at(NOW + timedelta(days=7000)))
    assert fresh.issue(SERIAL).not_after == NOW + timedelta(days=3650)
    assert old.issue(SERIAL).not_after == old.not_after
    assert leaf_of(fresh.issue(SERIAL).chain_pem).not_valid_before_utc == fresh.certificate.not_valid_before_utc


def test_a_ca_that_has_ended_issues_nothing(made: Path) -> None:
    ended = CertificateAuthority.load(made, at(NOW + timedelta(days=7300)))
    with pytest.raises(CaError, match=r"the CA ended on 2046-\d\d-\d\d: renew it"):
        ended.issue(SERIAL)


def test_issuing_again_keeps_the_key_that_is_given(ca: CertificateAuthority) -> None:
    first = ca.issue(SERIAL)
    again = ca.issue(SERIAL, [IPv4Address("10.0.0.8")], key_pem=first.key_pem)
    assert again.key_pem == first.key_pem
    assert again.fingerprint != first.fingerprint
    assert leaf_of(again.chain_pem).public_key() == leaf_of(first.chain_pem).public_key()


def test_a_given_key_that_is_none_is_named(ca: CertificateAuthority) -> None:
    with pytest.raises(CaError, match=f"the key given for {SERIAL} is not a private key"):
        ca.issue(SERIAL, key_pem="nonsense")


def test_only_the_signature_tells_whose_a_certificate_is(ca: CertificateAuthority, tmp_path: Path) -> None:
    namesake = CertificateAuthority.create(tmp_path / "other", at(NOW))
    assert ca.signed(ca.issue(SERIAL).chain_pem)
    assert not ca.signed(namesake.issue(SERIAL).chain_pem)
    assert not ca.signed("no certificate")


def test_openssl_agrees_with_chain_and_fingerprints(ca: CertificateAuthority, made: Path, tmp_path: Path) -> None:
    leaf = ca.issue(SERIAL, [IPv4Address("10.9.8.7")])
    (tmp_path / "leaf.pem").write_text(leaf.chain_pem)

    def openssl(*arguments: str | Path) -> str:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout

    when = str(int((NOW + timedelta(days=1)).timestamp()))
    verified = openssl(
        "verify",
        "-x509_strict",
        "-attime",
        when,
        "-verify_ip",
        "10.9.8.7",
        "-CAfile",
        made / "bbl_ca.crt",
        tmp_path / "leaf.pem",
    )
    assert verified.endswith("OK\n")
    assert f"={leaf.fingerprint}\n" in openssl(
        "x509", "-in", tmp_path / "leaf.pem", "-noout", "-fingerprint", "-sha256"
    )
    for algorithm, ours in (("-sha256", ca.fingerprint_sha256), ("-sha1", ca.fingerprint_sha1)):
        assert f"={ours}\n" in openssl("x509", "-in", made / "bbl_ca.crt", "-noout", "-fingerprint", algorithm)


def test_keys_do_not_show_in_representations(ca: CertificateAuthority) -> None:
    leaf = ca.issue(SERIAL)
    assert "PRIVATE" not in repr(leaf)
    assert "key" not in repr(ca).lower().replace("key_pem", "")


def test_a_failed_write_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        CertificateAuthority.create(tmp_path / "certs")
    assert list((tmp_path / "certs").iterdir()) == []


def test_a_reissued_ca_keeps_name_and_key(ca: CertificateAuthority) -> None:
    again = ca.reissued()
    assert again.certificate.subject == ca.certificate.subject
    assert again.certificate.public_key() == ca.certificate.public_key()
    assert again.fingerprint_sha256 != ca.fingerprint_sha256
    assert again.signed(ca.issue(SERIAL).chain_pem)
    assert ca.signed(again.issue(SERIAL).chain_pem)


def test_a_successor_takes_the_place_and_the_predecessor_is_kept(directory: Path, ca: CertificateAuthority) -> None:
    successor = CertificateAuthority.generate(at(NOW))
    successor.succeed(ca, directory)
    assert CertificateAuthority.load(directory, at(NOW)).fingerprint_sha256 == successor.fingerprint_sha256
    assert [pem.decode() for pem in certs.earlier(directory)] == [ca.certificate_pem]
    kept = directory / "earlier" / ca.fingerprint_sha256.replace(":", "").lower()
    assert CertificateAuthority.load(kept, at(NOW)).fingerprint_sha256 == ca.fingerprint_sha256
    assert stat.S_IMODE((kept / "bbl_ca.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((directory / "bbl_ca.key").stat().st_mode) == 0o600
    assert sorted(path.name for path in directory.iterdir()) == ["bbl_ca.crt", "bbl_ca.key", "earlier"]


class PowerCut(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("step", range(1, 8))
def test_a_crash_while_replacing_leaves_the_one_or_the_other_whole(
    directory: Path, ca: CertificateAuthority, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    successor = CertificateAuthority.generate(at(NOW))
    renames = 0
    rename = Path.rename

    def cut(path: Path, target: Path) -> Path:
        nonlocal renames
        renames += 1
        if renames == step:
            raise PowerCut
        return rename(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", cut)
        with pytest.raises(PowerCut):
            successor.succeed(ca, directory)
    found = CertificateAuthority.load_or_create(directory, at(NOW))
    assert found.fingerprint_sha256 == (successor if step > 5 else ca).fingerprint_sha256
    assert not (directory / ".incoming").exists()


def test_a_sealed_ca_opens_with_its_pass_phrase(ca: CertificateAuthority) -> None:
    sealed = ca.sealed("correct horse battery").encode()
    key = pem.parse_key(sealed[sealed.index(b"-----BEGIN ENCRYPTED") :], "the key", "correct horse battery")
    assert key.public_key() == ca.certificate.public_key()
    with pytest.raises(CaError, match="does not open with this pass phrase"):
        pem.parse_key(sealed[sealed.index(b"-----BEGIN ENCRYPTED") :], "the key", "wrong horse battery")


def test_a_pass_phrase_for_a_key_without_one_is_no_matter(directory: Path, ca: CertificateAuthority) -> None:
    key = pem.parse_key((directory / "bbl_ca.key").read_bytes(), "the key", "needless")
    assert key.public_key() == ca.certificate.public_key()
