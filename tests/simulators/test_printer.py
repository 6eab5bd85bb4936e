"""The simulated printer, as public clients see it."""

import hashlib
import json
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bambulabs_api.mqtt_client import PrinterMQTTClient

from tests.simulators import detect
from tests.simulators.device import Device
from tests.simulators.discovery import Ear
from tests.simulators.gates import Blocked
from tests.simulators.mqtt import Link
from tests.simulators.printer import vsftpd
from tests.simulators.printer.broker import WhenFull
from tests.simulators.printer.identity import device_ca_pem
from tests.simulators.printer.printer import Character, SimulatedPrinter, free_printer_ports
from tests.simulators.report_rules import report_errors
from tests.system.ports import loopback_network
from vprinter_common import catalog

Make = Callable[..., SimulatedPrinter]

REAL_TRAITS = {
    "fun bit 31 sends over port 6000",
    "fun2 bit 0 prints over port 6000",
    "device.connection_type overrides LAN",
}
"""What real printers say and emulated ones must not."""


@pytest.fixture
def switched_on() -> Iterator[Make]:
    """Makes printers, each on an address of its own, all with the same ports; switches them off at the end."""
    network, ports = loopback_network(), free_printer_ports()
    with ExitStack() as printers:
        count = iter(range(10, 250))

        def make(**options: Any) -> SimulatedPrinter:
            return printers.enter_context(SimulatedPrinter(f"{network}.{next(count)}", ports=ports, **options))

        yield make


@pytest.fixture(params=list(Character))
def character(request: pytest.FixtureRequest) -> Character:
    """Each kind of FTPS server."""
    if request.param is Character.VSFTPD and (reason := vsftpd.why_not()):
        pytest.skip(reason)
    return Character(request.param)


