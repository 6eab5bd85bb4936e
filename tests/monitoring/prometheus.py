"""A real Prometheus with the shipped configuration, in a hurry, and what it answers."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.common.ports import free_port
from tests.monitoring.promql import ROOT
from tests.system.processes import wait_for

PROGRAM = ROOT / ".prometheus/bin/prometheus"
Series = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A server that runs."""

    url: str

    def ask(self, expr: str) -> Series:
        """The series of an instant query."""
        return self._get("query", query=expr)

    def ask_range(self, expr: str, start: float, end: float, step: float) -> Series:
        """The series of a query over time."""
        return self._get("query_range", query=expr, start=start, end=end, step=step)

    def _get(self, path: str, **parameters: Any) -> Series:
        with urllib.request.urlopen(
            f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}", timeout=20
        ) as page:
            found: Series = json.load(page)["data"]["result"]
        return found

    def is_ready(self) -> bool:
        """Whether it answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=5):
                return True
        except (OSError, urllib.error.HTTPError):
            return False


@contextmanager
def scraping(directory: Path, ports: Mapping[str, int], probe: int, *, every: str = "1s") -> Iterator[Prometheus]:
    """Prometheus with deploy/prometheus, but for the ports and the intervals."""
    house = directory / "prometheus"
    shutil.copytree(ROOT / "deploy/prometheus", house)
    config = house / "prometheus.yml"
    config.write_text(re.sub(r"(_interval:) 15s", rf"\1 {every}", config.read_text()))
    targets = [{"targets": [f"127.0.0.1:{port}"], "labels": {"service": name}} for name, port in ports.items()]
    (house / "targets.yml").write_text(yaml.safe_dump(targets))
    prober = [{"targets": [f"127.0.0.1:{probe}"], "labels": {"service": "probe"}}]
    (house / "probe.yml").write_text(yaml.safe_dump(prober))
    address = f"127.0.0.1:{free_port()}"
    command = [
        str(PROGRAM),
        f"--config.file={config}",
        f"--storage.tsdb.path={directory / 'series'}",
        f"--web.listen-address={address}",
    ]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            prometheus = Prometheus(f"http://{address}")
            wait_for(prometheus.is_ready, "Prometheus is ready", 30)
            yield prometheus
        finally:
            process.terminate()
            process.wait(20)
