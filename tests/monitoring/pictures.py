"""Draws dashboards as far as needed to look at them: panels where gridPos puts them, with what their queries answer."""

from collections.abc import Callable
from html import escape
from typing import Any

from tests.monitoring.prometheus import Series
from tests.web.browser import chromium

COLUMN, LINE = 60, 34
"""Pixels of a grid unit."""
COLOURS = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#fade2a", "#56a64b", "#e02f44")
STYLE = """
body { background: #111217; color: #ccccdc; font: 12px sans-serif; margin: 0; position: relative }
div { position: absolute; overflow: hidden; box-sizing: border-box }
.panel { background: #181b1f; border: 1px solid #2c3235; padding: 4px 6px }
b { font-weight: 500 } p { margin: 2px 0; white-space: nowrap } big { font-size: 22px }
"""

Ask = Callable[[dict[str, Any]], Series]


def draw(page: dict[str, Any], ask: Ask, path: str) -> None:
    """A picture of a dashboard."""
    height = LINE * max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in page["panels"])
    body = "".join(_placed(panel, ask) for panel in page["panels"])
    with chromium() as browser:
        tab = browser.new_page(viewport={"width": 24 * COLUMN, "height": height})
        tab.set_content(f"<style>{STYLE}</style><body>{body}</body>")
        tab.screenshot(path=path)


def _placed(panel: dict[str, Any], ask: Ask) -> str:
    at = panel["gridPos"]
    place = f"left:{at['x'] * COLUMN}px;top:{at['y'] * LINE}px;width:{at['w'] * COLUMN}px;height:{at['h'] * LINE}px"
    if panel["type"] == "row":
        return f'<div style="{place};padding:8px"><b>{escape(panel["title"])}</b></div>'
    unit = panel["fieldConfig"]["defaults"]["unit"]
    found = [(_name(target, series), series) for target in panel["targets"] for series in ask(target)]
    inside = _lines(found, unit, at) if panel["type"] == "timeseries" else _numbers(found, unit, panel["type"])
    return f'<div class="panel" style="{place}"><b>{escape(panel["title"])}</b>{inside or "<p>NO DATA</p>"}</div>'


def _name(target: dict[str, Any], series: dict[str, Any]) -> str:
    legend: str = target["legendFormat"]
    if legend == "__auto":
        return (
            " ".join(f"{key}={value}" for key, value in series["metric"].items() if key != "__name__")
            or target["refId"]
        )
    for key, value in series["metric"].items():
        legend = legend.replace(f"{{{{{key}}}}}", value)
    return legend


def _numbers(found: list[tuple[str, dict[str, Any]]], unit: str, kind: str) -> str:
    if kind == "table":
        return "".join(f"<p>{escape(name)}</p>" for name, _ in found)
    return "".join(
        f"<p><big>{_shown(float(series['value'][1]), unit)}</big> {escape(name)}</p>" for name, series in found
    )


def _lines(found: list[tuple[str, dict[str, Any]]], unit: str, at: dict[str, int]) -> str:
    curves = [[(float(x), float(y)) for x, y in series["values"] if y != "NaN"] for _, series in found]
    points = [point for curve in curves for point in curve]
    if not points:
        return ""
    width, height = at["w"] * COLUMN - 20, at["h"] * LINE - 80
    left, right, top = min(points)[0], max(points)[0], max(y for _, y in points) or 1.0
    scale = (left, width / (right - left or 1), top, height - 2)
    drawn = "".join(
        f'<polyline fill="none" stroke="{colour}" points="{_path(curve, scale, height)}"/>'
        for colour, curve in zip(COLOURS * 9, curves, strict=False)
    )
    names = "".join(
        f'<span style="color:{colour}">■ {escape(name)} </span>'
        for colour, (name, _) in zip(COLOURS * 9, found, strict=False)
    )
    picture = f'<svg width="{width}" height="{height}">{drawn}</svg>'
    return f'<p>{_shown(top, unit)}</p>{picture}<p style="white-space:normal">{names}</p>'


def _path(points: list[tuple[float, float]], scale: tuple[float, float, float, float], height: float) -> str:
    left, across, top, down = scale
    return " ".join(f"{(x - left) * across:.1f},{height - 1 - (y / top) * down:.1f}" for x, y in points)


def _shown(value: float, unit: str) -> str:
    match unit:
        case "bool_yes_no":
            return "yes" if value else "no"
        case "percentunit":
            return f"{value:.1%}"
        case "s" if value >= 3600:
            return f"{value / 3600:.1f} h"
        case "bytes" | "Bps" if value >= 1024:
            return f"{value / 1024**2:.2f} MiB{'/s' if unit == 'Bps' else ''}"
    return f"{value:.3g} {unit if unit != 'short' else ''}"
