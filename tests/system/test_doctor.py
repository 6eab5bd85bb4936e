"""The doctor at a real system: nothing wrong is found where nothing is wrong, and every injected fault where it is."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.system.doctor_faults import fake_tool, leaf, set_column, show_certificate, stranger, taken
from tests.system.harness import Printer, System
from tests.system.processes import Separate, wait_for
from vprinter_common.certs import CertificateAuthority
from vprinter_control.doctor.doctor import REST

Steps = dict[str, dict[str, Any]]
PLACES_FOR_THE_READER = {"interface"}


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system whose processes can be stopped one by one, on a host where the kernel's redirects can be read."""
    directory = tmp_path_factory.mktemp("ward")
    fake_tool(directory / "tools", "nft", "")
    path = os.pathsep.join((str(directory / "tools"), os.environ["PATH"]))
    with System(directory, supervised=False, environ={"PATH": path}) as running:
        running.remove_first_printer()
        yield running


@pytest.fixture
def patient(ward: System) -> Iterator[Printer]:
    """A printer to fall ill."""
    printer = ward.new_printer(name="Patient")
    yield printer
    ward.remove(printer)


def separate(system: System) -> Separate:
    assert isinstance(system.processes, Separate)
    return system.processes


def diagnose(system: System, printer: Printer) -> tuple[str, Steps]:
    """The verdict, and the steps of a diagnosis by the API."""
    found = system.api.get(f"virtual-printers/{printer.id}/diagnosis")
    for step in found["steps"]:
        assert (step["remedy"] is None) == (step["verdict"] in ("ok", "skipped")), step
        for text in (step["remedy"] or {}).values():
            assert set(re.findall(r"<(\w+)>", text)) <= PLACES_FOR_THE_READER, text
        assert printer.code not in json.dumps(step)
    return found["verdict"], {step["step"]: step for step in found["steps"]}


def faults(steps: Steps) -> dict[str, str]:
    """What is wrong, by step."""
    return {name: step["fault"] for name, step in steps.items() if step["fault"]}


def kept(system: System) -> dict[str, Any]:
    """Everything that a forgotten upload would show in."""
    return {
        "items": {kind: len(system.api.items(kind)) for kind in ("archive", "pending", "queue")},
        "blobs": system.blobs(),
        "leftovers": system.leftovers(),
    }


# -- health ------------------------------------------------------------------------------------------------------


def test_at_a_healthy_system_everything_is_green_within_ten_seconds_and_nothing_stays(
    system: System, printer: Printer
) -> None:
    system.await_quiet()
    before = kept(system)
    for _ in range(4):  # the doctor's own limits are short: on a busy machine, one try or another runs into them
        began = time.monotonic()
        verdict, steps = diagnose(system, printer)
        seconds = time.monotonic() - began
        if verdict == "ok" and seconds < 10:
            break
        time.sleep(REST)
    assert seconds < 10
    assert [step for step in steps.values() if step["verdict"] != "ok"] == []
    assert verdict == "ok"
    system.await_quiet()
    assert kept(system) == before


@pytest.mark.full
def test_killed_in_the_midst_of_it_the_doctor_leaves_nothing_behind(ward: System, patient: Printer) -> None:
    before = kept(ward)
    request = subprocess.Popen(
        [sys.executable, "-m", "vprinter_control.doctor", patient.id],
        env=separate(ward).environ,
        stdout=subprocess.PIPE,
    )
    wait_for(lambda: ward.metric("ftps", "vprinter_ftps_transfers_total", printer=patient.id) >= 1, "an upload began")
    request.kill()
    request.communicate()
    ward.await_quiet()
    assert kept(ward) == before


