"""Alerts ask for what there is, and each has a test and a page that say what it means."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring.promql import ROOT, faults, rules
from vprinter_cli.command import parser
from vprinter_common.runtime.settings import ADMIN_PORTS

PROMETHEUS = ROOT / "deploy/prometheus"
RUNBOOKS = ROOT / "docs/runbooks"
ALERTS = {rule["alert"]: rule for rule in rules("alert")}
PLACEHOLDERS = {"OWNER": "Ann", "ADDRESS": "192.168.1.50", "…": ""}


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", rules("record"), ids=lambda rule: rule["record"])
def test_a_recording_rule_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    assert faults(rule["expr"]) == []


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_asks_for_what_there_is(alert: str) -> None:
    assert faults(ALERTS[alert]["expr"]) == []


def test_there_are_not_too_many_alerts_to_know_them() -> None:
    assert len(ALERTS) <= 14


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_how_bad_what_and_what_to_do(alert: str) -> None:
    rule = ALERTS[alert]
    assert rule["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(rule["annotations"]) == {"summary", "description", "runbook_url"}
    assert "{{ $" in rule["annotations"]["summary"] + rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{alert}.md"


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_runbook(alert: str) -> None:
    text = (RUNBOOKS / f"{alert}.md").read_text(encoding="utf-8")
    assert re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE) == [
        alert,
        "Meaning",
        "Impact",
        "Diagnosis",
        "Remedy",
    ]


def test_there_is_no_runbook_without_an_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_test_for_firing_and_for_not_firing(alert: str) -> None:
    cases = [case["alert_rule_test"] for case in read(PROMETHEUS / f"tests/{alert}.yml")["tests"]]
    fires = [bool(check.get("exp_alerts")) for case in cases for check in case if check["alertname"] == alert]
    assert True in fires
    assert False in fires


def commands() -> list[tuple[str, str]]:
    """Every `vprinter …` of every runbook."""
    found = []
    for page in sorted(RUNBOOKS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        spans = [*re.findall(r"`([^`\n]+)`", text), *re.findall(r"^(.*?)(?:  .*)?$", text, re.MULTILINE)]
        found += [(page.stem, span) for span in spans if span.startswith("vprinter ")]
    return found


@pytest.mark.parametrize(("page", "command"), commands())
def test_a_command_of_a_runbook_is_one(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)[1:]
    parser().parse_args([PLACEHOLDERS.get(word, word) for word in words if word != "…"])


def test_every_service_is_scraped_at_its_own_port() -> None:
    scraped = {
        group["labels"]["service"]: int(target.rpartition(":")[2])
        for group in read(PROMETHEUS / "targets.yml")
        for target in group["targets"]
    }
    assert scraped == ADMIN_PORTS
