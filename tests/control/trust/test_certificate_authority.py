"""The CA over the API: shown, handed out, exported, brought along, renewed."""

import ssl
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.control.harness import READ_TOKEN, Api, Parts
from vprinter_common.certs import CertificateAuthority
from vprinter_common.tls import printer_server_context
from vprinter_control.store import printers

PASSPHRASE = "correct horse battery"
PATH = "certificate-authority"


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    """Another host's CA."""
    return CertificateAuthority.create(tmp_path_factory.mktemp("other"))


@pytest.fixture
async def printer(api: Api) -> str:
    """An enabled printer, which has a certificate."""
    made = await api.post("virtual-printers", {"name": "Desk", "model": "X1C"})
    return str(made["id"])


def plain(authority: CertificateAuthority) -> str:
    """Certificate and key, not protected."""
    key = authority.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return authority.certificate_pem + key.decode()


def made(*, key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **more: Any) -> CertificateAuthority:
    """A CA with a fault."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Workshop CA")])
    now = datetime.now(UTC)
    signer = more.get("signer", key)
    builder = (
        x509.CertificateBuilder(more.get("issuer", name), name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + more.get("begins", timedelta(days=-3)))
        .not_valid_after(now + more.get("ends", timedelta(days=900)))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    )
    if "usage" in more:
        builder = builder.add_extension(more["usage"], critical=True)
    return CertificateAuthority(builder.sign(signer, hashes.SHA256()), key)


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["openssl", *arguments], check=False, capture_output=True)


async def chain(parts: Parts, printer: str) -> str:
    """The certificate that edges are told to show."""
    async with parts.database.read() as session:
        return (await printers.specifications(session))[printer].certificate.chain_pem


def trusts(ca_pem: str, chain_pem: str, key_pem: str) -> bool:
    """Whether a client that knows this CA accepts a server with this certificate, as OpenSSL decides."""
    client_in, client_out, server_in, server_out = (ssl.MemoryBIO() for _ in range(4))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=ca_pem)
    client = context.wrap_bio(client_in, client_out)
    server = printer_server_context(chain_pem, key_pem).wrap_bio(server_in, server_out, server_side=True)
    for _ in range(6):
        for end in (client, server):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                return False
            server_in.write(client_out.read())
            client_in.write(server_out.read())
    return client.version() is not None


async def test_the_ca_is_described_with_what_people_compare(api: Api, parts: Parts) -> None:
    shown = await api.get(PATH)
    file = parts.control.trust.certificate_file
    for algorithm in ("sha256", "sha1"):
        printed = openssl("x509", "-in", file, "-noout", "-fingerprint", f"-{algorithm}").stdout.decode()
        assert printed.strip().endswith(f"={shown[algorithm]}")
    assert (shown["subject"], shown["key"], shown["warnings"]) == ("CN=Virtual Printer CA", "RSA 2048", [])
    assert shown["not_before"] < shown["not_after"]
    assert shown["path"] == str(file)


@pytest.mark.parametrize("system", ["linux", "macos", "windows"])
async def test_installers_are_for_anyone_and_carry_the_ca(api: Api, parts: Parts, system: str) -> None:
    answer = await Api(api.client, None)("GET", (await api.get(PATH))["installers"][system].removeprefix("/api/v1/"))
    assert answer.status == 200
    assert parts.control.trust.certificate_file.read_bytes().strip() in answer.body
    assert (
        f'filename="trust-virtual-printer.{"ps1" if system == "windows" else "sh"}"'
        in answer.headers["Content-Disposition"]
    )


async def test_nothing_is_served_before_there_is_a_ca(api: Api, parts: Parts) -> None:
    for file in parts.control.trust.certificate_file.parent.iterdir():
        file.unlink()
    for path in (PATH, f"{PATH}.pem", f"{PATH}/installers/linux"):
        assert (await api("GET", path)).code == "not_found"
    for verb, body in (("export", {"passphrase": PASSPHRASE}), ("renew", {})):
        assert (await api("POST", f"{PATH}/{verb}", body)).code == "not_found"


async def test_an_export_opens_with_its_pass_phrase_only(api: Api, tmp_path: Path, parts: Parts) -> None:
    sealed = (await api("POST", f"{PATH}/export", {"passphrase": PASSPHRASE})).body
    file = tmp_path / "ca.pem"
    file.write_bytes(sealed)
    assert b"ENCRYPTED PRIVATE KEY" in sealed
    for given, opens in ((PASSPHRASE, True), ("wrong horse battery", False)):
        done = openssl("pkey", "-in", file, "-passin", f"pass:{given}", "-noout")
        assert (done.returncode == 0) is opens


@pytest.mark.parametrize("body", [{}, {"passphrase": "short"}])
async def test_an_export_without_a_good_pass_phrase_is_refused(api: Api, body: Any) -> None:
    assert (await api("POST", f"{PATH}/export", body)).status == 422


async def test_only_an_admin_may_export_import_and_renew(api: Api) -> None:
    reader = Api(api.client, READ_TOKEN)
    bodies = {"export": {"passphrase": PASSPHRASE}, "import": {"pem": "x"}, "renew": {}}
    for verb, body in bodies.items():
        assert (await reader("POST", f"{PATH}/{verb}", body)).status == 403
        assert (await Api(api.client, None)("POST", f"{PATH}/{verb}", body)).status == 401


async def test_an_export_of_one_host_is_imported_at_another(
    api: Api, parts: Parts, other: CertificateAuthority, printer: str
) -> None:
    before = await api.get(PATH)
    body = {"pem": other.sealed(PASSPHRASE), "passphrase": PASSPHRASE, "replaces": before["sha256"]}
    now = await api.post(f"{PATH}/import", body)
    assert now["sha256"] == other.fingerprint_sha256 == (await api.get(PATH))["sha256"]
    assert "run the installer on every slicer's computer now" in now["next_steps"][0]
    assert (await chain(parts, printer)).endswith(other.certificate_pem)
    assert other.signed(await chain(parts, printer))
    assert "authority.imported" in await api.events()


async def test_importing_what_is_there_changes_nothing(api: Api, parts: Parts, printer: str) -> None:
    present = await parts.control.trust.present()
    before = await chain(parts, printer)
    assert (await api.post(f"{PATH}/import", {"pem": plain(present)}))["next_steps"] == []
    assert await chain(parts, printer) == before
    assert "authority.imported" not in await api.events()


async def test_a_ca_can_be_brought_before_the_first_printer(
    api: Api, parts: Parts, other: CertificateAuthority
) -> None:
    directory = parts.control.trust.certificate_file.parent
    for file in directory.iterdir():
        file.unlink()
    assert (await api.post(f"{PATH}/import", {"pem": plain(other)}))["next_steps"] == []
    printer = await api.post("virtual-printers", {"name": "Desk", "model": "X1C"})
    assert other.signed(await chain(parts, printer["id"]))
    assert (directory / "bbl_ca.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("replaces", [None, "AA" * 32])
async def test_replacing_a_ca_needs_its_fingerprint(
    api: Api, other: CertificateAuthority, replaces: str | None
) -> None:
    before = await api.get(PATH)
    for verb, body in (("import", {"pem": plain(other)}), ("renew", {"key": "new"})):
        answer = await api("POST", f"{PATH}/{verb}", body | ({"replaces": replaces} if replaces else {}))
        assert (answer.status, answer.code) == (409, "confirmation_needed")
        assert before["sha256"] in answer.body["hint"]
    assert await api.get(PATH) == before


RSA = rsa.generate_private_key(65537, 2048)
SHORT = rsa.generate_private_key(65537, 1024)
CURVE = ec.generate_private_key(ec.SECP256R1())
NO_SIGNING = x509.KeyUsage(
    digital_signature=True,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=False,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
PARENT = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Root CA")])
UNFIT = (
    ("authority_not_rsa", lambda: plain(made(key=CURVE))),
    ("authority_not_rsa", lambda: plain(made(key=SHORT))),
    ("authority_not_root", lambda: plain(made(key=RSA, issuer=PARENT, signer=CURVE))),
    ("authority_unusable", lambda: plain(made(key=RSA, usage=NO_SIGNING))),
    ("authority_not_valid", lambda: plain(made(key=RSA, ends=timedelta(days=-1)))),
    ("authority_not_valid", lambda: plain(made(key=RSA, begins=timedelta(days=1)))),
    ("authority_incomplete", lambda: made(key=RSA).certificate_pem),
    ("authority_incomplete", lambda: plain(made(key=RSA)) * 2),
    ("authority_incomplete", lambda: "nothing of the kind"),
    (
        "authority_unusable",
        lambda: made(key=RSA).certificate_pem + plain(made(key=SHORT)).split("CERTIFICATE-----\n")[-1],
    ),
    ("authority_unreadable", lambda: plain(made(key=RSA)).replace("MII", "!!!", 1)),
    ("wrong_passphrase", lambda: made(key=RSA).sealed(PASSPHRASE)),
)


@pytest.mark.parametrize(("code", "pem"), UNFIT, ids=[f"{number} {code}" for number, (code, _) in enumerate(UNFIT)])
async def test_a_ca_that_cannot_serve_is_refused_with_the_reason(api: Api, code: str, pem: Any) -> None:
    before = await api.get(PATH)
    answer = await api("POST", f"{PATH}/import", {"pem": pem(), "replaces": before["sha256"]})
    assert (answer.status, answer.code) == (422, code)
    assert "PRIVATE KEY-----" not in str(answer.body)
    assert await api.get(PATH) == before


async def test_a_wrong_pass_phrase_is_said(api: Api, other: CertificateAuthority) -> None:
    body = {"pem": other.sealed(PASSPHRASE), "passphrase": "wrong horse battery"}
    answer = await api("POST", f"{PATH}/import", body)
    assert (answer.code, answer.body["field"]) == ("wrong_passphrase", "passphrase")


async def test_a_renewal_with_the_same_key_is_accepted_by_slicers_that_trust_the_old_one(
    api: Api, parts: Parts, printer: str
) -> None:
    before = await parts.control.trust.present()
    old_chain = await chain(parts, printer)
    answer = await api.post(f"{PATH}/renew")
    assert answer["sha256"] != before.fingerprint_sha256
    assert f"until {before.not_after:%Y-%m-%d}" in answer["next_steps"][0]
    after = await parts.control.trust.present()
    async with parts.database.read() as session:
        certificate = (await printers.specifications(session))[printer].certificate
    key = certificate.key_pem.get_secret_value()
    assert certificate.chain_pem != old_chain
    assert certificate.chain_pem.endswith(after.certificate_pem)
    assert trusts(before.certificate_pem, certificate.chain_pem, key)
    assert trusts(after.certificate_pem, certificate.chain_pem, key)
    assert trusts(after.certificate_pem, old_chain, key)


async def test_a_new_key_is_trusted_by_those_only_who_are_told(api: Api, parts: Parts, printer: str) -> None:
    before = await parts.control.trust.present()
    answer = await api.post(f"{PATH}/renew", {"key": "new", "replaces": before.fingerprint_sha256.lower()})
    assert "No slicer connects" in answer["next_steps"][0]
    after = await parts.control.trust.present()
    async with parts.database.read() as session:
        certificate = (await printers.specifications(session))[printer].certificate
    key = certificate.key_pem.get_secret_value()
    assert not trusts(before.certificate_pem, certificate.chain_pem, key)
    assert trusts(after.certificate_pem, certificate.chain_pem, key)
    assert {"authority.renewed", "certificate.issued"} <= {*await api.events()}


async def test_installers_take_out_what_was_replaced(api: Api, other: CertificateAuthority) -> None:
    before = await api.get(PATH)
    old_pem = (await api("GET", f"{PATH}.pem")).body.decode()
    await api.post(f"{PATH}/import", {"pem": plain(other), "replaces": before["sha256"]})
    for system in ("linux", "windows"):
        script = (await api("GET", f"{PATH}/installers/{system}")).body.decode()
        assert "".join(old_pem.splitlines()[1:-1]) in script
        assert other.certificate_pem.strip() in script


async def test_a_ca_near_its_end_is_a_warning_that_says_what_to_do(api: Api, parts: Parts) -> None:
    present = await parts.control.trust.present()
    for days, code in ((100, "ends_soon"), (-1, "ended")):
        parts.control.trust.clock = lambda days=days: present.not_after - timedelta(days=days)  # type: ignore[misc]
        (warning,) = (await api.get(PATH))["warnings"]
        assert warning["code"] == code
        assert "enew" in warning["text"]
    parts.control.trust.clock = lambda: present.certificate.not_valid_before_utc - timedelta(days=1)
    assert (await api.get(PATH))["warnings"][0]["code"] == "not_yet_valid"
