"""What a dashboard is here, and its form in Grafana's JSON. Layout, colours, units and links are decided in this file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

WIDTH = 24
"""Columns of Grafana's grid."""
TAG = "vprinter"
SCHEMA = 39
"""Grafana 10.2 and later read it."""
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
RUNBOOKS = "docs/runbooks"

Json = dict[str, Any]


class Unit(StrEnum):
    """Grafana's name of a unit."""

    NUMBER = "short"
    PER_SECOND = "cps"
    SECONDS = "s"
    BYTES = "bytes"
    BYTES_PER_SECOND = "Bps"
    SHARE = "percentunit"
    YES_NO = "bool_yes_no"


class Kind(StrEnum):
    """How a panel shows its series."""

    LINES = "timeseries"
    NUMBERS = "stat"
    BARS = "bargauge"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """A PromQL expression and what its series are called."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture. `bad_from`: values from there on are red; `good_from`: values below are red."""

    title: str
    queries: Sequence[Query]
    unit: Unit
    kind: Kind = Kind.LINES
    width: int = 8
    height: int = 8
    about: str = ""
    stacked: bool = False
    bad_from: float | None = None
    good_from: float | None = None
    alert: str = ""
    """The alert that watches the same; its runbook is linked."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels under one heading, placed from left to right."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels. `uid` never changes: links and bookmarks hold it."""

    uid: str
    title: str
    about: str
    rows: Sequence[Row]
    by_target: bool = False
    """Whether real printers can be chosen, too."""

    def as_json(self) -> Json:
        """As Grafana takes it."""
        return {
            "uid": self.uid,
            "title": f"Virtual Printer / {self.title}",
            "description": self.about,
            "tags": [TAG],
            "schemaVersion": SCHEMA,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-24h", "to": "now"},
            "timezone": "browser",
            "links": [_link("dashboards", "Virtual Printer", tags=[TAG])],
            "templating": {"list": _variables(by_target=self.by_target)},
            "panels": list(self._panels()),
        }

    def _panels(self) -> Iterator[Json]:
        id_, y = 0, 0
        for row in self.rows:
            id_ += 1
            yield _row(row.title, id_, y)
            x, y, tallest = 0, y + 1, 0
            for panel in row.panels:
                if x + panel.width > WIDTH:
                    x, y, tallest = 0, y + tallest, 0
                id_ += 1
                yield _panel(panel, id_, x, y)
                x, tallest = x + panel.width, max(tallest, panel.height)
            y += tallest


def _row(title: str, id_: int, y: int) -> Json:
    place = {"h": 1, "w": WIDTH, "x": 0, "y": y}
    return {"type": "row", "id": id_, "title": title, "collapsed": False, "gridPos": place, "panels": []}


def _panel(panel: Panel, id_: int, x: int, y: int) -> Json:
    made: Json = {
        "type": panel.kind.value,
        "id": id_,
        "title": panel.title,
        "datasource": DATASOURCE,
        "gridPos": {"h": panel.height, "w": panel.width, "x": x, "y": y},
        "targets": [
            _target(panel.kind, query, letter) for query, letter in zip(panel.queries, "ABCDEFGH", strict=False)
        ],
        "fieldConfig": {"defaults": _field(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }
    if panel.kind is Kind.TABLE:
        made["transformations"] = [
            {"id": "organize", "options": {"excludeByName": {"Time": True, "Value": True, "__name__": True}}}
        ]
    if panel.about:
        made["description"] = panel.about
    if panel.alert:
        url = f"${{runbooks}}/{panel.alert}.md"
        made["links"] = [_link("link", f"What to do: {panel.alert}", url=url)]
    return made


def _target(kind: Kind, query: Query, letter: str) -> Json:
    now = kind is not Kind.LINES
    form = "table" if kind is Kind.TABLE else "time_series"
    legend = query.legend or "__auto"
    return {
        "refId": letter,
        "datasource": DATASOURCE,
        "expr": query.expr,
        "legendFormat": legend,
        "format": form,
        "instant": now,
        "range": not now,
    }


def _field(panel: Panel) -> Json:
    field: Json = {"unit": panel.unit.value, "thresholds": {"mode": "absolute", "steps": _steps(panel)}}
    if panel.kind is Kind.LINES:
        field["min"] = 0
        field["color"] = {"mode": "palette-classic"}
        field["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 20 if panel.stacked else 5,
            "showPoints": "never",
            "stacking": {"mode": "normal" if panel.stacked else "none", "group": "A"},
            "thresholdsStyle": {"mode": "off" if panel.bad_from is None else "dashed"},
        }
    else:
        field["color"] = {"mode": "thresholds"}
    return field


def _steps(panel: Panel) -> list[Json]:
    if panel.bad_from is not None:
        return [{"color": "green", "value": None}, {"color": "red", "value": panel.bad_from}]
    if panel.good_from is not None:
        return [{"color": "red", "value": None}, {"color": "green", "value": panel.good_from}]
    return [{"color": "blue", "value": None}]


_LAST: Json = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: dict[Kind, Json] = {
    Kind.LINES: {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    Kind.NUMBERS: {
        "reduceOptions": _LAST,
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
    },
    Kind.BARS: {"reduceOptions": _LAST, "displayMode": "basic", "orientation": "horizontal", "showUnfilled": True},
    Kind.TABLE: {"showHeader": True, "cellHeight": "sm"},
}


def _link(kind: str, title: str, *, url: str = "", tags: Sequence[str] = ()) -> Json:
    return {
        "type": kind,
        "title": title,
        "url": url,
        "tags": list(tags),
        "asDropdown": kind == "dashboards",
        "icon": "external link",
        "includeVars": kind == "dashboards",
        "keepTime": kind == "dashboards",
        "targetBlank": kind == "link",
        "tooltip": "",
    }


def _variables(*, by_target: bool) -> list[Json]:
    variables = [
        {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus", "refresh": 1},
        _ids("printer", "Printer", "vprinter_listener_bound"),
    ]
    if by_target:
        variables.append(_ids("target", "Real printer", "vprinter_target_online"))
    runbooks = {"text": RUNBOOKS, "value": RUNBOOKS}
    place = "Where docs/runbooks is published, for the links of panels"
    runbooks_variable = {"name": "runbooks", "label": "Runbooks", "type": "textbox", "query": RUNBOOKS}
    return [*variables, {**runbooks_variable, "description": place, "current": runbooks}]


def _ids(name: str, label: str, metric: str) -> Json:
    question = f"label_values({metric}, {name})"
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": question, "refId": "ids"},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": ["All"], "value": ["$__all"]},
    }