# -- certificates ------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("make", "fault", "says"),
    [
        ({"ends": timedelta(minutes=-5)}, "leaf_expired", "ended on"),
        ({"begins": timedelta(days=2)}, "leaf_not_yet", "begins on"),
        ({"name": "00M00A000000000"}, "wrong_name", "is for 00M00A000000000"),
        ({"address": "127.0.0.1"}, "san_lacks_address", "does not name"),
        ({"elliptic": True}, "not_rsa", "not RSA"),
        ({"issuer": None}, "self_signed", "signed by itself"),
    ],
)
def test_a_certificate_that_slicers_refuse_is_found_at_every_port(
    ward: System, patient: Printer, make: dict[str, Any], fault: str, says: str
) -> None:
    authority = CertificateAuthority.load(ward.data / "virtual_printer" / "certs")
    show_certificate(ward, patient, *leaf(patient, **{"issuer": (authority.certificate, authority.key), **make}))
    _, steps = diagnose(ward, patient)
    for step in ("detect_tls", "mqtt_tls", "ftps_tls"):
        assert steps[step]["fault"] == fault
        assert says in steps[step]["detail"]
    assert steps["mqtt_login"]["verdict"] == ("ok" if fault == "san_lacks_address" else "skipped")
    assert steps["detect"]["verdict"] == "ok"
    if fault == "leaf_not_yet":
        assert "timedatectl" in steps["mqtt_tls"]["remedy"]["docker"]


@pytest.mark.full
def test_an_exchanged_ca_is_found(ward: System, patient: Printer, tmp_path: Path) -> None:
    certs = ward.data / "virtual_printer" / "certs"
    own = {file: file.read_bytes() for file in certs.iterdir()}
    CertificateAuthority.create(tmp_path)
    try:
        for file in tmp_path.iterdir():
            (certs / file.name).write_bytes(file.read_bytes())
        _, steps = diagnose(ward, patient)
    finally:
        for file, content in own.items():
            file.write_bytes(content)
    assert steps["mqtt_tls"]["fault"] == steps["ftps_tls"]["fault"] == "wrong_ca"
    assert steps["authority"]["fault"] == "leaf_of_other_ca"
    assert "restart control" in steps["authority"]["remedy"]["native"]


@pytest.mark.full
def test_half_a_ca_is_found(ward: System, patient: Printer) -> None:
    key = ward.data / "virtual_printer" / "certs" / "bbl_ca.key"
    content = key.read_bytes()
    key.unlink()
    try:
        _, steps = diagnose(ward, patient)
    finally:
        key.write_bytes(content)
        key.chmod(0o600)
    assert steps["authority"]["fault"] == "ca_unusable"
    assert "bbl_ca.key" in steps["authority"]["detail"]


# -- ports and addresses -----------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_port_that_somebody_else_has_is_found_with_its_owner(ward: System) -> None:
    address = ward.fresh_address()
    with stranger(address, ward.ports.mqtt) as pid:
        printer = ward.new_printer(name="Late", enabled=False, bind={"address": address})
        ward.api.post(f"virtual-printers/{printer.id}/enable")
        wait_for(lambda: (ward.status(printer, "mqtt") or {}).get("state") == "degraded", "mqtt cannot listen")
        wait_for(lambda: ward.status(printer, "discovery") and ward.status(printer, "ftps"), "the others serve")
        verdict, steps = diagnose(ward, printer)
    ward.remove(printer)
    assert verdict == "failed"
    assert steps["ports"]["fault"] == "port_taken"
    assert f"pid {pid}, user " in steps["ports"]["detail"]
    assert f"port {ward.ports.mqtt} on {address}" in steps["ports"]["detail"]
    assert f":{ward.ports.mqtt}" in steps["ports"]["remedy"]["docker"]
    assert steps["mqtt_tls"]["fault"] == "not_tls"
    assert steps["ftps_tls"]["verdict"] == "ok"


@pytest.mark.full
def test_garbage_instead_of_detect_is_found(ward: System) -> None:
    address = ward.fresh_address()
    with stranger(address, ward.ports.detect):
        printer = ward.new_printer(name="Late", enabled=False, bind={"address": address})
        ward.api.post(f"virtual-printers/{printer.id}/enable")
        wait_for(lambda: (ward.status(printer, "discovery") or {}).get("state") == "degraded", "detect cannot listen")
        _, steps = diagnose(ward, printer)
    ward.remove(printer)
    assert steps["detect"]["fault"] == "garbage"
    assert steps["detect_tls"]["verdict"] == "ok"
    assert steps["ports"]["fault"] == "port_taken"