def curl(printer: SimulatedPrinter, path: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """curl with the printer's FTPS server."""
    url = f"ftps://{printer.address}:{printer.ports.ftps}/{path}"
    login = f"bblp:{printer.access_code}"
    return subprocess.run(
        ["curl", "-sS", "-k", "--tls-max", "1.2", "-m", "60", "-u", login, url, *arguments],
        check=False,
        capture_output=True,
    )


def linked(printer: SimulatedPrinter, client: str = "one") -> Link:
    """An MQTT session that has subscribed."""
    link = Link(printer.address, printer.ports.mqtt, ca_pem=device_ca_pem(), serial=printer.serial)
    try:
        link.connect(client, "bblp", printer.access_code)
    except Blocked:
        link.close()
        raise
    link.subscribe(f"device/{printer.serial}/report")
    return link


def request(printer: SimulatedPrinter, link: Link, body: dict[str, Any]) -> None:
    """Publish a request."""
    link.publish(f"device/{printer.serial}/request", json.dumps(body).encode())


def wait_report(link: Link, section: str, command: str, **wanted: Any) -> dict[str, Any]:
    """The next report with these values."""

    def pick(message: Any) -> dict[str, Any] | None:
        body: dict[str, Any] = json.loads(message.payload).get(section, {})
        fits = body.get("command") == command and all(body.get(key) == value for key, value in wanted.items())
        return body if fits else None

    return link.wait_for(pick, f"{section}.{command} {wanted}")


# -- FTPS ----------------------------------------------------------------------------------------------------------


def test_curl_sends_lists_and_fetches(character: Character, switched_on: Make, tmp_path: Path) -> None:
    printer = switched_on(character=character, final_delay=0.3)
    file = tmp_path / "cube.gcode.3mf"
    file.write_bytes(secrets.token_bytes(700_000))
    sent = curl(printer, "cache/", "-T", str(file))
    assert sent.returncode == 0, sent.stderr
    assert (
        hashlib.sha256((printer.root / "cache" / file.name).read_bytes()).digest()
        == hashlib.sha256(file.read_bytes()).digest()
    )
    assert file.name.encode() in curl(printer, "cache/").stdout
    assert curl(printer, f"cache/{file.name}").stdout == file.read_bytes()
    assert curl(printer, "cache/none.3mf").returncode == 78
    assert curl(printer, "", "-u", "bblp:wrong000").returncode == 67


@pytest.mark.parametrize("strict", [Character.VSFTPD, Character.LATE])
def test_linux_printers_refuse_data_that_does_not_resume_the_session(strict: Character, switched_on: Make) -> None:
    if strict is Character.VSFTPD and (reason := vsftpd.why_not()):
        pytest.skip(reason)
    printer = switched_on(character=strict, final_delay=0)
    refused = curl(printer, "", "--no-sessionid")
    assert refused.returncode != 0
    assert curl(printer, "").returncode == 0


def test_the_esp_knows_pasv_alone_and_tells_no_address(switched_on: Make) -> None:
    printer = switched_on(character=Character.ESP)
    assert curl(printer, "", "-v").returncode == 0
    assert [each for each in printer.ftp_commands if each in ("EPSV", "PASV")] == ["EPSV", "PASV"]
    assert b"502" in curl(printer, "", "-v", "-Q", "FEAT").stderr
    assert b"227 Entering Passive Mode (0,0,0,0,7," in curl(printer, "", "-v").stderr


def test_the_late_one_keeps_its_226_back(switched_on: Make, tmp_path: Path) -> None:
    printer = switched_on(model="H2D", character=Character.LATE, final_delay=1.0)
    (file := tmp_path / "a.gcode.3mf").write_bytes(b"x" * 1000)
    began = time.monotonic()
    assert curl(printer, "", "-T", str(file)).returncode == 0
    assert time.monotonic() - began > 1.0


def test_a_printer_without_storage_refuses(switched_on: Make, tmp_path: Path) -> None:
    printer = switched_on()
    object.__setattr__(printer.ftp.manner, "storage", False)
    (file := tmp_path / "a.gcode.3mf").write_bytes(b"x")
    assert curl(printer, "", "-T", str(file)).returncode == 25


# -- MQTT ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [each.code for each in catalog.MODELS])
def test_every_model_reports_what_slicers_accept(model: str, switched_on: Make) -> None:
    printer = switched_on(model=model)
    link = linked(printer)
    request(printer, link, {"pushing": {"command": "pushall", "sequence_id": "1"}})
    request(printer, link, {"info": {"command": "get_version", "sequence_id": "2"}})
    full = wait_report(link, "print", "push_status", msg=0)
    assert set(report_errors({"print": full}, model)) <= REAL_TRAITS
    version = wait_report(link, "info", "get_version", sequence_id="2")
    device = Device(model)
    for message in link.received:
        device.take(message.payload)
    assert device.ready
    assert device.address("typed") == printer.address
    assert version["module"][0]["sn"] == printer.serial
    assert full["ams"]["ams"][0]["tray"][0]["tray_type"] == "PLA"
    link.close()


def test_after_the_full_report_come_deltas(switched_on: Make) -> None:
    printer = switched_on(period=0.1)
    link = linked(printer)
    request(printer, link, {"pushing": {"command": "pushall"}})
    wait_report(link, "print", "push_status", msg=0)
    printer.machine.report["bed_target_temper"] = 60
    delta = wait_report(link, "print", "push_status", msg=1, bed_target_temper=60)
    assert set(delta) == {"bed_target_temper", "nozzle_temper", "bed_temper", "command", "msg", "sequence_id"}
    link.close()


def test_a_print_goes_from_prepare_to_finish(switched_on: Make) -> None:
    printer = switched_on(period=0.05, print_seconds=10.0)
    now = 0.0
    printer.machine._clock = lambda: now
    link = linked(printer)
    job = {"command": "project_file", "sequence_id": "20001", "file": "cube.gcode.3mf", "subtask_name": "cube"}
    request(printer, link, {"print": job | {"url": "ftp://cube.gcode.3mf"}})
    assert wait_report(link, "print", "project_file", sequence_id="20001")["result"] == "success"
    # It answers a moment before it begins, so the job may have begun at 0.0 or at 1.0.
    for moment, state in ((1.0, "PREPARE"), (5.0, "RUNNING"), (11.0, "FINISH")):
        now = moment
        wait_report(link, "print", "push_status", gcode_state=state)
    assert printer.commands == ["print.project_file"]
    assert printer.machine.report["mc_percent"] == 100
    link.close()


def test_a_wrong_code_is_refused_with_5(switched_on: Make) -> None:
    printer = switched_on()
    link = Link(printer.address, printer.ports.mqtt, ca_pem=device_ca_pem(), serial=printer.serial)
    with pytest.raises(Blocked, match="5"):
        link.connect("one", "bblp", "wrong000")
    link.close()
    assert printer.broker.refusals == [5]


def test_it_takes_no_more_sessions_than_its_limit(switched_on: Make) -> None:
    printer = switched_on(session_limit=1)
    first = linked(printer, "first")
    with pytest.raises(Blocked):
        linked(printer, "second")
    assert printer.sessions == ["first"]
    first.close()
    printer.wait_for(lambda: not printer.sessions, "the first session gone")
    linked(printer, "second").close()
    assert printer.broker.refusals == [3]


def test_or_cuts_the_oldest_off(switched_on: Make) -> None:
    printer = switched_on(session_limit=1, when_full=WhenFull.EVICT)
    first, second = linked(printer, "first"), linked(printer, "second")
    printer.wait_for(lambda: first.closed, "the first session cut off")
    assert printer.sessions == ["second"]
    first.close()
    second.close()


@pytest.mark.parametrize(("model", "answers"), [("P1S", False), ("X1C", True)])
def test_unsigned_commands_do_nothing_in_signed_mode(model: str, answers: bool, switched_on: Make) -> None:
    printer = switched_on(model=model, signed=True)
    link = linked(printer)
    light = {"system": {"command": "ledctrl", "sequence_id": "7", "led_mode": "on"}}
    request(printer, link, light)
    if answers:
        assert wait_report(link, "system", "ledctrl")["err_code"] == 84033543
    request(printer, link, {"info": {"command": "get_version", "sequence_id": "8"}})
    wait_report(link, "info", "get_version")
    request(printer, link, {**light, "header": {"cert_id": "c", "sign_string": "s"}})
    assert wait_report(link, "system", "ledctrl", result="success")["led_mode"] == "on"
    said = [body for message in link.received if (body := json.loads(message.payload).get("system"))]
    assert len(said) == 1 + answers
    link.close()


@pytest.mark.filterwarnings("ignore:ssl.PROTOCOL_TLS is deprecated:DeprecationWarning")
def test_bambulabs_api_reads_and_prints(switched_on: Make) -> None:
    printer = switched_on(model="P1S", period=0.1)
    mqtt = PrinterMQTTClient(
        printer.address, printer.access_code, printer.serial, port=printer.ports.mqtt, pushall_timeout=1
    )
    mqtt.connect()
    mqtt.start()  # type: ignore[no-untyped-call]
    try:
        printer.wait_for(mqtt.ready, "bambulabs-api has the report")
        assert mqtt.get_bed_temperature() == 24.75
        assert mqtt.start_print_3mf("cube.gcode.3mf", 1)
        printer.wait_for(lambda: "print.project_file" in printer.commands, "project_file")
    finally:
        mqtt.stop()  # type: ignore[no-untyped-call]


def test_mosquitto_reads_the_report(switched_on: Make) -> None:
    printer = switched_on(period=0.1)
    (ca := printer.root.parent / "ca.pem").write_text(device_ca_pem())
    found = subprocess.run(
        f"mosquitto_sub -h {printer.address} -p {printer.ports.mqtt} --cafile {ca} --insecure -u bblp "
        f"-P {printer.access_code} -t device/{printer.serial}/report -C 1 -W 30".split(),
        check=True,
        capture_output=True,
    )
    assert json.loads(found.stdout)["print"]["command"] == "push_status"


# -- what it is told -----------------------------------------------------------------------------------------------


def test_it_goes_silent_and_speaks_again(switched_on: Make) -> None:
    printer = switched_on(period=0.05)
    link = linked(printer)
    wait_report(link, "print", "push_status")
    printer.go_silent()
    request(printer, link, {"info": {"command": "get_version", "sequence_id": "8"}})
    printer.wait_for(lambda: "info.get_version" in printer.commands, "the request")
    count = len(link.received)
    printer.speak()
    link.wait_for(lambda message: message, "a report", since=count)
    assert not any("info" in json.loads(message.payload) for message in link.received)
    link.close()


def test_it_moves_and_says_so(switched_on: Make) -> None:
    printer = switched_on(model="X1C")
    link = linked(printer)
    before, after = printer.address, printer.address.rpartition(".")[0] + ".251"
    printer.move(after)
    printer.wait_for(lambda: link.closed, "the old session cut off")
    link.close()
    with pytest.raises(OSError, match="refused"):
        socket.create_connection((before, printer.ports.mqtt), 2)
    again = linked(printer)
    request(printer, again, {"pushing": {"command": "pushall"}})
    report = wait_report(again, "print", "push_status", msg=0)
    assert after in report["ipcam"]["rtsp_url"]
    again.close()


def test_it_shows_another_certificate(switched_on: Make) -> None:
    printer = switched_on()

    def shown() -> str:
        pem = ssl.get_server_certificate((printer.address, printer.ports.mqtt))
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()

    assert (first := shown()) == printer.identity.fingerprint
    printer.change_certificate()
    assert shown() == printer.identity.fingerprint != first


@pytest.mark.parametrize("over_tls", [False, True])
def test_it_answers_detect(over_tls: bool, switched_on: Make) -> None:
    printer = switched_on(model="A1", name="Lab")
    port = printer.ports.detect_tls if over_tls else printer.ports.detect
    found = detect.ask(printer.address, port, ca_pem=device_ca_pem() if over_tls else None)
    assert found == detect.Detected(printer.serial, "N2S", "Lab", printer.model.firmware)
    assert len(printer.detect_requests) == 1


def test_its_camera_echoes(switched_on: Make) -> None:
    printer = switched_on(model="P1S")
    context = ssl.create_default_context(cadata=device_ca_pem())
    context.check_hostname = False
    with (
        socket.create_connection((printer.address, printer.ports.tunnel), 5) as raw,
        context.wrap_socket(raw) as camera,
    ):
        stream = camera.makefile("rb")
        assert stream.readline() == f"camera of {printer.serial}\n".encode()
        camera.sendall(b"frame\n")
        assert stream.readline() == b"frame\n"
        stream.close()


@pytest.mark.parametrize("model", ["P1S", "X1C"])
def test_it_announces_itself(model: str, switched_on: Make) -> None:
    printer = switched_on(model=model, name="Lab")
    with Ear("127.0.0.1", 0) as ear:
        port = ear._sock.getsockname()[1]
        printer.announce("127.0.0.1", port)
        heard = ear.hear(printer.serial)
        assert (heard.name, heard.address, heard.model) == ("Lab", printer.address, printer.model.code)
        printer.say_byebye("127.0.0.1", port)
        ear.hear_byebye(printer.serial)
