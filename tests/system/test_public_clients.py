"""Clients that nobody here wrote: curl, ftplib, mosquitto and bambulabs-api."""

import ftplib
import io
import json
import shutil
import socket
import ssl
import subprocess
from hashlib import sha256
from pathlib import Path
from zlib import crc32

import pytest
from bambulabs_api.ftp_client import PrinterFTPClient
from bambulabs_api.mqtt_client import PrinterMQTTClient
from bambulabs_api.states_info import GcodeState

from tests.simulators import threemf
from tests.system.harness import Printer, System
from tests.system.processes import wait_for

USER = "bblp"
CURL_LOGIN_DENIED = 67

needs_mosquitto = pytest.mark.skipif(shutil.which("mosquitto_sub") is None, reason="mosquitto-clients is not installed")
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@pytest.fixture(scope="module")
def ca_file(system: System) -> Path:
    """The CA as a file, as these clients want it."""
    return system.ca_file()


def run(*command: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a client."""
    return subprocess.run(command, input=stdin, capture_output=True, timeout=40, check=False)


# -- curl ------------------------------------------------------------------------------------------------------------


class Curl:
    """curl with the printer's address and code; its library is the one in the slicers' plugin."""

    def __init__(self, system: System, printer: Printer, ca_file: Path) -> None:
        self.url = f"ftps://{printer.address}:{system.ports.ftps}/"
        self.common = ["curl", "-sS", "--cacert", str(ca_file), "--ssl-reqd", "-u", f"{USER}:{printer.code}"]

    def __call__(self, *arguments: str, path: str = "", stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return run(*self.common, *arguments, self.url + path, stdin=stdin)


@pytest.fixture
def curl(system: System, printer: Printer, ca_file: Path) -> Curl:
    """curl at the printer."""
    return Curl(system, printer, ca_file)


@needs_curl
@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--disable-epsv",),
        ("--tlsv1.2", "--tls-max", "1.2"),
        ("--no-sessionid",),
        ("--ciphers", "AES256-GCM-SHA384", "--tls-max", "1.2"),
        ("--ftp-ssl-control",),
    ],
    ids=["epsv", "pasv", "tls 1.2", "no session reuse", "plain RSA", "cleartext data"],
)
def test_curl_uploads(system: System, curl: Curl, options: tuple[str, ...]) -> None:
    content = threemf.sliced(seed=crc32(" ".join(options).encode()) & 0xFFFF, padding=100_000)
    done = curl(*options, "-T", "-", path="by%20curl.gcode.3mf", stdin=content)
    assert done.returncode == 0, done.stderr
    system.await_archived(sha256(content).hexdigest())


@needs_curl
def test_curl_lists_and_reads_back_and_deletes_what_it_sent(system: System, curl: Curl) -> None:
    content = threemf.sliced(seed=61, padding=200_000)
    assert curl("-T", "-", path="back.gcode.3mf", stdin=content).returncode == 0
    assert b"back.gcode.3mf" in curl().stdout
    assert curl("--list-only").stdout.splitlines().count(b"back.gcode.3mf") == 1
    assert curl(path="back.gcode.3mf").stdout == content
    size = curl("-I", path="back.gcode.3mf").stdout
    assert f"Content-Length: {len(content)}".encode() in size
    assert curl("-Q", "DELE back.gcode.3mf").returncode == 0
    assert b"back.gcode.3mf" not in curl().stdout
    (kept,) = system.await_archived(sha256(content).hexdigest())
    assert system.api.raw("GET", f"archive/{kept['id']}/file") == content


@needs_curl
def test_curl_with_a_wrong_code_is_denied(system: System, curl: Curl) -> None:
    wrong = system.new_code()
    denied = curl("-u", f"{USER}:{wrong}", "--interface", system.fresh_address(), "-T", "-", path="x.3mf", stdin=b"x")
    assert denied.returncode == CURL_LOGIN_DENIED


@needs_curl
def test_curl_refuses_the_printer_without_our_ca(system: System, curl: Curl, another_ca: str, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(another_ca)
    assert curl("--cacert", str(other)).returncode == 60


@needs_curl
def test_curl_learns_that_a_file_was_cut_off(system: System, curl: Curl) -> None:
    content = threemf.truncated(threemf.sliced(seed=62, padding=50_000))
    done = curl("-T", "-", path="cut.gcode.3mf", stdin=content)
    assert done.returncode != 0
    assert sha256(content).hexdigest() not in system.blobs()
    assert b"cut.gcode.3mf" not in curl().stdout


# -- ftplib ----------------------------------------------------------------------------------------------------------


class ImplicitTls(ftplib.FTP_TLS):
    """ftplib speaks explicit TLS only: this one is wrapped from the start, and its data connections resume the session."""

    def connect(self, host: str = "", port: int = 0, *_: object, **__: object) -> str:
        self.host = host
        self.af = socket.AF_INET
        self.sock = self.context.wrap_socket(socket.create_connection((host, port), 20), server_hostname=host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        return self.welcome

    def ntransfercmd(self, cmd: str, rest: int | str | None = None) -> tuple[socket.socket, int | None]:
        conn, size = ftplib.FTP.ntransfercmd(self, cmd, rest)
        assert isinstance(self.sock, ssl.SSLSocket)
        return self.context.wrap_socket(conn, server_hostname=self.host, session=self.sock.session), size


def test_ftplib_uploads_lists_and_downloads(system: System, printer: Printer, ca_file: Path) -> None:
    content = threemf.sliced(seed=63, padding=70_000)
    with ImplicitTls(context=ssl.create_default_context(cafile=str(ca_file))) as ftp:
        ftp.connect(printer.address, system.ports.ftps)
        ftp.login(USER, printer.code, secure=False)
        ftp.prot_p()
        assert ftp.storbinary("STOR by ftplib.gcode.3mf", io.BytesIO(content)).startswith("226")
        assert "by ftplib.gcode.3mf" in ftp.nlst()
        assert ftp.size("by ftplib.gcode.3mf") == len(content)
        assert "by ftplib.gcode.3mf" in dict(ftp.mlsd())
        got = io.BytesIO()
        ftp.retrbinary("RETR by ftplib.gcode.3mf", got.write)
        assert got.getvalue() == content
        ftp.delete("by ftplib.gcode.3mf")
        assert "by ftplib.gcode.3mf" not in ftp.nlst()
        assert ftp.quit().startswith("221")
    system.await_archived(sha256(content).hexdigest())


# -- mosquitto -------------------------------------------------------------------------------------------------------


def mosquitto(system: System, printer: Printer, ca_file: Path, code: str | None = None) -> list[str]:
    """Where and who."""
    target = ["-h", printer.address, "-p", str(system.ports.mqtt), "--cafile", str(ca_file)]
    return [*target, "-V", "mqttv311", "-u", USER, "-P", code or printer.code]


@needs_mosquitto
@pytest.mark.parametrize("topic", ["device/{}/report", "device/+/report", "#"])
def test_mosquitto_sub_gets_the_status(system: System, printer: Printer, ca_file: Path, topic: str) -> None:
    done = run(
        "mosquitto_sub", *mosquitto(system, printer, ca_file), "-t", topic.format(printer.serial), "-C", "1", "-W", "30"
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["print"]["command"] == "push_status"


@needs_mosquitto
@pytest.mark.parametrize("qos", ["0", "1"])
def test_mosquitto_pub_publishes(system: System, printer: Printer, ca_file: Path, qos: str) -> None:
    ask = {"pushing": {"command": "pushall", "sequence_id": "1"}}
    access = mosquitto(system, printer, ca_file)
    done = run("mosquitto_pub", *access, "-q", qos, "-t", f"device/{printer.serial}/request", "-m", json.dumps(ask))
    assert done.returncode == 0, done.stderr


@needs_mosquitto
def test_mosquitto_with_a_wrong_code_is_refused(system: System, printer: Printer, ca_file: Path) -> None:
    wrong = system.new_code()
    access = [*mosquitto(system, printer, ca_file, wrong), "-A", system.fresh_address()]
    done = run("mosquitto_pub", *access, "-t", f"device/{printer.serial}/request", "-m", "{}")
    assert done.returncode == 5
    assert b"not authorised" in done.stderr.lower()


# -- bambulabs-api ---------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
def test_bambulabs_api_reads_the_state_and_asks_for_a_print(system: System, printer: Printer) -> None:
    client = PrinterMQTTClient(printer.address, printer.code, printer.serial, port=system.ports.mqtt)
    client.connect()
    client.start()  # type: ignore[no-untyped-call]
    try:
        wait_for(client.ready, "bambulabs-api is ready")
        assert client.get_printer_state() in {GcodeState.IDLE, GcodeState.FINISH}
        assert client.nozzle_diameter() == 0.4
        wait_for(client.firmware_version, "bambulabs-api knows the firmware")
        client.start_print_3mf("by bambulabs-api.gcode.3mf", 1)
        wait_for(lambda: client.get_printer_state() is GcodeState.PREPARE, "bambulabs-api sees PREPARE")
    finally:
        client.stop()  # type: ignore[no-untyped-call]


def test_bambulabs_api_uploads(system: System, printer: Printer) -> None:
    content = threemf.sliced(seed=64)
    client = PrinterFTPClient(printer.address, printer.code, port=system.ports.ftps)
    answer = client.upload_file(io.BytesIO(content), "by bambulabs-api.gcode.3mf")
    assert "226" in answer
    system.await_archived(sha256(content).hexdigest())