@pytest.mark.full
def test_an_address_that_is_gone_is_found_and_named_in_place_of_what_follows_from_it(ward: System) -> None:
    printer = ward.new_printer(name="Lost", enabled=False, bind={"address": "192.0.2.77"})
    ward.api.post(f"virtual-printers/{printer.id}/enable")
    _, steps = diagnose(ward, printer)
    ward.remove(printer)
    assert steps["address"]["fault"] == "address_gone"
    assert "192.0.2.77" in steps["address"]["detail"]
    assert "ip addr add 192.0.2.77" in steps["address"]["remedy"]["native"]
    assert set(faults(steps)) <= {"address", "services"}
    assert steps["upload"]["verdict"] == "skipped"


@pytest.mark.full
def test_an_advertised_address_that_leads_elsewhere_is_found(ward: System) -> None:
    printer = ward.new_printer(name="Behind", advertise="192.0.2.78")
    _, steps = diagnose(ward, printer)
    ward.remove(printer)
    assert steps["address"]["fault"] == "address_elsewhere"
    assert "network_mode: host" in steps["address"]["remedy"]["docker"]


@pytest.mark.full
def test_a_disabled_printer_is_told_so(ward: System, patient: Printer) -> None:
    ward.api.post(f"virtual-printers/{patient.id}/disable")
    _, steps = diagnose(ward, patient)
    assert steps["enabled"]["fault"] == "disabled"
    assert faults(steps).keys() <= {"enabled", "services"}


@pytest.mark.full
def test_passive_ports_that_are_all_in_use_are_found(ward: System, patient: Printer) -> None:
    with taken(patient.address, ward.ports.passive):
        _, steps = diagnose(ward, patient)
    low, high = ward.ports.passive
    assert faults(steps) == {"passive": "passive_none"}
    assert f"{low}-{high}" in steps["passive"]["remedy"]["nas"]
    assert steps["upload"]["verdict"] == "skipped"


# -- redirects ---------------------------------------------------------------------------------------------------


def with_rules(system: System, rules: str) -> None:
    """Let the host's tool list these rules."""
    fake_tool(system.directory / "tools", "nft", rules)


@pytest.mark.full
def test_a_stale_redirect_of_the_ftps_port_is_found(ward: System, patient: Printer) -> None:
    port, nobody = ward.ports.ftps, ward.ports.base + 7
    with_rules(ward, f"tcp dport {port} counter packets 0 bytes 0 redirect to :{nobody}\n")
    try:
        _, steps = diagnose(ward, patient)
    finally:
        with_rules(ward, "")
    assert faults(steps) == {"redirect": "redirect_stale"}
    assert f"port {port} is redirected to {nobody}, where nobody listens" in steps["redirect"]["detail"]
    assert f"dport {port}" in steps["redirect"]["remedy"]["native"]


@pytest.fixture
def another_door(ward: System) -> Iterator[int]:
    """Slicers are to come in by another port than ftps listens at."""
    door = ward.ports.base + 7
    separate(ward).stop_one("control")
    separate(ward).start_one("control", VPRINTER_DOCTOR__FTPS_PORT=str(door))
    ward.await_ready("control")
    yield door
    separate(ward).stop_one("control")
    separate(ward).start_one("control")
    ward.await_ready("control")


@pytest.mark.full
def test_a_missing_redirect_is_found_and_one_for_other_hosts_only_is_good_enough(
    ward: System, patient: Printer, another_door: int
) -> None:
    ward.await_reachable(patient)
    _, steps = diagnose(ward, patient)
    assert faults(steps) == {"redirect": "redirect_missing"}
    assert f"--dport {another_door} -j REDIRECT --to-port {ward.ports.ftps}" in steps["redirect"]["remedy"]["nas"]
    with_rules(ward, f"tcp dport {another_door} redirect to :{ward.ports.ftps}\n")
    try:
        neighbour = ward.new_printer(name="Neighbour")
        verdict, steps = diagnose(ward, neighbour)
        ward.remove(neighbour)
    finally:
        with_rules(ward, "")
    assert (verdict, faults(steps)) == ("ok", {})
    assert "for other hosts" in steps["redirect"]["detail"]


# -- codes -------------------------------------------------------------------------------------------------------


@pytest.mark.full
def test_a_code_that_the_edges_do_not_know_is_found(ward: System, patient: Printer) -> None:
    unknown = ward.new_code()
    set_column(ward, "access_codes", {"code": unknown}, "printer_id", patient.id)
    _, steps = diagnose(ward, patient)
    assert faults(steps) == {"mqtt_login": "code_refused", "ftps_login": "code_refused"}
    assert "CONNACK 5" in steps["mqtt_login"]["detail"]
    assert "restart mqtt" in steps["mqtt_login"]["remedy"]["native"]
    assert "docker compose restart ftps" in steps["ftps_login"]["remedy"]["docker"]
    assert unknown not in json.dumps(steps)


