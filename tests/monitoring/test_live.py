"""Prometheus scrapes the running system, and no panel of any dashboard is empty."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.monitoring.pictures import draw
from tests.monitoring.prometheus import Prometheus, Series, scraping
from tests.monitoring.promql import ROOT
from tests.monitoring.test_dashboards import PAGES, VARIABLES, panels
from tests.monitoring.traffic import Traffic
from tests.simulators.printer.printer import Character, SimulatedPrinter, free_printer_ports
from tests.system.harness import Printer, System
from tests.system.processes import SERVICES, wait_for
from tests.system.test_probe import probing
from vprinter_common.certs import CertificateAuthority

pytestmark = [pytest.mark.full, pytest.mark.timeout(600)]

PICTURES = ROOT / "build/dashboards"
HOURS = 5
"""Hours that are played; each is over in some seconds."""
WITHIN = {**VARIABLES, "$__rate_interval": "30s", "$__range": "10m"}


@dataclass(frozen=True, slots=True)
class Observed:
    """A system after some hours, and what was seen of it."""

    prometheus: Prometheus
    began: float

    def ask(self, target: dict[str, Any]) -> Series:
        """What a panel's query shows."""
        expr = target["expr"]
        for name, value in WITHIN.items():
            expr = expr.replace(name, value)
        if target["instant"]:
            return self.prometheus.ask(expr)
        return self.prometheus.ask_range(expr, self.began, time.time(), 1)


@contextmanager
def _with_proxy(directory: Path) -> Iterator[tuple[System, SimulatedPrinter]]:
    """A system whose proxy finds a real printer at the ports that a simulated one has."""
    system = System(directory)
    ports = free_printer_ports(data=range(system.ports.base + 24, system.ports.base + 27))
    there = {"DETECT": ports.detect, "DETECT_TLS": ports.detect_tls, "MQTT": ports.mqtt, "FTPS": ports.ftps}
    there |= {"RTSPS": ports.rtsps, "TUNNEL": ports.tunnel}
    here = {"MQTT": system.ports.mqtt, "FTPS": system.ports.ftps}
    here |= {"RTSPS": system.ports.base + 21, "TUNNEL": system.ports.base + 22}
    system.processes.environ |= {f"VPRINTER_PROXY__{name}_PORT": str(port) for name, port in here.items()}
    system.processes.environ |= {f"VPRINTER_PROXY__PRINTERS__{name}": str(port) for name, port in there.items()}
    simulated = SimulatedPrinter(system.fresh_address(), character=Character.LATE, ports=ports, final_delay=0.2)
    with simulated as real, system:
        yield system, real


def proxy(system: System, real: SimulatedPrinter) -> Printer:
    """A virtual printer in front of the real one, through which files pass and no commands."""
    target = system.api.post("printers", {"host": real.address, "access_code": real.access_code})
    body = {
        "name": "Passed on",
        "mode": "proxy",
        "target": target["id"],
        "relay": {"allow": "files", "capture": True},
        "bind": {"address": system.fresh_address()},
        "passive_ports": list(system.ports.passive),
    }
    made = system.api.post("virtual-printers", body)
    found = Printer(made["id"], made["serial"], body["bind"]["address"], real.access_code, made["model"])
    system.await_reachable(found)
    return found


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """Some hours of life."""
    another_ca = CertificateAuthority.create(tmp_path_factory.mktemp("another")).certificate_pem
    with _with_proxy(tmp_path_factory.mktemp("watched")) as (system, real):
        system.remove_first_printer()
        printers = {mode: system.new_printer(mode=mode) for mode in ("immediate", "review", "queue")}
        probe = system.ports.base + 20
        with probing(system), scraping(system.directory, system.ports.admin, probe) as prometheus:
            services = len(SERVICES) + 1
            wait_for(lambda: len(prometheus.ask("up == 1")) == services, "every service is scraped", 60)
            began = time.time()
            traffic = Traffic(system, printers, proxy(system, real), another_ca)
            for _ in range(HOURS):
                traffic.hour()
            real.power_off()
            traffic.to_nobody()
            system.api.patch(f"virtual-printers/{printers['queue'].id}", {"bind": {"address": system.fresh_address()}})
            # Two looks of control at its database, so that all gauges are of now.
            wait_for(lambda: prometheus.ask('vprinter_queue_items{state="waiting"} > 0'), "the queue is counted", 60)
            wait_for(lambda: prometheus.ask("rate(vprinter_printer_restarts_total[30s])"), "the restart is counted", 60)
            failures = "rate(vprinter_proxy_upstream_failures_total[30s])"
            wait_for(lambda: prometheus.ask(failures), "the failed connection is counted", 60)
            wait_for(lambda: prometheus.ask("vprinter_target_online == 0"), "the real printer is missed", 60)
            wait_for(lambda: prometheus.ask("ALERTS"), "an alert is about to fire", 60)
            yield Observed(prometheus, began)


@pytest.mark.parametrize(
    "panel",
    [pytest.param(panel, id=f"{name}: {panel['title']}") for name, page in PAGES.items() for panel in panels(page)],
)
def test_no_panel_is_empty(observed: Observed, panel: dict[str, Any]) -> None:
    found = [series for target in panel["targets"] for series in observed.ask(target)]
    values = [value for series in found for _, value in series.get("values", [series.get("value")])]
    assert any(value != "NaN" for value in values)


def test_every_service_is_scraped(observed: Observed) -> None:
    up = {series["metric"]["service"]: series["value"][1] for series in observed.prometheus.ask("up")}
    assert up == dict.fromkeys(("discovery", "ftps", "mqtt", "proxy", "control", "probe"), "1")


def test_mistakes_are_told_of(observed: Observed) -> None:
    alerts = {series["metric"]["alertname"] for series in observed.prometheus.ask("ALERTS")}
    assert {"TlsHandshakeFailures", "AuthFailures"} <= alerts


@pytest.mark.parametrize("name", PAGES)
def test_a_dashboard_can_be_looked_at(observed: Observed, name: str) -> None:
    picture = PICTURES / name.replace(".json", ".png")
    PICTURES.mkdir(parents=True, exist_ok=True)
    draw(PAGES[name], observed.ask, str(picture))
    assert picture.stat().st_size > 20_000
