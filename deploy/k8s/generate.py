"""Makes components/monitoring/prometheusrule.yaml from deploy/prometheus/rules: `.venv/bin/python deploy/k8s/generate.py`."""

from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
RULES = HERE.parent / "prometheus" / "rules"
MADE = HERE / "components" / "monitoring" / "prometheusrule.yaml"
HEAD = """\
# Made by deploy/k8s/generate.py from deploy/prometheus/rules, which is where to change it.
# Change: labels, if your Prometheus selects rules by label.
"""


def text() -> str:
    """The whole file."""
    groups = [group for path in sorted(RULES.glob("*.yml")) for group in yaml.safe_load(path.read_text())["groups"]]
    rule: dict[str, Any] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "vprinter"},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.safe_dump(rule, sort_keys=False, width=1000, allow_unicode=True)


if __name__ == "__main__":
    MADE.write_text(text(), encoding="utf-8")