# -- services ----------------------------------------------------------------------------------------------------


@pytest.mark.full
@pytest.mark.parametrize(
    ("service", "stopped"),
    [
        ("mqtt", {"mqtt_tls": "not_listening"}),
        ("ftps", {"ftps_tls": "not_listening"}),
        ("discovery", {"detect": "not_listening", "detect_tls": "not_listening", "ssdp": "ssdp_silent"}),
    ],
)
def test_a_dead_service_is_found_by_name_and_where_slicers_miss_it(
    ward: System, patient: Printer, service: str, stopped: dict[str, str]
) -> None:
    ward.kill(service)
    try:
        _, steps = diagnose(ward, patient)
    finally:
        separate(ward).start_one(service)
        ward.await_ready(service)
    assert faults(steps) == {"services": "service_down", **stopped}
    assert steps["services"]["detail"] == f"{service} does not answer"
    assert steps["services"]["remedy"]["docker"].startswith(f"`docker compose up -d {service}`")


@pytest.mark.full
def test_a_full_disk_is_found(ward: System, patient: Printer) -> None:
    more_than_there_is = str(1 << 60)
    separate(ward).stop_one("ftps")
    separate(ward).start_one("ftps", VPRINTER_FTPS__MIN_FREE_BYTES=more_than_there_is)
    ward.await_ready("ftps")
    ward.await_reachable(patient)
    try:
        _, steps = diagnose(ward, patient)
    finally:
        separate(ward).stop_one("ftps")
        separate(ward).start_one("ftps")
        ward.await_ready("ftps")
    assert faults(steps) == {"services": "service_unwell", "disk": "disk_full", "verify_job": "store_refused"}
    assert str(ward.data / "blobs") in steps["disk"]["remedy"]["native"]
    assert "452" in steps["verify_job"]["detail"]


@pytest.mark.full
def test_a_dead_nats_is_found_while_slicers_get_through(ward: System, patient: Printer) -> None:
    ward.kill("nats")
    try:
        wait_for(lambda: not ward.metric("control", "vprinter_bus_connected"), "control has noticed")
        verdict, steps = diagnose(ward, patient)
        seen_from_outside = offline(ward, patient)
    finally:
        separate(ward).start_one("nats")
        wait_for(lambda: ward.metric("control", "vprinter_bus_connected"), "NATS is back")
        ward.await_reachable(patient)
    assert (verdict, faults(steps)) == ("failed", {"nats": "nats_down"})
    assert "docker compose up -d nats" in steps["nats"]["remedy"]["docker"]
    assert steps["upload"]["verdict"] == "ok"
    assert steps["services"]["verdict"] == "skipped"
    assert faults(seen_from_outside) == {"nats": "nats_down"}


# -- the command -------------------------------------------------------------------------------------------------


def offline(system: System, printer: Printer, *more: str) -> Steps:
    """What the doctor sees without control."""
    done = subprocess.run(
        [sys.executable, "-m", "vprinter_control.doctor", *more, printer.id],
        env=separate(system).environ,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    (found,) = json.loads(done.stdout)
    assert printer.code not in done.stdout + done.stderr
    return {step["step"]: step for step in found["steps"]}


def command(system: System, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`vprinter …` on the system's host."""
    return subprocess.run(
        [sys.executable, "-m", "vprinter_cli", *arguments],
        env=separate(system).environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )


def test_the_command_asks_control_and_looks_for_itself_when_control_is_dead(ward: System, patient: Printer) -> None:
    asked = command(ward, "doctor", patient.id)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert asked.stdout.startswith(f"Patient at {patient.address}: ok\n")
    ward.kill("control")
    try:
        looked = command(ward, "doctor", "--on", "docker", patient.id)
    finally:
        separate(ward).start_one("control")
        ward.await_ready("control")
    assert looked.returncode == 1
    assert "does not answer" in looked.stderr
    assert "control does not answer" in looked.stdout
    assert "> `docker compose up -d control`" in looked.stdout
    assert "226 for 1024 bytes" in looked.stdout
