"""Faults for the doctor to find: wrong certificates behind control's back, strangers on the printer's ports."""

import socket
import sqlite3
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from ipaddress import IPv4Address
from pathlib import Path
from subprocess import PIPE, Popen

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.system.harness import Printer, System
from tests.system.processes import wait_for

_STRANGER = """
import socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=16)
print("ready", flush=True)
while True:
    connection, _ = listening.accept()
    connection.sendall(b"HTTP/1.1 400 no printer\\r\\n\\r\\n")
    connection.close()
"""


@contextmanager
def stranger(address: str, port: int) -> Iterator[int]:
    """Another program that has a port; its pid."""
    command = [sys.executable, "-c", _STRANGER, address, str(port)]
    with Popen(command, stdout=PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            yield process.pid
        finally:
            process.kill()


@contextmanager
def taken(address: str, ports: tuple[int, int]) -> Iterator[None]:
    """All ports of a range are in use."""
    with ExitStack() as held:
        for port in range(ports[0], ports[1] + 1):
            held.enter_context(socket.create_server((address, port)))
        yield


def set_column(system: System, table: str, changes: dict[str, str], where: str, value: str) -> None:
    """Change the database without control's knowledge; what it publishes next has the change."""
    columns = ", ".join(f"{name} = ?" for name in changes)
    with closing(sqlite3.connect(system.data / "control" / "control.db", timeout=10)) as database, database:
        done = database.execute(f"UPDATE {table} SET {columns} WHERE {where} = ?", (*changes.values(), value))
        assert done.rowcount == 1


def show_certificate(system: System, printer: Printer, chain_pem: str, key_pem: str) -> None:
    """Let the edges serve a printer with this certificate."""
    changes = {"certificate_chain": chain_pem, "certificate_key": key_pem}
    set_column(system, "virtual_printers", changes, "id", printer.id)
    system.api.post("projects", {"name": f"wake control for {printer.id}"})
    wanted = ssl.PEM_cert_to_DER_cert(chain_pem)
    for port in (system.ports.detect_tls, system.ports.mqtt, system.ports.ftps):
        wait_for(partial(_shows, printer.address, port, wanted), f"the certificate is shown at {port}")
    system.await_reachable(printer)


def _shows(address: str, port: int, leaf: bytes) -> bool:
    try:
        return ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate((address, port), timeout=5)) == leaf
    except OSError:  # it is just being opened again
        return False


def leaf(
    printer: Printer,
    *,
    issuer: tuple[x509.Certificate, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] | None = None,
    name: str | None = None,
    address: str | None = None,
    begins: timedelta = timedelta(days=-1),
    ends: timedelta = timedelta(days=100),
    elliptic: bool = False,
) -> tuple[str, str]:
    """A certificate for the printer, signed by the issuer or by itself: chain and key, PEM."""
    key = ec.generate_private_key(ec.SECP256R1()) if elliptic else rsa.generate_private_key(65537, 2048)
    subject = _name(name or printer.serial)
    now = datetime.now(UTC)
    signer = issuer[1] if issuer else key
    names = [x509.DNSName(printer.serial), x509.IPAddress(IPv4Address(address or printer.address))]
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(signer, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), key_pem.decode()


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def fake_tool(directory: Path, name: str, prints: str) -> None:
    """A program that prints something."""
    directory.mkdir(exist_ok=True)
    tool = directory / name
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{prints}END\n")
    tool.chmod(0o755)
