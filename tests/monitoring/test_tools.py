"""Prometheus' and Grafana's own tools find nothing wrong."""

import subprocess

import pytest

from tests.monitoring.promql import ROOT

pytestmark = pytest.mark.full

PROMTOOL = ROOT / ".prometheus/bin/promtool"
TESTS = sorted(ROOT.glob("deploy/prometheus/tests/*.yml"))


def run(*command: object) -> None:
    """Run a tool that must succeed."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_configuration_and_the_rules_are_valid() -> None:
    run(PROMTOOL, "check", "config", "--lint=all", "--lint-fatal", ROOT / "deploy/prometheus/prometheus.yml")


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.stem)
def test_an_alert_fires_when_it_should_and_only_then(file: object) -> None:
    run(PROMTOOL, "test", "rules", file)


def test_the_dashboards_have_the_types_of_grafanas_schema() -> None:
    run(ROOT / "tools/grafana/check")
