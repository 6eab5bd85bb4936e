"""Metrics and health of every service; logs without secrets."""

import pytest

from tests.simulators import threemf
from tests.simulators.gates import Blocked
from tests.simulators.profiles import STUDIO_27
from tests.system.harness import Printer, System
from tests.system.processes import SERVICES, wait_for


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_alive_and_ready(system: System, service: str) -> None:
    wait_for(lambda: system.health(service, "livez")[0] == 200, f"{service} alive")
    wait_for(lambda: '"status": "ready"' in system.health(service, "readyz")[1], f"{service} ready without problems")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_shows_metrics(system: System, service: str) -> None:
    wait_for(lambda: system.metric(service, "vprinter_bus_connected") == 1, f"{service} connected to NATS")
    status, text = system.health(service, "metrics")
    assert status == 200
    assert 'vprinter_build_info{version="' in text


def test_metrics_name_no_file_and_no_address(system: System, printer: Printer) -> None:
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        sent = slicer.send("never in a label.gcode.3mf", threemf.sliced(seed=80))
    system.await_archived(sent.sha256)
    for service in SERVICES:
        text = system.health(service, "metrics")[1]
        assert "never in a label" not in text
        assert printer.address not in text


def test_a_failed_handshake_is_counted_with_its_reason(system: System, printer: Printer, another_ca: str) -> None:
    def failures() -> float:
        return system.metric("mqtt", "vprinter_tls_handshakes_total", outcome="failed", reason="unknown_ca")

    before = failures()
    with system.slicer(printer, STUDIO_27, ca_pem=another_ca) as stranger:
        stranger.add()
        with pytest.raises(Blocked):
            stranger.connect()
    wait_for(lambda: failures() > before, "the failed handshake is counted")


def test_no_log_holds_a_secret(system: System, printer: Printer) -> None:
    with system.slicer(printer, STUDIO_27) as slicer:
        slicer.add()
        slicer.connect()
        slicer.upload("verify_job", b"just a test file")
    assert system.leaks() == []
    assert any(path.stat().st_size for path in system.processes.log_files())
