"""Makes docs/operations/metrics.md from the declarations: `.venv/bin/python -m tests.docs.metrics_page`."""

from pathlib import Path

from vprinter_common.metrics.declared import EDGES, EVERY, FAMILIES
from vprinter_common.metrics.family import Family, Label, Unit
from vprinter_common.runtime.settings import ADMIN_PORTS

PAGE = Path(__file__).parents[2] / "docs/operations/metrics.md"
MOST_SHOWN = 12
"""Values of a closed list that are spelt out."""
HEAD = """# Metrics

Each service serves its metrics at `/metrics` of its admin port ({ports}). [Monitoring](monitoring.md) says what to do
with them. No label holds a name, an address or anything else that a stranger could fill: how many series there are depends
on the number of printers only.
"""


def page() -> str:
    """The whole page."""
    ports = ", ".join(f"{service} {port}" for service, port in ADMIN_PORTS.items())
    parts = [HEAD.format(ports=ports)]
    groups = dict.fromkeys(family.services for family in FAMILIES)
    parts += [_section(services) for services in groups]
    return "\n".join(parts)


def _section(services: tuple[str, ...]) -> str:
    rows = [_row(family) for family in FAMILIES if family.services == services]
    head = ["| metric | type | unit | labels | meaning |", "|---|---|---|---|---|"]
    return "\n".join([f"## {_title(services)}", "", *head, *rows, ""])


def _title(services: tuple[str, ...]) -> str:
    match services:
        case _ if services == EVERY:
            return "Every service"
        case _ if services == EDGES:
            return "discovery, ftps, mqtt and proxy"
        case (*others, last) if others:
            return f"{', '.join(others)} and {last}"
        case _:
            return services[0]


def _row(family: Family) -> str:
    labels = "<br>".join(_label(label) for label in family.labels)
    unit = "" if family.unit is Unit.NUMBER else family.unit.value
    cells = [f"`{family.name}`", family.kind, unit, labels, family.help]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _label(label: Label) -> str:
    values = ""
    if 0 < len(label.values) <= MOST_SHOWN:
        values = ": " + ", ".join(f"`{value}`" for value in sorted(label.values) if value)
    return f"`{label.name}` ({label.bound}{values})"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
