"""Clients that nobody here wrote, at a proxy: each believes that it speaks with the printer."""

import io
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from bambulabs_api.ftp_client import PrinterFTPClient
from bambulabs_api.mqtt_client import PrinterMQTTClient
from bambulabs_api.states_info import GcodeState

from tests.simulators import threemf
from tests.simulators.trust import secure, slicer_context
from tests.system.harness import System
from tests.system.processes import wait_for
from tests.system.proxies import Proxy, behind, real_printer


@pytest.fixture(scope="module")
def proxy(system: System) -> Iterator[Proxy]:
    """A proxy in front of a P1S."""
    with real_printer(system, print_seconds=30) as printer:
        yield behind(system, printer)


def curl(proxy: Proxy, path: str, *arguments: str) -> bytes:
    """curl that trusts the system's CA and calls the proxy by its certificate's name."""
    name, port = proxy.real.serial, proxy.system.ports.ftps
    command = ["curl", "-sS", "-m", "30", "--cacert", str(proxy.system.ca_file())]
    command += ["--resolve", f"{name}:{port}:{proxy.printer.address}", "-u", f"bblp:{proxy.real.access_code}"]
    done = subprocess.run([*command, f"ftps://{name}:{port}/{path}", *arguments], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_curl_sends_lists_fetches_and_deletes(proxy: Proxy, tmp_path: Path) -> None:
    (file := tmp_path / "curl.gcode.3mf").write_bytes(content := threemf.sliced(model="C12", title="curl"))
    curl(proxy, "cache/", "-T", str(file))
    assert (proxy.real.root / "cache" / file.name).read_bytes() == content
    assert file.name in curl(proxy, "cache/").decode()
    assert curl(proxy, f"cache/{file.name}") == content
    curl(proxy, "cache/", "-Q", f"DELE cache/{file.name}")
    assert not (proxy.real.root / "cache" / file.name).exists()


def test_mosquitto_sees_the_printers_reports(proxy: Proxy) -> None:
    done = subprocess.run(
        f"mosquitto_sub -h {proxy.printer.address} -p {proxy.system.ports.mqtt} --cafile {proxy.system.ca_file()} "
        f"--insecure -u bblp -P {proxy.real.access_code} -t device/{proxy.real.serial}/report -C 1 -W 20".split(),
        check=True,
        capture_output=True,
    )
    assert json.loads(done.stdout)["print"]["command"] == "push_status"


def test_bambulabs_api_uploads(proxy: Proxy) -> None:
    content = threemf.sliced(model="C12", title="bambulabs")
    client = PrinterFTPClient(proxy.printer.address, proxy.real.access_code, port=proxy.system.ports.ftps)
    assert "226" in client.upload_file(io.BytesIO(content), "bambulabs.gcode.3mf")
    assert (proxy.real.root / "bambulabs.gcode.3mf").read_bytes() == content


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
def test_bambulabs_api_reads_the_state_and_prints(proxy: Proxy) -> None:
    port = proxy.system.ports.mqtt
    client = PrinterMQTTClient(proxy.printer.address, proxy.real.access_code, proxy.real.serial, port=port)
    client.connect()
    client.start()  # type: ignore[no-untyped-call]
    try:
        wait_for(client.ready, "bambulabs-api is ready")
        assert client.get_bed_temperature() == 24.75
        client.start_print_3mf("bambulabs.gcode.3mf", 1)
        wait_for(lambda: client.get_printer_state() is GcodeState.RUNNING, "it prints", 30)
    finally:
        client.stop()  # type: ignore[no-untyped-call]
    assert "print.project_file" in proxy.real.commands


def test_the_camera_is_the_printers_own(proxy: Proxy) -> None:
    address = (proxy.printer.address, proxy.system.ports.tunnel)
    with (
        socket.create_connection(address, 10) as raw,
        secure(raw, slicer_context(proxy.ca_pem), proxy.real.serial) as camera,
        camera.makefile("rb") as stream,
    ):
        assert stream.readline() == f"camera of {proxy.real.serial}\n".encode()
        camera.sendall(b"frame\n")
        assert stream.readline() == b"frame\n"
