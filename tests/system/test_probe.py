"""The prober at a real system: it gets through, says where it does not, and nobody takes it for a slicer."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from math import inf

from prometheus_client.parser import text_string_to_metric_families

from tests.system.harness import Printer, System
from tests.system.processes import wait_for

STAGES = {"discover", "detect", "mqtt", "ftps", "upload"}


@contextmanager
def probing(system: System) -> Iterator[str]:
    """`vprinter probe` beside the system; the URL of its metrics."""
    ports = system.ports
    admin = ports.base + 20
    environ = {
        **os.environ,
        "VPRINTER_DATA_DIR": str(system.data),
        "VPRINTER_UP__NATS_PORT": str(ports.nats),
        "VPRINTER_ADMIN__PORT": str(admin),
        "VPRINTER_PROBE__INTERVAL": "1",
        "VPRINTER_PROBE__SSDP_PORT": str(ports.ssdp),
        "VPRINTER_PROBE__DETECT_PORT": str(ports.detect),
        "VPRINTER_PROBE__MQTT_PORT": str(ports.mqtt),
        "VPRINTER_PROBE__FTPS_PORT": str(ports.ftps),
    }
    with (system.directory / "logs" / "probe.log").open("w") as log:
        prober = subprocess.Popen(
            [sys.executable, "-m", "vprinter_cli", "probe"], env=environ, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            yield f"http://127.0.0.1:{admin}/metrics"
        finally:
            prober.terminate()
            assert prober.wait(15) == 0


def samples(url: str, name: str, printer: Printer) -> dict[str, float]:
    """Values of a metric of one printer, by stage."""
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            text = answer.read().decode()
    except (OSError, urllib.error.HTTPError):
        return {}
    return {
        sample.labels["stage"]: sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and sample.labels.get("printer") == printer.id
    }


def slowest(url: str, printer: Printer) -> float:
    """Seconds of the stage that took longest in the last round; a busy machine slows some rounds down."""
    return max(samples(url, "vprinter_probe_duration_seconds", printer).values(), default=inf)


def test_the_prober_gets_through_and_leaves_no_trace(system: System) -> None:
    printer = system.new_printer(name="Probed")
    another = system.new_printer(name="Probed before")  # a search for one is heard by all
    with probing(system) as url:
        everything = dict.fromkeys(STAGES, 1.0)
        wait_for(lambda: samples(url, "vprinter_probe_success", printer) == everything, "all stages well", 30)
        wait_for(lambda: slowest(url, printer) < 5, "no stage takes five seconds")
        assert system.api.items("archive", printer=printer.id) == []
        wait_for(lambda: samples(url, "vprinter_probe_success", another) == everything, "both well", 30)
        for one in (printer, another):
            assert system.api.get(f"virtual-printers/{one.id}/setup")["clients"] == []
        system.remove(another)
        system.remove(printer)
        wait_for(lambda: samples(url, "vprinter_probe_success", printer) == {}, "the printer forgotten", 30)


def test_the_prober_says_how_far_it_gets(system: System) -> None:
    printer = system.new_printer(name="Half dead")
    with probing(system) as url:
        wait_for(lambda: samples(url, "vprinter_probe_success", printer).get("upload") == 1, "all stages well", 30)
        system.processes.kill("ftps", signal.SIGSTOP)  # SIGSTOP: it is there, and does not answer
        try:
            wanted = dict.fromkeys(STAGES, 1.0) | {"ftps": 0.0, "upload": 0.0}
            wait_for(lambda: samples(url, "vprinter_probe_success", printer) == wanted, "ftps is missed", 60)
        finally:
            system.processes.kill("ftps", signal.SIGCONT)
        wait_for(lambda: samples(url, "vprinter_probe_success", printer).get("upload") == 1, "it is back", 60)
    system.remove(printer)
