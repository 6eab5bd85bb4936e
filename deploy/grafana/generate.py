"""Writes dashboards/*.json: `.venv/bin/python -m deploy.grafana.generate`."""

import json
from pathlib import Path

from deploy.grafana.content.ingest import INGEST
from deploy.grafana.content.overview import OVERVIEW
from deploy.grafana.content.platform import PLATFORM
from deploy.grafana.content.protocols import PROTOCOLS
from deploy.grafana.content.proxy import PROXY
from deploy.grafana.content.queue_and_archive import QUEUE

DASHBOARDS = (OVERVIEW, INGEST, PROTOCOLS, PROXY, QUEUE, PLATFORM)
DIRECTORY = Path(__file__).parent / "dashboards"


def files() -> dict[str, str]:
    """Name -> content of every dashboard's file."""
    return {
        f"{dashboard.uid.removeprefix('vprinter-')}.json": json.dumps(dashboard.as_json(), indent=2) + "\n"
        for dashboard in DASHBOARDS
    }


if __name__ == "__main__":
    for name, content in files().items():
        (DIRECTORY / name).write_text(content, encoding="utf-8")
